use super::*;

/// Birthday, then the day of the file in Zurich, Geneva and Ticino: three working days for the printer, two for the post. Counted
/// back from lists of each year's holidays, apart from the code that is tested here.
const EXPECTED: [(&str, &str, &str, &str, &str); 26] = [
    (
        "2024-02-29",
        "2024-02-22",
        "2024-02-22",
        "2024-02-22",
        "leap day, a Thursday without anything near",
    ),
    (
        "2024-04-01",
        "2024-03-21",
        "2024-03-21",
        "2024-03-22",
        "Easter Monday; Good Friday works in Ticino only",
    ),
    (
        "2024-05-09",
        "2024-04-30",
        "2024-05-01",
        "2024-04-30",
        "Ascension; 1 May works in Geneva only",
    ),
    (
        "2024-08-01",
        "2024-07-24",
        "2024-07-24",
        "2024-07-24",
        "1 August on a Thursday: everywhere",
    ),
    (
        "2024-09-05",
        "2024-08-29",
        "2024-08-28",
        "2024-08-29",
        "Genevan Fast as early as it can be",
    ),
    (
        "2024-12-26",
        "2024-12-17",
        "2024-12-18",
        "2024-12-17",
        "St Stephen works in Geneva only",
    ),
    (
        "2025-01-02",
        "2024-12-23",
        "2024-12-23",
        "2024-12-23",
        "Geneva wins 26 and loses 31 December",
    ),
    (
        "2025-04-21",
        "2025-04-10",
        "2025-04-10",
        "2025-04-11",
        "Easter Monday, late",
    ),
    (
        "2025-06-19",
        "2025-06-12",
        "2025-06-12",
        "2025-06-11",
        "Corpus Christi in Ticino",
    ),
    (
        "2026-01-06",
        "2025-12-29",
        "2025-12-26",
        "2025-12-24",
        "Epiphany, and the whole turn of the year",
    ),
    (
        "2026-03-19",
        "2026-03-12",
        "2026-03-12",
        "2026-03-11",
        "St Joseph in Ticino",
    ),
    (
        "2026-08-02",
        "2026-07-24",
        "2026-07-24",
        "2026-07-24",
        "Sunday after 1 August on a Saturday: Friday before",
    ),
    (
        "2026-12-28",
        "2026-12-18",
        "2026-12-18",
        "2026-12-18",
        "26 December is a Saturday: no canton differs",
    ),
    (
        "2027-01-04",
        "2026-12-24",
        "2026-12-23",
        "2026-12-24",
        "into the next year; Restoration in Geneva",
    ),
    (
        "2027-02-28",
        "2027-02-19",
        "2027-02-19",
        "2027-02-19",
        "29 February as 28: a Sunday, so Friday",
    ),
    (
        "2027-03-01",
        "2027-02-22",
        "2027-02-22",
        "2027-02-22",
        "29 February as 1 March: one working day later",
    ),
    (
        "2027-03-29",
        "2027-03-18",
        "2027-03-18",
        "2027-03-18",
        "Easter Monday; Ticino wins Friday and loses St Joseph",
    ),
    (
        "2027-09-10",
        "2027-09-03",
        "2027-09-02",
        "2027-09-03",
        "the day after the Genevan Fast",
    ),
    (
        "2028-01-03",
        "2027-12-27",
        "2027-12-24",
        "2027-12-27",
        "Restoration on a Friday before New Year",
    ),
    (
        "2028-05-25",
        "2028-05-17",
        "2028-05-17",
        "2028-05-17",
        "Ascension everywhere",
    ),
    (
        "2029-01-01",
        "2028-12-20",
        "2028-12-21",
        "2028-12-20",
        "New Year on Monday: letter on Friday 29 December",
    ),
    ("2029-04-02", "2029-03-22", "2029-03-22", "2029-03-23", "Easter Monday"),
    (
        "2030-06-10",
        "2030-05-31",
        "2030-05-31",
        "2030-05-31",
        "Whit Monday; Ascension is the day before the file",
    ),
    (
        "2031-12-31",
        "2031-12-22",
        "2031-12-22",
        "2031-12-22",
        "Geneva: letter on 30 December, and 26 worked",
    ),
    (
        "2032-08-02",
        "2032-07-26",
        "2032-07-26",
        "2032-07-26",
        "1 August on a Sunday costs no day",
    ),
    (
        "2032-12-31",
        "2032-12-24",
        "2032-12-23",
        "2032-12-24",
        "Restoration is a Friday",
    ),
];

#[test]
fn x14_n9_the_file_is_out_on_the_expected_day_in_three_cantons_over_nine_years() {
    let calendars = built_in();
    for (birthday, zh, ge, ti, why) in EXPECTED {
        let files = calendars.each_ref().map(|calendar| {
            let file = handover_day(day(birthday), &lead(), calendar).unwrap();
            let due = due(file, calendar, &lead()).unwrap();
            assert!(due.contains(&day(birthday)), "{birthday} {}: {why}", calendar.name);
            file
        });
        assert_eq!(files, [zh, ge, ti].map(day), "{birthday}: {why}");
    }
}

#[test]
fn x14_a_file_holds_the_birthdays_of_the_free_days_after_its_arrival() {
    for (file, calendar, first, last) in [
        // Arrival on Maundy Thursday, next delivery on Tuesday.
        ("2026-03-26", zurich(), "2026-04-02", "2026-04-06"),
        // Ticino delivers on Good Friday.
        ("2026-03-26", ticino(), "2026-04-02", "2026-04-02"),
        ("2026-03-27", ticino(), "2026-04-03", "2026-04-06"),
        // Christmas of 2025, a Thursday: from the 24th to the Sunday.
        ("2025-12-17", zurich(), "2025-12-24", "2025-12-28"),
        ("2025-12-17", geneva(), "2025-12-24", "2025-12-25"),
        // Restoration and New Year before a weekend.
        ("2026-12-22", geneva(), "2026-12-30", "2027-01-03"),
    ] {
        let due = due(day(file), &calendar, &lead()).unwrap();
        assert_eq!(due, day(first)..=day(last), "{file} {}", calendar.name);
    }
}
