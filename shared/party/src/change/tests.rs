use super::Sight::{Seen, Unseen};
use super::*;
use crate::contact::{ContactId, Purpose};
use crate::dated::{Permission, Permitted};
use crate::document::ENDED_MAX;

fn at(text: &str) -> When {
    let now: DateTime<Utc> = format!("{text}T12:00:00Z").parse().unwrap();
    When {
        now,
        today: now.date_naive(),
    }
}

fn word(text: &str) -> Word {
    text.parse().unwrap()
}

fn text(text: &str) -> Personal {
    Personal::new(text.to_owned())
}

fn party() -> PartyDocument {
    let identity = Identity::Person {
        given_name: Some(text("Max")),
        family_name: text("Mustermann"),
    };
    PartyDocument::new("p-1".parse().unwrap(), identity, domain::till_text::Language::De)
}

fn email(address: &str) -> Wanted {
    Wanted {
        point: Point::Email(text(address)),
        purposes: None,
        valid_from: None,
        valid_until: None,
        language: None,
        delivery: None,
    }
}

fn role(since: &str, until: Option<&str>) -> Role {
    Role {
        role: word("customer"),
        towards: "own".parse().unwrap(),
        since: since.parse().unwrap(),
        until: until.map(|until| until.parse().unwrap()),
        because: None,
        ended: false,
    }
}

fn said(state: Permitted, proof: Option<&str>, when: When) -> Statement {
    let said = Permission {
        name: word("email"),
        state,
        since: when.now,
        until: None,
        source: word("shop"),
        text_version: Some(word("v1")),
        proof: proof.map(text),
    };
    Statement {
        said,
        asked: None,
        dated: false,
    }
}

/// As [`said`], with the time at which it was said, and the text.
fn said_at(state: Permitted, day: &str, text_version: &str) -> Statement {
    let proof = (state == Permitted::Granted).then_some(day);
    let mut statement = said(state, proof, at(day));
    statement.said.text_version = Some(word(text_version));
    statement.dated = true;
    statement
}

/// What was said, the text, and when it began and ended.
fn history(party: &PartyDocument) -> Vec<(Permitted, String, NaiveDate, Option<NaiveDate>)> {
    let entries = party.consents.iter().map(|entry| {
        let text = entry.text_version.as_ref().map_or("", Word::as_str).to_owned();
        let until = entry.until.map(|until| until.date_naive());
        (entry.state, text, entry.since.date_naive(), until)
    });
    entries.collect()
}

#[test]
fn each_change_done_twice_changes_nothing_the_second_time() {
    let mut party = party();
    let (today, later) = (at("2026-11-24"), at("2026-11-25"));
    let class = |when: When| Classification {
        class: word("blacklist"),
        reason: text("does not pay"),
        since: when.now,
        until: None,
        no_vouchers: true,
    };
    let all = |party: &mut PartyDocument, when: When| {
        party.add_contact(email("a@example.ch"), Unseen, when).unwrap();
        party.add_identifier(word("erp"), text("1"), Unseen, when).unwrap();
        party.give_role(role("2026-11-24", None), Unseen, when).unwrap();
        party.classify(class(when), Unseen, when).unwrap();
        party
            .consent(said(Permitted::Pending, None, when), true, Unseen)
            .unwrap();
        party
            .subscribe(said(Permitted::Withdrawn, None, when), true, Unseen)
            .unwrap();
    };
    all(&mut party, today);
    let once = party.clone();
    all(&mut party, later);
    assert_eq!(party, once);
}

#[test]
fn a_contact_that_leads_elsewhere_is_another_one_and_the_old_one_is_history() {
    let mut party = party();
    let today = at("2026-11-24");
    let first = party
        .add_contact(email("a@example.ch"), Unseen, at("2026-01-01"))
        .unwrap();
    let second = party.change_contact(first, email("b@example.ch"), today).unwrap();
    assert_eq!((first, second), (ContactId(1), ContactId(2)));
    let old = &party.contacts[0];
    assert_eq!(
        (old.valid_until, old.stands(today.today)),
        ("2026-11-23".parse().ok(), false)
    );
    assert_eq!(old.point, Point::Email(text("a@example.ch")));
    // What is only said about it changes the same entry.
    let main = Wanted {
        purposes: Some(vec![Purpose::Main]),
        ..email("b@example.ch")
    };
    assert_eq!(party.change_contact(second, main, today), Ok(second));
    assert_eq!(party.contacts.len(), 2);
    assert_eq!(
        party.change_contact(first, email("a@example.ch"), today),
        Err(Refused::NoSuch("contact point"))
    );
}

