//! What the vouchers of a run say.

use chrono::NaiveDate;
use domain::calendar::plus_days;
use serde::{Deserialize, Serialize};

use crate::campaign::Campaign;
use crate::template::{Bearer, Channel, Consideration, Validity, VatKind, Worth};

/// The static terms of all vouchers of one run: what is written on each when it is issued and never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Terms {
    /// What one voucher is worth.
    pub worth: Worth,
    /// Smallest basket, in minor units.
    pub min_basket_minor: i64,
    /// First day of validity, a business day of the programme.
    pub valid_from: NaiveDate,
    /// Last day of validity, through its last instant.
    pub valid_until: NaiveDate,
    /// Product groups; all, when empty.
    pub groups: Vec<String>,
    /// Channels; all, when empty.
    pub channels: Vec<Channel>,
    /// Locations; all, when empty.
    pub locations: Vec<String>,
    /// Who may redeem it.
    pub bearer: Bearer,
    /// Whether it was paid for.
    pub consideration: Consideration,
    /// When VAT is due.
    pub vat_kind: VatKind,
    /// Whether it can be redeemed only once the printer has acknowledged its letter.
    pub needs_acknowledgement: bool,
    /// Points that it costs its member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_points: Option<i64>,
    /// Whether each receipt may take a part of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

/// The validity of a campaign's vouchers is over before the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the vouchers of the campaign would be valid until {until}, before the day of the run: set later dates")]
pub struct Ended {
    /// Last day of validity.
    pub until: NaiveDate,
}

/// The terms of the vouchers that a run on this business day issues.
///
/// # Errors
/// [`Ended`] when the last day of validity lies before the day of the run.
pub fn terms(campaign: &Campaign, run_day: NaiveDate) -> Result<Terms, Ended> {
    let terms = unchecked_terms(campaign, run_day);
    if terms.valid_until < run_day {
        return Err(Ended {
            until: terms.valid_until,
        });
    }
    Ok(terms)
}

/// The terms even where the validity is over.
pub(crate) fn unchecked_terms(campaign: &Campaign, run_day: NaiveDate) -> Terms {
    let template = &campaign.voucher;
    let (valid_from, valid_until) = days_of_validity(template.validity, run_day);
    Terms {
        worth: template.worth,
        min_basket_minor: template.min_basket_minor,
        valid_from,
        valid_until,
        groups: template.groups.clone(),
        channels: template.channels.clone(),
        locations: template.locations.clone(),
        bearer: template.bearer,
        consideration: template.consideration,
        vat_kind: template.vat_kind,
        needs_acknowledgement: campaign.needs_acknowledgement,
        cost_points: template.cost_points,
        partial: template.partial,
    }
}

/// First and last day of validity of a voucher that a run on this day issues.
pub(crate) fn days_of_validity(validity: Validity, run_day: NaiveDate) -> (NaiveDate, NaiveDate) {
    match validity {
        Validity::Dates { from, until } => (from, until),
        Validity::Days { after_start, days } => {
            let from = plus_days(run_day, after_start);
            // The first day counts.
            (from, plus_days(from, days.saturating_sub(1)))
        }
    }
}
