//! A run before anything is issued: its sums, and the fingerprint that the real run must meet.

use chrono::NaiveDate;
use domain::id::PartyId;
use domain::money::OutOfRange;
use serde::{Deserialize, Serialize};

use crate::campaign::{Campaign, LetterCost};
use crate::digest::Digest;
use crate::member::Decision;
use crate::template::{Bearer, Channel, Consideration, VatKind, Worth};
use crate::terms::{Terms, unchecked_terms};
use crate::totals::Totals;

/// What one letter of a run costs and what its vouchers are worth, made once for the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    run: String,
    terms: Digest,
    /// The most that one voucher can take off; `None` when only the basket limits it.
    pub(crate) face_minor: Option<i64>,
    pub(crate) cost: LetterCost,
    /// Points that one voucher costs its member.
    pub(crate) points: i64,
}

impl Priced {
    /// Of the campaign's run that is planned for this business day. A dry run is made for the day of the real one, and a run that
    /// is resumed later keeps its day: dates of vouchers are counted from it.
    pub fn new(campaign: &Campaign, run_day: NaiveDate) -> Self {
        let terms = unchecked_terms(campaign, run_day);
        Self {
            run: campaign.run_id(run_day),
            terms: fingerprint(&terms),
            face_minor: terms.worth.face_minor(),
            cost: campaign.letter_cost,
            points: terms.cost_points.unwrap_or(0),
        }
    }
}

/// Sums and fingerprint of a run, or of a part of one. Parts can be merged in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DryRun {
    /// The sums.
    pub totals: Totals,
    /// The fingerprint of all decisions: run, party, decision and terms of each.
    pub digest: Digest,
}

impl DryRun {
    /// Adds the decision for one member. Each member is added once.
    ///
    /// # Errors
    /// [`OutOfRange`] when a sum leaves the 64-bit range; then the sums are of no use any more.
    pub fn add(&mut self, party: &PartyId, decision: &Decision, priced: &Priced) -> Result<(), OutOfRange> {
        self.totals.add(decision, priced)?;
        let (word, vouchers) = match decision {
            Decision::In { vouchers } => ("in", *vouchers),
            Decision::Control => ("control", 0),
            Decision::Out { reason } => (reason.as_str(), 0),
        };
        let record = Digest::of(&[
            b"campaign-decision/1",
            priced.run.as_bytes(),
            party.as_str().as_bytes(),
            word.as_bytes(),
            &vouchers.to_be_bytes(),
            priced.terms.as_bytes(),
        ]);
        self.digest = self.digest.plus(record);
        Ok(())
    }

    /// Adds another part of the same run.
    ///
    /// # Errors
    /// As [`DryRun::add`].
    pub fn merge(&mut self, other: &Self) -> Result<(), OutOfRange> {
        self.totals.merge(&other.totals)?;
        self.digest = self.digest.plus(other.digest);
        Ok(())
    }
}

/// The digest of terms. It must stay the same for the same terms: approvals hold it. So each field is written out here rather
/// than left to a format.
fn fingerprint(terms: &Terms) -> Digest {
    let worth = match terms.worth {
        Worth::Amount { value_minor } => format!("amount {value_minor}"),
        Worth::PerCent {
            per_cent,
            max_discount_minor,
        } => {
            let most = max_discount_minor.map_or_else(|| "-".to_owned(), |most| most.to_string());
            format!("per_cent {per_cent} {most}")
        }
    };
    let bearer = match terms.bearer {
        Bearer::Personal => "personal",
        Bearer::Bearer => "bearer",
    };
    let consideration = match terms.consideration {
        Consideration::Paid => "paid",
        Consideration::Free => "free",
    };
    let vat_kind = match terms.vat_kind {
        VatKind::Value => "value",
        VatKind::Service => "service",
    };
    let channels = terms.channels.iter().map(|channel| match channel {
        Channel::Branch => "branch",
        Channel::Shop => "shop",
    });
    let fields = [
        "campaign-terms/1".to_owned(),
        worth,
        terms.min_basket_minor.to_string(),
        terms.valid_from.to_string(),
        terms.valid_until.to_string(),
        bearer.to_owned(),
        consideration.to_owned(),
        vat_kind.to_owned(),
        terms.needs_acknowledgement.to_string(),
        terms.groups.len().to_string(),
        terms.channels.len().to_string(),
        terms.locations.len().to_string(),
    ];
    let mut parts: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
    // Their numbers stand above, so that none can be taken for one of the next list.
    parts.extend(terms.groups.iter().map(|group| group.as_bytes()));
    parts.extend(channels.map(str::as_bytes));
    parts.extend(terms.locations.iter().map(|location| location.as_bytes()));
    // Terms that came later stand behind all others, and only where they are set: what was approved before keeps its digest.
    if terms.partial {
        parts.push(b"partial");
    }
    let points = terms.cost_points.map(|points| format!("cost_points {points}"));
    parts.extend(points.as_ref().map(|points| points.as_bytes()));
    Digest::of(&parts)
}
