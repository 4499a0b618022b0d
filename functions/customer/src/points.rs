//! The account of a party and its ledger (L2).

use chrono::{DateTime, Utc};
use domain::account::{Account, Cause, Entry, LotKey};
use domain::id::{PartyId, ProgrammeId};
use domain::money::{Currency, Money};
use http_edge::api::customers::{PointCause, PointEntry, PointLot, PointsAnswer};
use http_edge::{Code, Problem, Request, Response, Scope, page};
use store::account::{self, AccountId};
use store::db::Read;
use store::{Record, Site, party};

use crate::App;
use crate::parties::no_such_party;

/// Longest position in the ledger that a token may carry: a business date and a receipt key are shorter.
const POSITION_MAX: usize = 200;

impl App {
    /// `GET /v1/parties/{party_id}/points`.
    pub(crate) async fn show_points(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let id = AccountId {
            tenant: caller.tenant.clone(),
            party: request.path::<PartyId>("party_id")?,
            programme: request.required_query::<ProgrammeId>("programme")?,
        };
        let limit = request.limit()?;
        let after = position(request)?.map(|natural| id.entry_key(&natural).sk);
        let programme = self
            .programmes
            .current(&self.db, Site::CustomerProgramme, &id.tenant, &id.programme)
            .await?
            .ok_or_else(|| Problem::new(Code::ProgrammeUnknown, "programme: there is no such programme"))?;
        let account = account::read(&self.db, Site::PartyAccount, &id, Read::Strong).await?;
        if account.is_none() {
            let known = party::read(&self.db, Site::PartyRead, &id.tenant, &id.party).await?;
            known.ok_or_else(no_such_party)?;
        }
        let account = account.map(|record| record.d).unwrap_or_default();
        let (entries, next) = account::ledger(&self.db, Site::PartyLedger, &id, after, limit).await?;
        let prefix = id.entry_key("").sk;
        let next = next.and_then(|sk| sk.strip_prefix(&prefix).map(|natural| page::token(&natural)));
        let entries = entries
            .into_iter()
            .map(|entry| point_entry(entry, programme.currency))
            .collect();
        Response::json(200, &points(&id, account, programme.currency, entries, next, now))
    }
}

/// The entry to continue after: what [`Entry::natural_id`] made.
fn position(request: &Request) -> Result<Option<String>, Problem> {
    let Some(token) = request.query.get("next") else {
        return Ok(None);
    };
    entry_name("next", page::position("next", token)?).map(Some)
}

/// A name of an entry out of a token.
pub(crate) fn entry_name(parameter: &str, natural: String) -> Result<String, Problem> {
    if natural.is_empty() || natural.len() > POSITION_MAX || !natural.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(page::foreign(parameter));
    }
    Ok(natural)
}

fn points(
    id: &AccountId,
    account: Account,
    currency: Currency,
    entries: Vec<PointEntry>,
    next: Option<String>,
    as_of: DateTime<Utc>,
) -> PointsAnswer {
    PointsAnswer {
        party_id: id.party.to_string(),
        programme: id.programme.to_string(),
        balance: account.balance,
        pending: account.pending(),
        lots: account.lots.iter().map(|lot| point_lot(lot.key, lot.open)).collect(),
        revenue: Money::new(account.revenue_minor, currency),
        receipts: account.receipts,
        vouchers_issued: account.vouchers_issued,
        version: account.version,
        as_of,
        entries,
        next,
    }
}

pub(crate) fn point_entry(record: Record<Entry>, currency: Currency) -> PointEntry {
    let entry = record.d;
    let moves = entry.lots.iter();
    PointEntry {
        entry_id: page::token(&entry.natural_id()),
        version: entry.version,
        business_date: entry.business_date,
        points: entry.points,
        balance_after: entry.balance_after,
        pending_after: entry.pending_after,
        programme_version: entry.programme_version,
        lots: moves.map(|change| point_lot(change.key, change.points)).collect(),
        cause: point_cause(entry.cause, currency),
        posted_at: record.created_at,
    }
}

fn point_lot(key: LotKey, points: i64) -> PointLot {
    PointLot {
        active_from: key.from,
        last_day: key.until,
        points,
    }
}

fn point_cause(cause: Cause, currency: Currency) -> PointCause {
    let money = |minor| Money::new(minor, currency);
    match cause {
        Cause::Receipt {
            receipt,
            total_minor,
            eligible_minor,
            voucher_paid_minor,
            base_minor,
            ..
        } => PointCause::Receipt {
            receipt: receipt.to_string(),
            total: money(total_minor),
            eligible: money(eligible_minor),
            voucher_paid: money(voucher_paid_minor),
            base: money(base_minor),
        },
        Cause::Return {
            receipt,
            original,
            void,
            total_minor,
            points_before,
            points_after,
            forgiven,
            uncollected,
            ..
        } => PointCause::Return {
            receipt: receipt.to_string(),
            original: original.map(|original| original.to_string()),
            void,
            total: money(total_minor),
            points_before,
            points_after,
            forgiven,
            uncollected,
        },
        Cause::VoucherIssue {
            first,
            count,
            threshold_points,
            run,
        } => PointCause::VoucherIssue {
            first,
            count,
            threshold_points,
            run: run.map(|run| run.to_string()),
        },
        Cause::VoucherVoid { sequence, run, expired } => PointCause::VoucherVoid {
            sequence,
            run: run.map(|run| run.to_string()),
            expired,
        },
        Cause::Activation => PointCause::Activation,
        Cause::Expiry { lot } => PointCause::Expiry { last_day: lot.until },
        Cause::Correction { id } => PointCause::Correction { id },
        Cause::Transfer { id, other, .. } => PointCause::Transfer {
            id,
            other: other.to_string(),
        },
        Cause::Recalculation {
            run,
            receipt,
            points_before,
            points_after,
            ..
        } => PointCause::Recalculation {
            run,
            receipt: receipt.to_string(),
            points_before,
            points_after,
        },
    }
}
