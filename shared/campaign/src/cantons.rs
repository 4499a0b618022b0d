//! Calendars of three cantons, as a start: a tenant copies one and adds what its printer and post do beyond the law.
//!
//! Saturday counts as weekend: the post delivers letters from Monday to Friday.

use chrono::NaiveDate;

use crate::holidays::{DaysFromEaster, FixedDay, HolidayCalendar, WeekdayRule};

/// Last day of the built-in calendars. By then somebody must have looked whether the law is still the same.
pub const BUILT_IN_UNTIL: NaiveDate = match NaiveDate::from_ymd_opt(2035, 12, 31) {
    Some(day) => day,
    None => NaiveDate::MAX,
};

/// The built-in calendars: `zh`, `ge` and `ti`.
pub fn built_in() -> [HolidayCalendar; 3] {
    [zurich(), geneva(), ticino()]
}

const NEW_YEAR: (u32, u32, &str) = (1, 1, "New Year's Day");
const LABOUR_DAY: (u32, u32, &str) = (5, 1, "Labour Day");
const NATIONAL_DAY: (u32, u32, &str) = (8, 1, "National Day");
const CHRISTMAS: (u32, u32, &str) = (12, 25, "Christmas Day");
const ST_STEPHEN: (u32, u32, &str) = (12, 26, "St Stephen's Day");
const GOOD_FRIDAY: (i32, &str) = (-2, "Good Friday");
const EASTER_MONDAY: (i32, &str) = (1, "Easter Monday");
const ASCENSION: (i32, &str) = (39, "Ascension Day");
const WHIT_MONDAY: (i32, &str) = (50, "Whit Monday");
const CORPUS_CHRISTI: (i32, &str) = (60, "Corpus Christi");

/// Zurich: the public rest days of its law on rest days and shop hours (Ruhetags- und Ladenöffnungsgesetz of 26 June 2000,
/// LS 822.4, paragraph 1). 2 January is none of them, though many firms close.
pub fn zurich() -> HolidayCalendar {
    calendar(
        "zh",
        &[NEW_YEAR, LABOUR_DAY, NATIONAL_DAY, CHRISTMAS, ST_STEPHEN],
        &[GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY],
    )
}

/// Geneva: its law on public holidays (Loi sur les jours fériés of 3 November 1951, J 1 45, article 1). Neither 2 January, nor
/// 1 May, nor 26 December is one of them.
pub fn geneva() -> HolidayCalendar {
    let restoration = (12, 31, "Restoration of the Republic");
    let mut geneva = calendar(
        "ge",
        &[NEW_YEAR, NATIONAL_DAY, CHRISTMAS, restoration],
        &[GOOD_FRIDAY, EASTER_MONDAY, ASCENSION, WHIT_MONDAY],
    );
    // The Thursday after the first Sunday of September.
    geneva.weekdays.push(WeekdayRule {
        month: 9,
        nth: 1,
        weekday: 7,
        plus_days: 4,
        name: "Genevan Fast".to_owned(),
    });
    geneva
}

/// Ticino: the fifteen official holidays of the canton (its law on official public holidays), those that are like a Sunday and
/// those that are not. Good Friday is none of them.
pub fn ticino() -> HolidayCalendar {
    calendar(
        "ti",
        &[
            NEW_YEAR,
            (1, 6, "Epiphany"),
            (3, 19, "St Joseph's Day"),
            LABOUR_DAY,
            (6, 29, "St Peter and St Paul"),
            NATIONAL_DAY,
            (8, 15, "Assumption"),
            (11, 1, "All Saints' Day"),
            (12, 8, "Immaculate Conception"),
            CHRISTMAS,
            ST_STEPHEN,
        ],
        &[EASTER_MONDAY, ASCENSION, WHIT_MONDAY, CORPUS_CHRISTI],
    )
}

fn calendar(name: &str, fixed: &[(u32, u32, &str)], easter: &[(i32, &str)]) -> HolidayCalendar {
    let fixed = fixed.iter().map(|(month, day, name)| FixedDay {
        month: *month,
        day: *day,
        name: (*name).to_owned(),
    });
    let easter = easter.iter().map(|(offset, name)| DaysFromEaster {
        offset: *offset,
        name: (*name).to_owned(),
    });
    HolidayCalendar {
        name: name.to_owned(),
        weekend: vec![6, 7],
        fixed: fixed.collect(),
        easter: easter.collect(),
        weekdays: Vec::new(),
        extra: Vec::new(),
        until: BUILT_IN_UNTIL,
    }
}
