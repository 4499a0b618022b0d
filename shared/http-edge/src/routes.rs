//! Every route with its scope and its function. The template and the OpenAPI document are tested against this list.

use crate::caller::Scope;

/// A route of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// HTTP method.
    pub method: &'static str,
    /// Path with `{parameters}`.
    pub path: &'static str,
    /// The scope it needs; `None` for the open ones.
    pub scope: Option<Scope>,
    /// The function that answers.
    pub function: &'static str,
}

const fn route(method: &'static str, path: &'static str, scope: Scope, function: &'static str) -> Route {
    Route {
        method,
        path,
        scope: Some(scope),
        function,
    }
}

const fn open_by(path: &'static str, function: &'static str) -> Route {
    Route {
        method: "GET",
        path,
        scope: None,
        function,
    }
}

const fn open(path: &'static str) -> Route {
    open_by(path, "api-docs")
}

/// All routes.
pub const ROUTES: &[Route] = &[
    route("POST", "/v1/purchases", Scope::PurchasesWrite, "purchase-ingestion"),
    route("GET", "/v1/purchases/{key}", Scope::PurchasesRead, "purchase-ingestion"),
    route(
        "POST",
        "/v1/purchases/{key}/claim",
        Scope::PurchasesClaim,
        "purchase-ingestion",
    ),
    route(
        "POST",
        "/v1/purchases/{key}/void",
        Scope::PurchasesWrite,
        "purchase-ingestion",
    ),
    route("POST", "/v1/returns", Scope::PurchasesWrite, "purchase-ingestion"),
    route(
        "POST",
        "/v1/vouchers/check",
        Scope::VouchersRedeem,
        "voucher-redemption",
    ),
    route(
        "POST",
        "/v1/vouchers/reserve",
        Scope::VouchersRedeem,
        "voucher-redemption",
    ),
    route(
        "POST",
        "/v1/vouchers/redeem",
        Scope::VouchersRedeem,
        "voucher-redemption",
    ),
    route(
        "POST",
        "/v1/vouchers/release",
        Scope::VouchersRedeem,
        "voucher-redemption",
    ),
    route(
        "POST",
        "/v1/vouchers/reverse",
        Scope::VouchersRedeem,
        "voucher-redemption",
    ),
    route("GET", "/v1/vouchers/feed", Scope::VouchersFeed, "voucher-redemption"),
    route(
        "GET",
        "/v1/vouchers/unmatched",
        Scope::OperationsRead,
        "voucher-redemption",
    ),
    route("POST", "/v1/parties", Scope::PartiesWrite, "customer"),
    route("GET", "/v1/parties", Scope::PartiesRead, "party-search"),
    route("GET", "/v1/parties/{party_id}", Scope::PartiesRead, "customer"),
    route("PATCH", "/v1/parties/{party_id}", Scope::PartiesWrite, "customer"),
    route("GET", "/v1/parties/{party_id}/changes", Scope::PartiesRead, "customer"),
    route("GET", "/v1/parties/{party_id}/past", Scope::PartiesRead, "customer"),
    route(
        "POST",
        "/v1/parties/{party_id}/contacts",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "PUT",
        "/v1/parties/{party_id}/contacts/{contact_id}",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "DELETE",
        "/v1/parties/{party_id}/contacts/{contact_id}",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "POST",
        "/v1/parties/{party_id}/identifiers",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "POST",
        "/v1/parties/{party_id}/identifiers/end",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "PUT",
        "/v1/parties/{party_id}/roles/{role}",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "DELETE",
        "/v1/parties/{party_id}/roles/{role}",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "POST",
        "/v1/parties/{party_id}/classifications",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "DELETE",
        "/v1/parties/{party_id}/classifications/{classification}",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "PUT",
        "/v1/parties/{party_id}/consents/{channel}",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "PUT",
        "/v1/parties/{party_id}/lists/{list}",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "GET",
        "/v1/parties/{party_id}/relationships",
        Scope::PartiesRead,
        "customer",
    ),
    route(
        "POST",
        "/v1/parties/{party_id}/relationships",
        Scope::PartiesWrite,
        "customer",
    ),
    route(
        "POST",
        "/v1/parties/{party_id}/relationships/end",
        Scope::PartiesWrite,
        "customer",
    ),
    route("GET", "/v1/parties/{party_id}/points", Scope::PartiesRead, "customer"),
    route(
        "GET",
        "/v1/parties/{party_id}/points/{entry_id}",
        Scope::PartiesRead,
        "customer",
    ),
    route("GET", "/v1/parties/{party_id}/segments", Scope::PartiesRead, "customer"),
    route(
        "PUT",
        "/v1/parties/{party_id}/segments",
        Scope::PartiesWrite,
        "customer",
    ),
    route("POST", "/v1/cards", Scope::CardsWrite, "customer"),
    route("POST", "/v1/cards/{number}/register", Scope::CardsWrite, "customer"),
    route("POST", "/v1/cards/{number}/replace", Scope::CardsWrite, "customer"),
    route("POST", "/v1/cards/{number}/block", Scope::CardsWrite, "customer"),
    route("POST", "/v1/cards/{number}/unblock", Scope::CardsWrite, "customer"),
    route("GET", "/v1/cash-desk/{card}", Scope::CashDeskRead, "customer"),
    route(
        "POST",
        "/v1/parties/{party_id}/points/corrections",
        Scope::PointsAdjust,
        "points-desk",
    ),
    route(
        "POST",
        "/v1/parties/{party_id}/points/transfers",
        Scope::PointsAdjust,
        "points-desk",
    ),
    route(
        "POST",
        "/v1/parties/{party_id}/vouchers/{sequence}/void",
        Scope::PointsAdjust,
        "points-desk",
    ),
    route("GET", "/v1/points/corrections", Scope::PointsRead, "points-desk"),
    route("GET", "/v1/points/corrections/{id}", Scope::PointsRead, "points-desk"),
    route(
        "POST",
        "/v1/points/corrections/{id}/approve",
        Scope::PointsApprove,
        "points-desk",
    ),
    route(
        "POST",
        "/v1/points/corrections/{id}/reject",
        Scope::PointsApprove,
        "points-desk",
    ),
    route("POST", "/v1/erp/orders", Scope::ErpWrite, "erp-intake"),
    route("POST", "/v1/erp/invoices", Scope::ErpWrite, "erp-intake"),
    route("POST", "/v1/erp/payments", Scope::ErpWrite, "erp-intake"),
    route("GET", "/v1/erp/rejected", Scope::OperationsRead, "erp-intake"),
    route(
        "POST",
        "/v1/erp/rejected/{document_id}/done",
        Scope::ErpWrite,
        "erp-intake",
    ),
    route("GET", "/v1/erp/waiting-payments", Scope::OperationsRead, "erp-intake"),
    route("GET", "/v1/parties/{party_id}/orders", Scope::PartiesRead, "erp-intake"),
    route(
        "GET",
        "/v1/parties/{party_id}/payment-morale",
        Scope::PartiesRead,
        "erp-intake",
    ),
    route("POST", "/v1/tasks", Scope::DeskWrite, "service-desk"),
    route("GET", "/v1/tasks", Scope::DeskRead, "service-desk"),
    route("GET", "/v1/tasks/{task_id}", Scope::DeskRead, "service-desk"),
    route("POST", "/v1/tasks/{task_id}/claim", Scope::DeskWrite, "service-desk"),
    route("POST", "/v1/tasks/{task_id}/finish", Scope::DeskWrite, "service-desk"),
    route("POST", "/v1/tasks/{task_id}/reopen", Scope::DeskWrite, "service-desk"),
    route("POST", "/v1/leads", Scope::PartiesWrite, "service-desk"),
    route(
        "GET",
        "/v1/leads/{party_id}/candidates",
        Scope::PartiesRead,
        "service-desk",
    ),
    route(
        "POST",
        "/v1/leads/{party_id}/convert",
        Scope::PartiesWrite,
        "service-desk",
    ),
    route("POST", "/v1/cases", Scope::DeskWrite, "service-desk"),
    route("GET", "/v1/cases", Scope::DeskRead, "service-desk"),
    route("GET", "/v1/cases/{case_id}", Scope::DeskRead, "service-desk"),
    route("PUT", "/v1/cases/{case_id}/status", Scope::DeskWrite, "service-desk"),
    route(
        "POST",
        "/v1/parties/{party_id}/communications",
        Scope::DeskWrite,
        "service-desk",
    ),
    route(
        "POST",
        "/v1/parties/{party_id}/opportunities",
        Scope::DeskWrite,
        "service-desk",
    ),
    route(
        "GET",
        "/v1/parties/{party_id}/opportunities",
        Scope::DeskRead,
        "service-desk",
    ),
    route(
        "PUT",
        "/v1/parties/{party_id}/opportunities/{opportunity_id}",
        Scope::DeskWrite,
        "service-desk",
    ),
    route(
        "GET",
        "/v1/parties/{party_id}/opportunities/{opportunity_id}/history",
        Scope::DeskRead,
        "service-desk",
    ),
    route("GET", "/v1/tasks/{task_id}/history", Scope::DeskRead, "service-desk"),
    route("GET", "/v1/cases/{case_id}/history", Scope::DeskRead, "service-desk"),
    route("GET", "/v1/opportunities", Scope::DeskRead, "service-desk"),
    route(
        "GET",
        "/v1/parties/{party_id}/timeline",
        Scope::DeskRead,
        "service-desk",
    ),
    route(
        "GET",
        "/v1/parties/{party_id}/overview",
        Scope::DeskRead,
        "service-desk",
    ),
    route("GET", "/v1/party-types", Scope::PartiesRead, "administration"),
    route("PUT", "/v1/party-types", Scope::ProgrammesWrite, "administration"),
    route("GET", "/v1/workflows", Scope::ProgrammesRead, "administration"),
    route("PUT", "/v1/workflows", Scope::ProgrammesWrite, "administration"),
    route("GET", "/v1/workflows/context", Scope::ProgrammesRead, "administration"),
    route("POST", "/v1/workflows/trial", Scope::ProgrammesWrite, "administration"),
    route("GET", "/v1/company", Scope::LocationsRead, "administration"),
    route("PUT", "/v1/company", Scope::LocationsWrite, "administration"),
    route("GET", "/v1/locations", Scope::LocationsRead, "administration"),
    route(
        "PUT",
        "/v1/locations/{location_id}",
        Scope::LocationsWrite,
        "administration",
    ),
    route(
        "POST",
        "/v1/locations/{location_id}/close",
        Scope::LocationsWrite,
        "administration",
    ),
    route(
        "GET",
        "/v1/locations/{location_id}/revenue",
        Scope::ReportsRead,
        "administration",
    ),
    route(
        "GET",
        "/v1/earning-rules/context",
        Scope::ProgrammesRead,
        "administration",
    ),
    route(
        "GET",
        "/v1/programmes/{programme_id}",
        Scope::ProgrammesRead,
        "administration",
    ),
    route(
        "PUT",
        "/v1/programmes/{programme_id}",
        Scope::ProgrammesWrite,
        "administration",
    ),
    route("GET", "/v1/recalculations", Scope::ProgrammesRead, "administration"),
    route(
        "PUT",
        "/v1/recalculations/{run_id}",
        Scope::ProgrammesWrite,
        "administration",
    ),
    route(
        "GET",
        "/v1/recalculations/{run_id}",
        Scope::ProgrammesRead,
        "administration",
    ),
    route(
        "GET",
        "/v1/recalculations/{run_id}/differences",
        Scope::PartiesRead,
        "administration",
    ),
    route(
        "POST",
        "/v1/recalculations/{run_id}/approve",
        Scope::ProgrammesApprove,
        "administration",
    ),
    route("GET", "/v1/clients", Scope::ClientsAdmin, "administration"),
    route("PUT", "/v1/clients/{client_id}", Scope::ClientsAdmin, "administration"),
    route(
        "POST",
        "/v1/clients/{client_id}/keys",
        Scope::ClientsAdmin,
        "administration",
    ),
    route(
        "DELETE",
        "/v1/clients/{client_id}/keys/{key_id}",
        Scope::ClientsAdmin,
        "administration",
    ),
    route("GET", "/v1/exceptions", Scope::OperationsRead, "administration"),
    route(
        "GET",
        "/v1/finance/{programme_id}/{month}",
        Scope::FinanceRead,
        "finance",
    ),
    route(
        "POST",
        "/v1/finance/{programme_id}/{month}",
        Scope::FinanceRun,
        "finance",
    ),
    route("GET", "/v1/campaigns", Scope::CampaignsRead, "campaigns"),
    route("GET", "/v1/campaign-context", Scope::CampaignsRead, "campaigns"),
    route("GET", "/v1/campaigns/{campaign_id}", Scope::CampaignsRead, "campaigns"),
    route("PUT", "/v1/campaigns/{campaign_id}", Scope::CampaignsWrite, "campaigns"),
    route(
        "POST",
        "/v1/campaigns/{campaign_id}/dry-runs",
        Scope::CampaignsWrite,
        "campaigns",
    ),
    route(
        "POST",
        "/v1/campaigns/{campaign_id}/approve",
        Scope::CampaignsApprove,
        "campaigns",
    ),
    route(
        "POST",
        "/v1/campaigns/{campaign_id}/start",
        Scope::CampaignsWrite,
        "campaigns",
    ),
    route(
        "POST",
        "/v1/campaigns/{campaign_id}/close",
        Scope::CampaignsWrite,
        "campaigns",
    ),
    route(
        "GET",
        "/v1/campaigns/{campaign_id}/results",
        Scope::CampaignsRead,
        "campaigns",
    ),
    route("GET", "/v1/runs", Scope::CampaignsRead, "campaigns"),
    route("GET", "/v1/runs/{run_id}", Scope::CampaignsRead, "campaigns"),
    route("GET", "/v1/runs/{run_id}/results", Scope::CampaignsRead, "campaigns"),
    route(
        "POST",
        "/v1/runs/{run_id}/measurements",
        Scope::CampaignsWrite,
        "campaigns",
    ),
    route(
        "GET",
        "/v1/runs/{run_id}/members/{party_id}",
        Scope::CampaignsRead,
        "campaigns",
    ),
    route("GET", "/v1/runs/{run_id}/files", Scope::LettershopPull, "campaigns"),
    route(
        "POST",
        "/v1/runs/{run_id}/acknowledgement",
        Scope::LettershopPull,
        "campaigns",
    ),
    route("POST", "/v1/lettershop/returns", Scope::LettershopPull, "campaigns"),
    route("GET", "/v1/lettershop/settings", Scope::CampaignsRead, "campaigns"),
    route("PUT", "/v1/lettershop/settings", Scope::CampaignsWrite, "campaigns"),
    route("GET", "/v1/imports", Scope::ImportsRead, "imports"),
    route("GET", "/v1/imports/{run_id}", Scope::ImportsRead, "imports"),
    route("POST", "/v1/imports/{run_id}/restart", Scope::ImportsRun, "imports"),
    route(
        "POST",
        "/v1/parties/{party_id}/statements",
        Scope::PrivacyRead,
        "privacy",
    ),
    route("POST", "/v1/parties/{party_id}/erasure", Scope::PrivacyWrite, "privacy"),
    route("GET", "/v1/parties/{party_id}/erasure", Scope::PrivacyRead, "privacy"),
    route(
        "POST",
        "/v1/parties/{party_id}/erasure/approval",
        Scope::PrivacyApprove,
        "privacy",
    ),
    route(
        "POST",
        "/v1/parties/{party_id}/erasure/withdrawal",
        Scope::PrivacyWrite,
        "privacy",
    ),
    route("GET", "/v1/erasures", Scope::PrivacyRead, "privacy"),
    // Whoever holds a statement can verify it.
    open_by("/v1/statement-keys", "privacy"),
    open("/docs"),
    open("/openapi.json"),
    open("/health"),
];

/// The route with this key, `METHOD /path`.
pub fn find(key: &str) -> Option<&'static Route> {
    let (method, path) = key.split_once(' ')?;
    ROUTES.iter().find(|route| route.method == method && route.path == path)
}
