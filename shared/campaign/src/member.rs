//! The decision for one member, with its reason (X15).

use std::ops::RangeInclusive;

use chrono::NaiveDate;
use conditions::Condition;
use domain::account::affordable;
use domain::violation::Violation;
use serde::{Deserialize, Serialize};

use crate::birthday::{birthday_within, implausible};
use crate::campaign::{Campaign, Kind};
use crate::control::is_control;
use crate::segment::Facing;
use crate::subject::{Consent, Subject};
use crate::terms::days_of_validity;

/// A campaign's segment, ready to be asked for each member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    segment: Option<Condition>,
}

impl Campaign {
    /// Checks the campaign and makes its segment ready.
    ///
    /// # Errors
    /// Its [violations](Campaign::violations).
    pub fn compile(&self) -> Result<Compiled, Vec<Violation>> {
        let found = self.violations();
        if !found.is_empty() {
            return Err(found);
        }
        let segment = self.condition()?;
        Ok(Compiled { segment })
    }
}

/// Whether letters reach a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// There is a postal address and nothing speaks against it.
    Deliverable,
    /// Letters to the only one came back.
    Blocked,
    /// There is none.
    Missing,
}

/// What is known beside the member's own values.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Business day of the run.
    pub run_day: NaiveDate,
    /// Of a birthday campaign: the birthdays whose file goes out on that day ([`due`](crate::due)).
    pub due: Option<&'a RangeInclusive<NaiveDate>>,
    /// Birth dates that stand for an unknown one, such as [`PLACEHOLDERS`](crate::PLACEHOLDERS).
    pub placeholders: &'a [NaiveDate],
    /// Whether the campaign was closed.
    pub closed: bool,
    /// Whether letters reach the member.
    pub address: Address,
    /// Whether a classification keeps the member from vouchers.
    pub no_vouchers: bool,
    /// [Periods](Campaign::period) for which the campaign served the member, or a party that was merged into it, before this run
    /// was started. What the run itself has issued does not count: one that is resumed decides as it did at first.
    pub served: &'a [String],
    /// Whether this run serves another member of the household, who comes first, or has drawn one into the control group: a
    /// voucher in the household would blur what the group is to show.
    pub household_served: bool,
    /// Face value that the run may still give away, in minor units; looked at where the campaign has a budget.
    pub budget_left_minor: Option<i64>,
}

/// What becomes of a member in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Decision {
    /// A letter with so many vouchers.
    In {
        /// 1 to 10.
        vouchers: u32,
    },
    /// Would get a letter, and gets none so that the effect can be measured.
    Control,
    /// Gets none.
    Out {
        /// The first reason that applies.
        reason: Reason,
    },
}

/// Why a member gets no letter, in the order in which the reasons are looked at; the first one counts.
///
/// First what concerns the campaign and the day, then who belongs to it, then what keeps one who belongs to it from a letter: so
/// the sums of a run tell how many of the chosen are lost to addresses, objections and earlier runs. Members of the control group
/// are drawn from those whom only the budget could still stop, and use none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Reason {
    /// The campaign was closed, or its vouchers would be over on the day of the run.
    Ended,
    /// Of a birthday campaign: no birthday for this day's file, or no birth date.
    NoBirthdayDue,
    /// The birth date stands for an unknown one, or no member can be so young or old.
    ImplausibleBirthDate,
    /// The segment's condition does not hold.
    NotInSegment,
    /// The segment's condition has no answer: its arithmetic overflows, or a list is too long.
    SegmentUnanswered,
    /// Of a birthday campaign: the revenue in the window is below the floor.
    BelowFloor,
    /// Where vouchers cost points: there are not enough for one.
    TooFewPoints,
    /// A classification keeps the member from vouchers.
    Blacklisted,
    /// The member does not want letters.
    LetterObjected,
    /// There is no postal address.
    NoAddress,
    /// Letters to the address came back.
    AddressBlocked,
    /// An earlier run served the member for this period.
    AlreadyHadOne,
    /// The run serves another member of the household.
    HouseholdServed,
    /// The RFMR score is below the campaign's least one; no score counts as 0. Looked at last, so that it tells how many letters it
    /// saves.
    BelowRfmr,
    /// The vouchers would go beyond the budget.
    OverBudget,
}

impl Reason {
    /// All of them, in their order.
    pub const ALL: [Self; 15] = [
        Self::Ended,
        Self::NoBirthdayDue,
        Self::ImplausibleBirthDate,
        Self::NotInSegment,
        Self::SegmentUnanswered,
        Self::BelowFloor,
        Self::TooFewPoints,
        Self::Blacklisted,
        Self::LetterObjected,
        Self::NoAddress,
        Self::AddressBlocked,
        Self::AlreadyHadOne,
        Self::HouseholdServed,
        Self::BelowRfmr,
        Self::OverBudget,
    ];

