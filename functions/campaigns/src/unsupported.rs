//! What a campaign can say and runs cannot do yet: refused when it is stored, so that nobody finds out from the letters.

use ::campaign::Campaign;
use domain::violation::Violation;

/// Each of them, with where it stands.
pub(crate) fn unsupported(campaign: &Campaign) -> Vec<Violation> {
    let refusals = [(
        campaign.one_per_household,
        "/one_per_household",
        "must be false: runs do not know households yet",
    )];
    refusals
        .into_iter()
        .filter(|(refused, ..)| *refused)
        .map(|(_, pointer, detail)| Violation::new(format!("/campaign{pointer}"), "not_supported", detail))
        .collect()
}
