//! The names of runs, and of the periods in which a member is served once.

use chrono::{Datelike, NaiveDate};
use domain::liability::Month;

use crate::campaign::{Campaign, Kind, Schedule};

impl Campaign {
    /// The period that `day` lies in: within one period the campaign serves a member once, in whichever run (N7).
    ///
    /// | kind | `day` | period |
    /// |---|---|---|
    /// | bonus | business day of the run | its month, `2026-12` |
    /// | birthday | **the birthday**, not the day of the run: the file for 2 January goes out in December | its year, `2027` |
    /// | individual | any | `once` |
    pub fn period(&self, day: NaiveDate) -> String {
        match self.kind {
            Kind::Bonus {} => Month::of(day).to_string(),
            Kind::Birthday { .. } => day.year().to_string(),
            Kind::Individual {} => "once".to_owned(),
        }
    }

    /// The name of the run that is due on this business day: `campaign~2026-12` for a monthly one, `campaign~2026-12-03` for a
    /// daily one, `campaign~once` for a single one. A run that is started again, on the same day or a later one of its month,
    /// has the same name.
    pub fn run_id(&self, run_day: NaiveDate) -> String {
        match self.schedule {
            Schedule::Once { .. } => format!("{}~once", self.id),
            Schedule::Monthly { .. } => format!("{}~{}", self.id, Month::of(run_day)),
            Schedule::Daily {} => format!("{}~{run_day}", self.id),
        }
    }

    /// Whether a run is planned for this business day. A run that could not be made on its day may be made later.
    pub fn runs_on(&self, day: NaiveDate) -> bool {
        match self.schedule {
            Schedule::Once { on } => day == on,
            Schedule::Monthly { day: of_month } => day.day() == of_month,
            Schedule::Daily {} => true,
        }
    }
}