#[test]
fn an_end_is_at_once_or_with_a_day_and_never_before_the_beginning() {
    let today = at("2026-11-24");
    let day = |text: &str| Some(text.parse().unwrap());
    for (last, ended) in [
        (None, Ok((day("2026-11-24"), false))),
        (day("2026-12-31"), Ok((day("2026-12-31"), true))),
        (day("2026-11-23"), Ok((day("2026-11-23"), false))),
        (day("2025-12-31"), Err(Refused::EndsBefore)),
    ] {
        let mut party = party();
        party.give_role(role("2026-01-01", None), Unseen, today).unwrap();
        let done = party.end_role((&word("customer"), &"own".parse().unwrap()), last, Seen, today);
        let role = &party.roles[0];
        assert_eq!(done.map(|()| (role.until, role.stands(today.today))), ended, "{last:?}");
    }
}

#[test]
fn a_role_that_ended_can_be_given_again_and_both_are_kept() {
    let mut party = party();
    party
        .give_role(role("2020-01-01", Some("2021-12-31")), Unseen, at("2020-01-01"))
        .unwrap();
    party
        .give_role(role("2026-11-24", None), Seen, at("2026-11-24"))
        .unwrap();
    let holds = |day: &str| {
        party
            .roles
            .iter()
            .filter(|role| role.holds(day.parse().unwrap()))
            .count()
    };
    assert_eq!(
        (holds("2021-06-01"), holds("2023-01-01"), holds("2026-12-01")),
        (1, 0, 1)
    );
}

#[test]
fn a_double_opt_in_is_asked_for_and_confirmed_with_a_proof() {
    let mut party = party();
    let (first, second) = (at("2026-11-24"), at("2026-11-25"));
    for proof in [None, Some("form 7")] {
        let refused = party.consent(said(Permitted::Granted, proof, first), true, Seen);
        assert_eq!(refused, Err(Refused::NotConfirmed));
    }
    party
        .consent(said(Permitted::Pending, None, first), true, Unseen)
        .unwrap();
    let refused = party.consent(said(Permitted::Granted, None, second), true, Seen);
    assert_eq!(refused, Err(Refused::NotConfirmed));
    party
        .consent(said(Permitted::Granted, Some("link"), second), true, Seen)
        .unwrap();
    let states: Vec<_> = party
        .consents
        .iter()
        .map(|consent| (consent.state, consent.until))
        .collect();
    assert_eq!(
        states,
        [(Permitted::Pending, Some(second.now)), (Permitted::Granted, None)]
    );
    let third = at("2026-11-26");
    // Once it was seen a withdrawal is never refused, and after it the question must be asked again.
    party
        .consent(said(Permitted::Withdrawn, None, second), true, Seen)
        .unwrap();
    let refused = party.consent(said(Permitted::Granted, Some("new"), third), true, Seen);
    assert_eq!(refused, Err(Refused::NotConfirmed));
    party
        .subscribe(said(Permitted::Granted, None, first), false, Unseen)
        .unwrap();
}

#[test]
fn a_blacklist_stops_vouchers_until_it_ends_and_the_longest_counts() {
    let mut party = party();
    let today = at("2026-11-24");
    let class = |name: &str, until: Option<&str>, no_vouchers| Classification {
        class: word(name),
        reason: text("does not pay"),
        since: today.now,
        until: until.map(|until| at(until).now),
        no_vouchers,
    };
    assert_eq!(party.voucher_stop(today.now), None);
    party.classify(class("vip", None, false), Unseen, today).unwrap();
    assert_eq!(party.voucher_stop(today.now), None);
    party
        .classify(class("blacklist", Some("2026-12-01"), true), Unseen, today)
        .unwrap();
    party
        .classify(class("fraud", Some("2026-11-30"), true), Unseen, today)
        .unwrap();
    let stop = party.voucher_stop(today.now).unwrap();
    assert!(stop.holds(at("2026-11-30").now) && !stop.holds(at("2026-12-01").now));
    party.declassify(&word("blacklist"), Seen, today).unwrap();
    assert_eq!(party.voucher_stop(today.now).unwrap().until, Some(at("2026-11-30").now));
    party.declassify(&word("fraud"), Seen, today).unwrap();
    assert_eq!(party.voucher_stop(today.now), None);
    assert_eq!(
        party.classify(class("fraud", Some("2026-11-24"), true), Seen, today),
        Err(Refused::EndsBefore)
    );
}

