//! What a campaign can say and runs cannot do yet: refused when it is stored, so that nobody finds out from the letters.

use ::campaign::{Bearer, Campaign, Consideration, SCHEMA, VatKind, Worth};
use conditions::Condition;
use domain::violation::Violation;

/// The fields of segments that nothing is known of yet.
const UNKNOWN_FIELDS: [&str; 1] = ["rfmr.score"];

/// Each of them, with where it stands.
pub(crate) fn unsupported(campaign: &Campaign) -> Vec<Violation> {
    let voucher = &campaign.voucher;
    let segment = campaign.segment.as_deref();
    let segment = segment.and_then(|source| Condition::compile(source, &SCHEMA).ok());
    let reads_unknown = segment.is_some_and(|segment| segment.fields().any(|field| UNKNOWN_FIELDS.contains(&field)));
    let refusals = [
        (
            campaign.one_per_household,
            "/one_per_household",
            "must be false: runs do not know households yet",
        ),
        (
            campaign.rfmr_minimum.is_some(),
            "/rfmr_minimum",
            "must be absent: there are no RFMR scores yet",
        ),
        (
            reads_unknown,
            "/segment",
            "must not read rfmr.score: there are no RFMR scores yet",
        ),
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
