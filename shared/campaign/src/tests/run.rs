use super::*;

#[test]
fn n7_the_period_of_a_bonus_is_its_month_however_often_it_runs() {
    let bonus = bonus();
    assert_eq!(bonus.period(day("2026-12-01")), "2026-12");
    assert_eq!(bonus.run_id(day("2026-12-01")), "bonus~2026-12");
    assert_eq!(bonus.run_id(day("2026-12-31")), bonus.run_id(day("2026-12-01")));
    assert_ne!(bonus.run_id(day("2027-01-01")), bonus.run_id(day("2026-12-01")));
    assert!(bonus.runs_on(day("2026-12-01")) && !bonus.runs_on(day("2026-12-02")));
}

#[test]
fn x14_each_day_is_a_run_of_birthdays_and_the_period_is_the_year_of_the_birthday() {
    let campaign = birthday_campaign();
    assert_eq!(campaign.run_id(day("2026-12-24")), "birthday~2026-12-24");
    assert_eq!(campaign.period(day("2027-01-04")), "2027");
    assert!(campaign.runs_on(day("2026-12-25")));
}

#[test]
fn l5_an_individual_campaign_serves_once_even_where_it_looks_every_month() {
    let once = individual();
    assert_eq!(
        (once.run_id(day("2026-11-03")), once.period(day("2026-11-03"))),
        ("autumn-2026~once".into(), "once".into())
    );
    assert!(once.runs_on(day("2026-11-02")) && !once.runs_on(day("2026-11-03")));
    let monthly = Campaign {
        schedule: Schedule::Monthly { day: 2 },
        ..individual()
    };
    assert_eq!(monthly.run_id(day("2026-12-02")), "autumn-2026~2026-12");
    assert_eq!(monthly.period(day("2026-12-02")), "once");
}