#[test]
fn as_much_stands_as_fits_and_what_ended_makes_room() {
    let mut party = party();
    let today = at("2026-11-24");
    for n in 0..CONTACTS_MAX {
        party
            .add_contact(email(&format!("{n}@example.ch")), Unseen, today)
            .unwrap();
        party
            .add_identifier(word("erp"), text(&n.to_string()), Unseen, today)
            .unwrap();
    }
    assert_eq!(
        party.add_contact(email("x@example.ch"), Unseen, today),
        Err(Refused::Full("contact points", CONTACTS_MAX))
    );
    assert!(party.add_identifier(word("erp"), text("x"), Unseen, today).is_err());
    party.end_contact(ContactId(1), None, today).unwrap();
    party.end_identifier((&word("erp"), &text("0")), Unseen, today).unwrap();
    assert_eq!(
        party.add_contact(email("x@example.ch"), Unseen, today),
        Ok(ContactId(21))
    );
    assert_eq!(party.add_identifier(word("erp"), text("x"), Unseen, today), Ok(true));
}

#[test]
fn ended_entries_that_no_longer_fit_go_oldest_first_and_none_is_lost() {
    let mut party = party();
    let today = at("2026-11-24");
    let first: NaiveDate = "2026-01-01".parse().unwrap();
    for n in 0..=ENDED_MAX {
        assert_eq!(party.spill(today), None, "{n}");
        let when = at(&(first + chrono::Days::new(n as u64)).to_string());
        let id = party
            .add_contact(email(&format!("{n}@example.ch")), Unseen, when)
            .unwrap();
        party.end_contact(id, None, when).unwrap();
    }
    let standing = party.add_contact(email("now@example.ch"), Unseen, today).unwrap();
    let past = party.spill(today).unwrap();
    assert_eq!(party.contacts.len() + past.contacts.len(), ENDED_MAX + 2);
    assert!(party.contacts.len() <= ENDED_MAX / 2 + 1);
    assert!(
        past.contacts
            .iter()
            .all(|old| party.contacts.iter().all(|new| old.id < new.id))
    );
    assert!(party.contacts.iter().any(|contact| contact.id == standing));
    assert_eq!(party.spill(today), None);
}

#[test]
fn entries_that_all_ended_on_one_day_go_together() {
    let mut party = party();
    let today = at("2026-11-24");
    for n in 0..=ENDED_MAX {
        let name = Identity::Organisation {
            organisation_name: text(&n.to_string()),
        };
        party.rename(name, today);
    }
    assert_eq!(party.spill(today).unwrap().former_names.len(), ENDED_MAX + 1);
    assert_eq!(party.former_names, []);
}

#[test]
fn a_late_repeat_undoes_nothing_that_came_after_it() {
    let mut party = party();
    let today = at("2026-11-24");
    let own = "own".parse().unwrap();
    let class = |reason: &str| Classification {
        class: word("blacklist"),
        reason: text(reason),
        since: today.now,
        until: None,
        no_vouchers: true,
    };
    party.give_role(role("2026-11-24", None), Unseen, today).unwrap();
    party.classify(class("does not pay"), Unseen, today).unwrap();
    // What stands is not changed or ended by who has not seen it.
    let stands = party.clone();
    let unseen = |what| Err(Refused::Unseen(what));
    let until = role("2026-11-24", Some("2026-12-31"));
    assert_eq!(party.give_role(until, Unseen, today), unseen("role"));
    assert_eq!(
        party.end_role((&word("customer"), &own), None, Unseen, today),
        unseen("role")
    );
    assert_eq!(party.classify(class("steals"), Unseen, today), unseen("classification"));
    assert_eq!(
        party.declassify(&word("blacklist"), Unseen, today),
        unseen("classification")
    );
    assert_eq!(party, stands);
    // What has ended does not begin again by a repeat of how it began.
    party.end_role((&word("customer"), &own), None, Seen, today).unwrap();
    party.declassify(&word("blacklist"), Seen, today).unwrap();
    let ended = party.clone();
    assert_eq!(party.give_role(role("2026-11-24", None), Unseen, today), unseen("role"));
    assert_eq!(
        party.classify(class("does not pay"), Unseen, today),
        unseen("classification")
    );
    assert_eq!(party.end_role((&word("customer"), &own), None, Unseen, today), Ok(()));
    assert_eq!(party.declassify(&word("blacklist"), Unseen, today), Ok(()));
    assert_eq!(party, ended);
}

