//! Campaigns as data: who gets which vouchers in a run, why, and what the run costs (N7, N8, N9, N10, N11, L5, R5, X6, X14, X15).
//!
//! Pure: no clock, no randomness, no input or output. The caller brings the document of the campaign, the values of each member
//! and the business day; what comes back is a decision with its reason, and sums over decisions. The same values give the same
//! decisions in any order, so that a run can be split, resumed and repeated.
//!
//! | module | what lives there |
//! |---|---|
//! | `campaign`, `template` | the document: segment, vouchers, texts, schedule, limits |
//! | `check`, `findings` | everything that may be wrong with it |
//! | `status` | from draft through dry run and approval to the run |
//! | `segment`, `subject`, `activity` | what a condition can read of a member, and how purchases become windows |
//! | `run` | the names of runs and of the periods in which a member is served once |
//! | `member`, `control` | the decision for one member, and the draw of the control group |
//! | `holidays`, `easter`, `cantons` | working days of printer and post |
//! | `birthday` | when the file must be out, and for which birthdays |
//! | `terms`, `letter` | what a run's vouchers say, and the texts of its letters |
//! | `totals`, `digest`, `dry_run` | sums and the fingerprint of all decisions of a run |
//! | `effect` | revenue of its members against its control group |

#![deny(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used
)]
// Tests fail with a panic, which is what they should do.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod activity;
mod birthday;
mod campaign;
mod cantons;
mod check;
mod control;
mod digest;
mod dry_run;
mod easter;
mod effect;
mod findings;
mod holidays;
mod letter;
mod member;
mod run;
mod segment;
mod status;
mod subject;
mod template;
mod terms;
mod totals;

#[cfg(test)]
mod tests;

pub use activity::{Activity, GroupSum, LIST_MAX, MonthSums, REVENUE_MONTHS, StoreSum, Window, activity};
pub use birthday::{
    AGE_MAX, AGE_MIN, Implausible, PLACEHOLDERS, birthday_in, birthday_within, due, handover_day, implausible,
};
pub use campaign::{BudgetRule, Campaign, Kind, Lead, LeapDay, LetterCost, Schedule, Texts};
pub use cantons::{BUILT_IN_UNTIL, built_in, geneva, ticino, zurich};
pub use check::{
    CONTROL_PER_CENT_MAX, FLOOR_MONTHS_MAX, GROUPS_MAX, ID_MAX, LEAD_DAYS_MAX, LETTER_DAYS_MIN, NAME_MAX,
    PAID_DAYS_MIN, PLACES_MAX, SEGMENT_COST_MAX, START_DAYS_MAX, VALID_DAYS_MAX, VOUCHERS_MAX,
};
pub use control::{BUCKETS, bucket, is_control};
pub use digest::{Digest, InvalidDigest};
pub use dry_run::{DryRun, Priced};
pub use easter::easter_sunday;
pub use effect::{Certainty, Effect, GROUP_MIN, Group, effect};
pub use holidays::{
    DaysFromEaster, ExtraDay, FixedDay, HOLIDAYS_MAX, HolidayCalendar, NotPlannable, WORKING_DAYS_MAX, WeekdayRule,
};
pub use letter::{Filling, PLACEHOLDER_NAMES, TEXT_MAX, render};
pub use member::{Address, Circumstances, Compiled, Decision, Reason, decide};
pub use segment::SCHEMA;
pub use status::{Refused, Standing, Status};
pub use subject::{Consent, Consents, Subject};
pub use template::{Bearer, Channel, Consideration, Validity, VatKind, VoucherTemplate, Worth};
pub use terms::{Ended, Terms, terms};
pub use totals::{Difference, Forecast, PERMILLE_MAX, Totals};