    /// As it stands in bodies and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::NoBirthdayDue => "no_birthday_due",
            Self::ImplausibleBirthDate => "implausible_birth_date",
            Self::NotInSegment => "not_in_segment",
            Self::SegmentUnanswered => "segment_unanswered",
            Self::BelowFloor => "below_floor",
            Self::TooFewPoints => "too_few_points",
            Self::BelowRfmr => "below_rfmr",
            Self::Blacklisted => "blacklisted",
            Self::LetterObjected => "letter_objected",
            Self::NoAddress => "no_address",
            Self::AddressBlocked => "address_blocked",
            Self::AlreadyHadOne => "already_had_one",
            Self::HouseholdServed => "household_served",
            Self::OverBudget => "over_budget",
        }
    }
}

/// Decides for one member; [`Reason`] tells the order.
///
/// Only the budget makes a decision depend on those before it: where a run is split, each part gets its own share of the budget,
/// or the run is refused as a whole when its sum is [beyond](crate::Totals::is_beyond) it.
pub fn decide(
    campaign: &Campaign,
    compiled: &Compiled,
    subject: &Subject,
    circumstances: &Circumstances<'_>,
) -> Decision {
    match chosen(campaign, compiled, subject, circumstances) {
        Err(reason) => Decision::Out { reason },
        Ok(period) if is_control(campaign, &period, &subject.party) => Decision::Control,
        Ok(_) if !within_budget(campaign, circumstances) => Decision::Out {
            reason: Reason::OverBudget,
        },
        Ok(_) => Decision::In {
            vouchers: vouchers(campaign, subject),
        },
    }
}

/// How many vouchers a member gets: of those that cost points as many as it has points for.
fn vouchers(campaign: &Campaign, subject: &Subject) -> u32 {
    let most = campaign.voucher.per_member;
    let Some(points_each) = campaign.voucher.cost_points else {
        return most;
    };
    let paid = affordable(subject.points_balance, points_each);
    u32::try_from(paid).map_or(most, |paid| paid.min(most))
}

/// The period for which the member is served, or the reason against it.
fn chosen(
    campaign: &Campaign,
    compiled: &Compiled,
    subject: &Subject,
    now: &Circumstances<'_>,
) -> Result<String, Reason> {
    let (_, valid_until) = days_of_validity(campaign.voucher.validity, now.run_day);
    refuse(now.closed || valid_until < now.run_day, Reason::Ended)?;
    let birthday = birthday_of(campaign, subject, now)?;
    belongs(compiled, subject, now)?;
    refuse(!reaches_floor(campaign, subject), Reason::BelowFloor)?;
    refuse(vouchers(campaign, subject) == 0, Reason::TooFewPoints)?;
    refuse(now.no_vouchers, Reason::Blacklisted)?;
    let objected = subject.consents.letter == Consent::Withdrawn;
    refuse(objected, Reason::LetterObjected)?;
    match now.address {
        Address::Missing => return Err(Reason::NoAddress),
        Address::Blocked => return Err(Reason::AddressBlocked),
        Address::Deliverable => {}
    }
    let period = campaign.period(birthday.unwrap_or(now.run_day));
    refuse(now.served.contains(&period), Reason::AlreadyHadOne)?;
    let served = campaign.one_per_household && now.household_served;
    refuse(served, Reason::HouseholdServed)?;
    let score = subject.rfmr_score.unwrap_or(0);
    let below = campaign.rfmr_minimum.is_some_and(|least| score < least);
    refuse(below, Reason::BelowRfmr)?;
    Ok(period)
}

fn refuse(applies: bool, reason: Reason) -> Result<(), Reason> {
    if applies { Err(reason) } else { Ok(()) }
}

/// Of a birthday campaign, the birthday that the run serves.
fn birthday_of(campaign: &Campaign, subject: &Subject, now: &Circumstances<'_>) -> Result<Option<NaiveDate>, Reason> {
    let Kind::Birthday { leap_day, .. } = campaign.kind else {
        return Ok(None);
    };
    let (Some(born), Some(due)) = (subject.birth_date, now.due) else {
        return Err(Reason::NoBirthdayDue);
    };
    let birthday = birthday_within(due, born, leap_day).ok_or(Reason::NoBirthdayDue)?;
    let believed = implausible(born, birthday, now.placeholders).is_none();
    refuse(!believed, Reason::ImplausibleBirthDate)?;
    Ok(Some(birthday))
}

fn belongs(compiled: &Compiled, subject: &Subject, now: &Circumstances<'_>) -> Result<(), Reason> {
    let Some(segment) = &compiled.segment else {
        return Ok(());
    };
    match segment.holds(&Facing::new(subject, now.run_day, now.placeholders)) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Reason::NotInSegment),
        Err(_) => Err(Reason::SegmentUnanswered),
    }
}

fn reaches_floor(campaign: &Campaign, subject: &Subject) -> bool {
    let Kind::Birthday {
        floor_minor,
        window_months,
        ..
    } = campaign.kind
    else {
        return true;
    };
    let revenue = subject.activity.revenue_minor(window_months);
    revenue.is_some_and(|revenue| revenue >= floor_minor)
}

fn within_budget(campaign: &Campaign, now: &Circumstances<'_>) -> bool {
    let (Some(_), Some(left)) = (campaign.budget_minor, now.budget_left_minor) else {
        return true;
    };
    campaign.face_per_member_minor().is_some_and(|face| face <= left)
}