#[test]
fn of_what_was_said_the_last_word_holds_in_whichever_order_it_comes_in() {
    let day = |text: &str| text.parse().unwrap();
    let words = [
        said_at(Permitted::Granted, "2026-01-01", "v1"),
        said_at(Permitted::Withdrawn, "2026-03-01", "v1"),
        said_at(Permitted::Granted, "2026-05-01", "v2"),
        said_at(Permitted::Withdrawn, "2026-07-01", "v2"),
    ];
    let expected = [
        (
            Permitted::Granted,
            "v1".to_owned(),
            day("2026-01-01"),
            Some(day("2026-03-01")),
        ),
        (
            Permitted::Withdrawn,
            "v1".to_owned(),
            day("2026-03-01"),
            Some(day("2026-05-01")),
        ),
        (
            Permitted::Granted,
            "v2".to_owned(),
            day("2026-05-01"),
            Some(day("2026-07-01")),
        ),
        (Permitted::Withdrawn, "v2".to_owned(), day("2026-07-01"), None),
    ];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
        let mut party = party();
        // Each comes twice, the second time after all others.
        for index in order.iter().chain(&order) {
            party.consent(words[*index].clone(), false, Unseen).unwrap();
        }
        assert_eq!(history(&party), expected, "{order:?}");
    }
    let mut party = party();
    party.consent(words[3].clone(), false, Unseen).unwrap();
    let undated = said(Permitted::Granted, None, at("2026-08-01"));
    assert_eq!(party.consent(undated.clone(), false, Unseen), Err(Refused::Undated));
    party.consent(undated, false, Seen).unwrap();
    assert_eq!(
        standing(&party.consents, &word("email")).unwrap().state,
        Permitted::Granted
    );
}

#[test]
fn a_question_takes_no_permission_away_and_the_answer_must_be_to_the_same_text() {
    let mut party = party();
    let email = word("email");
    let state = |party: &PartyDocument| {
        let stands = standing(&party.consents, &email).unwrap();
        (stands.state, stands.text_version.clone().unwrap().to_string())
    };
    let say = |party: &mut PartyDocument, state, day, text| party.consent(said_at(state, day, text), true, Unseen);
    say(&mut party, Permitted::Pending, "2026-01-01", "v1").unwrap();
    say(&mut party, Permitted::Granted, "2026-01-02", "v1").unwrap();
    say(&mut party, Permitted::Pending, "2026-02-01", "v2").unwrap();
    assert_eq!(state(&party), (Permitted::Granted, "v1".to_owned()));
    assert_eq!(
        say(&mut party, Permitted::Granted, "2026-02-02", "v3"),
        Err(Refused::NotConfirmed)
    );
    say(&mut party, Permitted::Granted, "2026-02-02", "v2").unwrap();
    assert_eq!(state(&party), (Permitted::Granted, "v2".to_owned()));
    let day = |text: &str| text.parse().unwrap();
    let expected = [
        (
            Permitted::Pending,
            "v1".to_owned(),
            day("2026-01-01"),
            Some(day("2026-01-02")),
        ),
        (
            Permitted::Granted,
            "v1".to_owned(),
            day("2026-01-02"),
            Some(day("2026-02-02")),
        ),
        (
            Permitted::Pending,
            "v2".to_owned(),
            day("2026-02-01"),
            Some(day("2026-02-02")),
        ),
        (Permitted::Granted, "v2".to_owned(), day("2026-02-02"), None),
    ];
    assert_eq!(history(&party), expected);
    // Who withdraws answers an open question too.
    say(&mut party, Permitted::Pending, "2026-03-01", "v3").unwrap();
    say(&mut party, Permitted::Withdrawn, "2026-03-02", "v3").unwrap();
    assert_eq!(
        say(&mut party, Permitted::Granted, "2026-03-03", "v3"),
        Err(Refused::NotConfirmed)
    );
    assert_eq!(state(&party).0, Permitted::Withdrawn);
}

