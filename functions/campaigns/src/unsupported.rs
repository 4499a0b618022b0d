//! What a campaign can say and runs cannot do yet: refused when it is stored, so that nobody finds out from the letters.

use ::campaign::{Bearer, Campaign, Consideration, VatKind, Worth};
use domain::violation::Violation;

/// Each of them, with where it stands.
pub(crate) fn unsupported(campaign: &Campaign) -> Vec<Violation> {
    let voucher = &campaign.voucher;
    let refusals = [
        (
            matches!(voucher.worth, Worth::PerCent { .. }),
            "/voucher/worth",
            "must be an amount: redemption does not know the basket's lines yet, which a share is taken of",
        ),
        (
            !voucher.groups.is_empty(),
            "/voucher/groups",
            "must be empty: redemption does not know the basket's lines yet",
        ),
        (
            voucher.bearer == Bearer::Personal,
            "/voucher/bearer",
            "must be `bearer`: tills do not say yet whose card was presented",
        ),
        (
            voucher.vat_kind == VatKind::Service,
            "/voucher/vat_kind",
            "must be `value`: vouchers for services are not kept apart in the books yet",
        ),
        (
            voucher.consideration == Consideration::Paid,
            "/voucher/consideration",
            "must be `free`: runs take no payment",
        ),
    ];
    refusals
        .into_iter()
        .filter(|(refused, ..)| *refused)
        .map(|(_, pointer, detail)| Violation::new(format!("/campaign{pointer}"), "not_supported", detail))
        .collect()
}
