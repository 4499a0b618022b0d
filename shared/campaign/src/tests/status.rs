use super::*;
use chrono::{DateTime, Utc};
use domain::id::Subject as Person;

const ONCE: Schedule = Schedule::Once { on: NaiveDate::MIN };
const MONTHLY: Schedule = Schedule::Monthly { day: 1 };
const DAILY: Schedule = Schedule::Daily {};

fn now() -> DateTime<Utc> {
    "2026-11-02T08:00:00Z".parse().unwrap()
}

fn person(name: &str) -> Person {
    name.parse().unwrap()
}

fn digest(number: u8) -> Digest {
    Digest::of(&[&[number]])
}

fn tried() -> Standing {
    Standing::draft(person("anna"))
        .tried("c~once".to_owned(), digest(1), now())
        .unwrap()
}

fn approved() -> Standing {
    tried().approved(person("bruno"), digest(1), now()).unwrap()
}

fn executing(schedule: Schedule) -> Standing {
    approved().started(schedule, "c~once".to_owned(), digest(1)).unwrap()
}

#[test]
fn x6_a_second_person_approves_neither_the_author_nor_the_last_editor() {
    let standing = Standing::draft(person("anna")).edited(person("carla")).unwrap();
    let standing = standing.tried("c~once".to_owned(), digest(1), now()).unwrap();
    for own in ["anna", "carla"] {
        assert_eq!(
            standing.approved(person(own), digest(1), now()),
            Err(Refused::SamePerson),
            "{own}"
        );
    }
    let approved = standing.approved(person("bruno"), digest(1), now()).unwrap();
    let Status::Approved { by, digest: of, .. } = approved.status else {
        panic!("not approved")
    };
    assert_eq!((by, of), (person("bruno"), digest(1)));
}

#[test]
fn x6_only_the_last_dry_run_can_be_approved() {
    let draft = Standing::draft(person("anna"));
    assert_eq!(
        draft.approved(person("bruno"), digest(1), now()),
        Err(Refused::NotTried)
    );
    let again = tried().tried("c~once".to_owned(), digest(2), now()).unwrap();
    assert_eq!(
        again.approved(person("bruno"), digest(1), now()),
        Err(Refused::OtherDryRun)
    );
    assert!(again.approved(person("bruno"), digest(2), now()).is_ok());
}

#[test]
fn x6_a_run_that_decides_differently_from_the_approved_dry_run_does_not_start() {
    let start = |standing: &Standing, run: &str, of| standing.started(ONCE, run.to_owned(), digest(of));
    assert_eq!(start(&tried(), "c~once", 1), Err(Refused::NotApproved));
    assert_eq!(start(&approved(), "c~once", 2), Err(Refused::DigestDiffers));
    assert_eq!(start(&approved(), "c~2026-12", 1), Err(Refused::OtherRun));
    let running = start(&approved(), "c~once", 1).unwrap();
    assert_eq!(
        start(&running, "c~once", 1).as_ref(),
        Ok(&running),
        "started again after a crash"
    );
    assert_eq!(start(&running, "c~once", 2), Err(Refused::DigestDiffers));
    assert_eq!(start(&running, "c~2026-12", 1), Err(Refused::Executing));
}

#[test]
fn x6_an_edit_takes_dry_run_and_approval_away() {
    for standing in [tried(), approved()] {
        let edited = standing.edited(person("bruno")).unwrap();
        assert_eq!(edited.status, Status::Draft {});
        assert_eq!((edited.author, edited.last_editor), (person("anna"), person("bruno")));
    }
    assert_eq!(
        approved()
            .tried("c~once".to_owned(), digest(3), now())
            .map(|s| matches!(s.status, Status::DryRun { .. })),
        Ok(true)
    );
}

#[test]
fn x6_nothing_changes_while_a_run_is_under_way() {
    let running = executing(ONCE);
    assert_eq!(running.edited(person("anna")), Err(Refused::Executing));
    assert_eq!(
        running.tried("c~once".to_owned(), digest(1), now()),
        Err(Refused::Executing)
    );
    assert_eq!(
        running.approved(person("bruno"), digest(1), now()),
        Err(Refused::Executing)
    );
    assert_eq!(running.closed(now()), Err(Refused::Executing));
    assert_eq!(running.finished(ONCE, "c~2026-12", now()), Err(Refused::NotExecuting));
    assert_eq!(running.stopped("c~once").status, Status::Draft {});
    assert_eq!(running.stopped("c~other"), running);
    assert_eq!(approved().stopped("c~once").status, Status::Draft {});
}

#[test]
fn n7_after_a_month_the_next_needs_its_own_approval() {
    let after = executing(MONTHLY).finished(MONTHLY, "c~once", now()).unwrap();
    assert_eq!(after.status, Status::Draft {});
    let after = executing(ONCE).finished(ONCE, "c~once", now()).unwrap();
    assert_eq!(after.status, Status::Closed { at: now() });
    assert_eq!(approved().finished(ONCE, "c~once", now()), Err(Refused::NotExecuting));
}

#[test]
fn x14_the_approval_of_a_daily_campaign_stands_for_the_next_days() {
    let monday = approved().started(DAILY, "c~2026-11-02".to_owned(), digest(7)).unwrap();
    let evening = monday.finished(DAILY, "c~2026-11-02", now()).unwrap();
    assert_eq!(evening, approved());
    assert!(evening.started(DAILY, "c~2026-11-03".to_owned(), digest(8)).is_ok());
}

#[test]
fn a_closed_campaign_stays_closed() {
    let closed = approved().closed(now()).unwrap();
    assert_eq!(
        closed.closed("2027-01-01T00:00:00Z".parse().unwrap()).as_ref(),
        Ok(&closed)
    );
    assert_eq!(closed.edited(person("anna")), Err(Refused::Closed));
    assert_eq!(
        closed.started(ONCE, "c~once".to_owned(), digest(1)),
        Err(Refused::Closed)
    );
    let json = serde_json::to_string(&closed).unwrap();
    assert_eq!(serde_json::from_str::<Standing>(&json).unwrap(), closed);
}