#[test]
fn a_double_opt_in_of_another_system_is_noted_as_asked_and_confirmed_then() {
    let mut party = party();
    let day = |text: &str| text.parse().unwrap();
    let mut migrated = said_at(Permitted::Granted, "2024-05-02", "v1");
    migrated.asked = Some(at("2024-05-01").now);
    party.consent(migrated.clone(), true, Unseen).unwrap();
    let expected = [
        (
            Permitted::Pending,
            "v1".to_owned(),
            day("2024-05-01"),
            Some(day("2024-05-02")),
        ),
        (Permitted::Granted, "v1".to_owned(), day("2024-05-02"), None),
    ];
    assert_eq!(history(&party), expected);
    // A withdrawal between question and answer is the answer.
    let mut party = self::party();
    party
        .consent(said_at(Permitted::Withdrawn, "2024-05-01", "v1"), true, Unseen)
        .unwrap();
    assert_eq!(party.consent(migrated, true, Unseen), Err(Refused::NotConfirmed));
}

#[test]
fn a_contact_that_is_changed_keeps_what_is_not_said() {
    let mut party = party();
    let (today, later) = (at("2026-11-24"), at("2026-11-25"));
    let full = Wanted {
        purposes: Some(vec![Purpose::Main]),
        valid_until: Some("2030-01-01".parse().ok()),
        language: Some(Some(domain::till_text::Language::It)),
        delivery: Some(Some(Deliverability {
            arrives: crate::contact::Arrives::Undeliverable,
            reason: None,
            since: today.now,
        })),
        ..email("a@example.ch")
    };
    let id = party.add_contact(full, Unseen, today).unwrap();
    let before = party.contacts[0].clone();
    // A late repeat of how it began, a bare repeat, and a change that says nothing.
    assert_eq!(party.add_contact(email("a@example.ch"), Unseen, later), Ok(id));
    assert_eq!(party.change_contact(id, email("a@example.ch"), later), Ok(id));
    assert_eq!(party.contacts, [before]);
    let other = Wanted {
        purposes: Some(vec![Purpose::Work]),
        delivery: Some(None),
        ..email("a@example.ch")
    };
    let refused = party.add_contact(other.clone(), Unseen, later);
    assert_eq!(refused, Err(Refused::Unseen("contact point")));
    party.change_contact(id, other, later).unwrap();
    let changed = &party.contacts[0];
    assert_eq!((&changed.purposes, &changed.delivery), (&vec![Purpose::Work], &None));
    assert!(changed.language.is_some() && changed.valid_until.is_some());
    // The one in its place is for the same, and nothing is known about its delivery.
    let id = party.change_contact(id, email("b@example.ch"), later).unwrap();
    let new = party.contacts.iter().find(|contact| contact.id == id).unwrap();
    assert_eq!((&new.purposes, new.valid_until), (&vec![Purpose::Work], None));
    // What has ended does not begin again by a repeat.
    let late = party.add_contact(email("a@example.ch"), Unseen, later);
    assert_eq!(late, Err(Refused::Unseen("contact point")));
    assert_eq!(party.add_contact(email("a@example.ch"), Seen, later), Ok(ContactId(3)));
}

#[test]
fn a_contact_ends_on_the_day_before_the_one_in_its_place_begins() {
    let today = at("2026-11-24");
    for (begins, last, stands) in [
        ("2027-01-01", "2026-12-31", true),
        ("2026-11-25", "2026-11-24", true),
        ("2026-11-24", "2026-11-23", false),
        ("2026-06-01", "2026-05-31", false),
        ("2025-01-01", "2026-01-01", false),
    ] {
        let mut party = party();
        let first = party
            .add_contact(email("a@example.ch"), Unseen, at("2026-01-01"))
            .unwrap();
        let moved = Wanted {
            valid_from: begins.parse().ok(),
            ..email("b@example.ch")
        };
        party.change_contact(first, moved, today).unwrap();
        let old = &party.contacts[0];
        assert_eq!(
            (old.valid_until, old.stands(today.today)),
            (last.parse().ok(), stands),
            "{begins}"
        );
        let days = ["2026-05-31", "2026-11-23", "2026-11-24", "2026-12-31", "2027-01-01"];
        for day in days.map(|day| day.parse().unwrap()) {
            assert!(
                party
                    .contacts
                    .iter()
                    .filter(|contact| !contact.ended && contact.holds(day))
                    .count()
                    <= 1
            );
        }
    }
}
