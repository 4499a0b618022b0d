use chrono::Datelike;

use super::*;

#[test]
fn x14_easter_is_when_the_church_says() {
    for (year, month, day) in [
        (1961, 4, 2),
        (2000, 4, 23),
        (2008, 3, 23),
        (2024, 3, 31),
        (2025, 4, 20),
        (2026, 4, 5),
        (2027, 3, 28),
        (2028, 4, 16),
        (2029, 4, 1),
        (2030, 4, 21),
        (2031, 4, 13),
        (2032, 3, 28),
        (2038, 4, 25),
        (2285, 3, 22),
    ] {
        assert_eq!(easter_sunday(year), NaiveDate::from_ymd_opt(year, month, day), "{year}");
    }
    assert_eq!((easter_sunday(1582), easter_sunday(10_000)), (None, None));
}

#[test]
fn x14_each_canton_has_its_own_holidays() {
    let [zh, ge, ti] = built_in();
    let in_2026 = |calendar: &HolidayCalendar| {
        let days = day("2026-01-01").iter_days().take_while(|day| day.year() == 2026);
        let holidays = days.filter(|day| calendar.holiday(*day).is_some());
        holidays
            .map(|day| day.format("%m-%d").to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    // Easter is on 5 April.
    assert_eq!(in_2026(&zh), "01-01 04-03 04-06 05-01 05-14 05-25 08-01 12-25 12-26");
    assert_eq!(in_2026(&ge), "01-01 04-03 04-06 05-14 05-25 08-01 09-10 12-25 12-31");
    let ticino = "01-01 01-06 03-19 04-06 05-01 05-14 05-25 06-04 06-29 08-01 08-15 11-01 12-08 12-25 12-26";
    assert_eq!(in_2026(&ti), ticino);
    assert_eq!(
        ge.holiday(day("2024-09-05")),
        Some("Genevan Fast"),
        "1 September is a Sunday"
    );
    assert_eq!(ge.holiday(day("2025-09-11")), Some("Genevan Fast"));
    assert_eq!(ge.holiday(day("2026-12-31")), Some("Restoration of the Republic"));
    assert_eq!(zh.holiday(day("2026-04-03")), Some("Good Friday"));
    assert_eq!(ti.holiday(day("2026-04-03")), None);
    assert_eq!(ti.holiday(day("2026-06-04")), Some("Corpus Christi"));
    assert_eq!(zh.holiday(day("2026-05-14")), Some("Ascension Day"));
    assert_eq!(ge.holiday(day("2026-05-25")), Some("Whit Monday"));
}

#[test]
fn x14_every_birthday_of_2024_to_2032_is_in_exactly_one_days_file_and_never_late() {
    for calendar in built_in() {
        let mut covered = day("2023-12-01");
        // Every day that is covered follows the last one: none twice, none left out.
        let first = due(handover_day(covered, &lead(), &calendar).unwrap(), &calendar, &lead()).unwrap();
        covered = *first.start();
        let start = handover_day(covered, &lead(), &calendar).unwrap();
        for today in start.iter_days().take_while(|today| *today <= day("2032-12-31")) {
            for birthday in due(today, &calendar, &lead()).unwrap().start().iter_days() {
                if !due(today, &calendar, &lead()).unwrap().contains(&birthday) {
                    break;
                }
                assert_eq!(birthday, covered, "{} on {today}", calendar.name);
                assert_eq!(handover_day(birthday, &lead(), &calendar).unwrap(), today);
                covered = plus_one(covered);
            }
        }
        assert!(covered > day("2032-12-31"), "{}", calendar.name);
    }
}

fn plus_one(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap()
}

#[test]
fn x14_whoever_was_born_on_29_february_is_served_once_a_year_under_both_settings() {
    let born = day("1984-02-29");
    for calendar in built_in() {
        for (leap_day, common) in [(LeapDay::Feb28, "02-28"), (LeapDay::Mar1, "03-01")] {
            let mut served = Vec::new();
            let start = day("2023-12-01");
            for today in start.iter_days().take_while(|today| *today <= day("2032-12-01")) {
                let due = due(today, &calendar, &lead()).unwrap();
                served.extend(birthday_within(&due, born, leap_day).map(|birthday| birthday.to_string()));
            }
            let expected = (2024..=2032).map(|year| match year % 4 {
                0 => format!("{year}-02-29"),
                _ => format!("{year}-{common}"),
            });
            assert_eq!(served, expected.collect::<Vec<_>>(), "{} {leap_day:?}", calendar.name);
        }
    }
}

#[test]
fn n9_a_run_in_december_serves_birthdays_of_january() {
    let due = due(day("2026-12-24"), &zurich(), &lead()).unwrap();
    assert_eq!(due, day("2027-01-04")..=day("2027-01-04"));
    assert_eq!(
        birthday_within(&due, day("1980-01-04"), LeapDay::Feb28),
        Some(day("2027-01-04"))
    );
    let across = day("2026-12-31")..=day("2027-01-03");
    assert_eq!(
        birthday_within(&across, day("1980-12-31"), LeapDay::Feb28),
        Some(day("2026-12-31"))
    );
    assert_eq!(
        birthday_within(&across, day("1980-01-03"), LeapDay::Feb28),
        Some(day("2027-01-03"))
    );
    assert_eq!(birthday_within(&across, day("1980-01-04"), LeapDay::Feb28), None);
}

#[test]
fn n9_without_any_lead_the_letter_is_there_on_the_day_and_weekends_come_on_friday() {
    let none = Lead {
        printer_working_days: 0,
        post_working_days: 0,
        ..lead()
    };
    assert_eq!(
        due(day("2026-11-06"), &zurich(), &none).unwrap(),
        day("2026-11-06")..=day("2026-11-08")
    );
    assert!(due(day("2026-11-07"), &zurich(), &none).unwrap().is_empty());
}

#[test]
fn x14_birth_dates_that_nobody_has_are_not_believed() {
    let today = day("2026-11-02");
    let judged = |born: &str| implausible(day(born), today, &PLACEHOLDERS);
    assert_eq!(judged("1900-01-01"), Some(Implausible::Placeholder));
    assert_eq!(judged("1970-01-01"), Some(Implausible::Placeholder));
    assert_eq!(judged("1970-01-02"), None);
    assert_eq!(judged("2010-11-02"), None, "16 today");
    assert_eq!(judged("2010-11-03"), Some(Implausible::TooYoung), "16 tomorrow");
    assert_eq!(judged("2027-01-01"), Some(Implausible::TooYoung), "not born yet");
    assert_eq!(judged("1910-11-03"), None, "115 still");
    assert_eq!(judged("1910-11-02"), Some(Implausible::TooOld), "116 today");
    assert_eq!(implausible(day("1970-01-01"), today, &[]), None, "a setting");
}

#[test]
fn a_calendar_that_has_run_out_says_so_instead_of_guessing() {
    let mut short = zurich();
    short.until = day("2026-12-31");
    let error = due(day("2026-12-29"), &short, &lead()).unwrap_err();
    let NotPlannable::CalendarEnds { until, day: needed, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((*until, *needed), (day("2026-12-31"), day("2027-01-01")));
    assert!(error.to_string().contains("the calendar zh is known until 2026-12-31"));
}

#[test]
fn a_calendar_without_working_days_ends_the_search() {
    let closed = HolidayCalendar {
        weekend: (1..=7).collect(),
        ..zurich()
    };
    assert!(matches!(
        handover_day(day("2026-11-02"), &lead(), &closed),
        Err(NotPlannable::Closed { .. })
    ));
    assert_eq!(
        closed.minus_working_days(day("2026-11-02"), 81),
        Err(NotPlannable::TooLong)
    );
}

#[test]
fn working_days_are_counted_from_any_day_and_zero_is_the_day_itself() {
    let zh = zurich();
    let sunday = day("2026-11-08");
    assert_eq!(zh.minus_working_days(sunday, 1), Ok(day("2026-11-06")));
    assert_eq!(zh.plus_working_days(sunday, 1), Ok(day("2026-11-09")));
    assert_eq!(zh.minus_working_days(sunday, 0), Ok(sunday));
    // 16 weeks without a holiday.
    assert_eq!(
        zh.plus_working_days(day("2026-08-03"), WORKING_DAYS_MAX),
        Ok(day("2026-11-23"))
    );
    assert_eq!(
        zh.plus_working_days(sunday, WORKING_DAYS_MAX + 1),
        Err(NotPlannable::TooLong)
    );
    assert_eq!(zh.working_day_until(sunday), Ok(day("2026-11-06")));
}

#[test]
fn the_built_in_calendars_are_sound_and_every_slip_in_one_is_named() {
    for calendar in built_in() {
        assert_eq!(calendar.violations(""), []);
        let json = serde_json::to_string(&calendar).unwrap();
        assert_eq!(serde_json::from_str::<HolidayCalendar>(&json).unwrap(), calendar);
    }
    let mut slips = geneva();
    slips.name = "Genève".to_owned();
    slips.weekend = vec![0];
    slips.fixed[0].day = 32;
    slips.easter[0].offset = 101;
    slips.weekdays[0].nth = 6;
    slips.extra.push(ExtraDay {
        date: day("2026-12-24"),
        name: String::new(),
    });
    let pointers: Vec<_> = slips
        .violations("/calendars/1")
        .into_iter()
        .map(|v| v.pointer)
        .collect();
    assert_eq!(
        pointers,
        [
            "/calendars/1/name",
            "/calendars/1/weekend",
            "/calendars/1/fixed/0",
            "/calendars/1/easter/0/offset",
            "/calendars/1/weekdays/0",
            "/calendars/1/extra/0/name",
        ]
    );
}

#[test]
fn a_closure_of_the_printer_moves_the_file_forward() {
    let mut zh = zurich();
    let before = handover_day(day("2026-11-20"), &lead(), &zh).unwrap();
    zh.extra.push(ExtraDay {
        date: day("2026-11-18"),
        name: "Works outing".to_owned(),
    });
    assert_eq!(before, day("2026-11-13"));
    assert_eq!(handover_day(day("2026-11-20"), &lead(), &zh), Ok(day("2026-11-12")));
}
