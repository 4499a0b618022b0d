use super::*;
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
        purposes: vec![],
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

fn said(state: Permitted, proof: Option<&str>, when: When) -> Permission {
    Permission {
        name: word("email"),
        state,
        since: when.now,
        until: None,
        source: word("shop"),
        text_version: Some(word("v1")),
        proof: proof.map(text),
    }
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
        party.add_contact(email("a@example.ch"), when).unwrap();
        party.add_identifier(word("erp"), text("1"), when).unwrap();
        party.give_role(role("2026-11-24", None), when).unwrap();
        party.classify(class(when), when).unwrap();
        party.consent(said(Permitted::Pending, None, when), true).unwrap();
        party.subscribe(said(Permitted::Withdrawn, None, when), true).unwrap();
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
    let first = party.add_contact(email("a@example.ch"), at("2026-01-01")).unwrap();
    let second = party.change_contact(first, email("b@example.ch"), today).unwrap();
    assert_eq!((first, second), (ContactId(1), ContactId(2)));
    let old = &party.contacts[0];
    assert_eq!((old.valid_until, old.stands(today.today)), (Some(today.today), false));
    assert_eq!(old.point, Point::Email(text("a@example.ch")));
    // What is only said about it changes the same entry.
    let main = Wanted {
        purposes: vec![Purpose::Main],
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
        party.give_role(role("2026-01-01", None), today).unwrap();
        let done = party.end_role(&word("customer"), &"own".parse().unwrap(), last, today);
        let role = &party.roles[0];
        assert_eq!(done.map(|()| (role.until, role.stands(today.today))), ended, "{last:?}");
    }
}

#[test]
fn a_role_that_ended_can_be_given_again_and_both_are_kept() {
    let mut party = party();
    party
        .give_role(role("2020-01-01", Some("2021-12-31")), at("2020-01-01"))
        .unwrap();
    party.give_role(role("2026-11-24", None), at("2026-11-24")).unwrap();
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
        let refused = party.consent(said(Permitted::Granted, proof, first), true);
        assert_eq!(refused, Err(Refused::NotConfirmed));
    }
    party.consent(said(Permitted::Pending, None, first), true).unwrap();
    let refused = party.consent(said(Permitted::Granted, None, second), true);
    assert_eq!(refused, Err(Refused::NotConfirmed));
    party
        .consent(said(Permitted::Granted, Some("link"), second), true)
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
    // A withdrawal is never refused, and after it the question must be asked again.
    party.consent(said(Permitted::Withdrawn, None, second), true).unwrap();
    let refused = party.consent(said(Permitted::Granted, Some("link"), second), true);
    assert_eq!(refused, Err(Refused::NotConfirmed));
    party.subscribe(said(Permitted::Granted, None, first), false).unwrap();
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
    party.classify(class("vip", None, false), today).unwrap();
    assert_eq!(party.voucher_stop(today.now), None);
    party
        .classify(class("blacklist", Some("2026-12-01"), true), today)
        .unwrap();
    party.classify(class("fraud", Some("2026-11-30"), true), today).unwrap();
    let stop = party.voucher_stop(today.now).unwrap();
    assert!(stop.holds(at("2026-11-30").now) && !stop.holds(at("2026-12-01").now));
    party.declassify(&word("blacklist"), today).unwrap();
    assert_eq!(party.voucher_stop(today.now).unwrap().until, Some(at("2026-11-30").now));
    party.declassify(&word("fraud"), today).unwrap();
    assert_eq!(party.voucher_stop(today.now), None);
    assert_eq!(
        party.classify(class("fraud", Some("2026-11-24"), true), today),
        Err(Refused::EndsBefore)
    );
}

#[test]
fn as_much_stands_as_fits_and_what_ended_makes_room() {
    let mut party = party();
    let today = at("2026-11-24");
    for n in 0..CONTACTS_MAX {
        party.add_contact(email(&format!("{n}@example.ch")), today).unwrap();
        party.add_identifier(word("erp"), text(&n.to_string()), today).unwrap();
    }
    assert_eq!(
        party.add_contact(email("x@example.ch"), today),
        Err(Refused::Full("contact points", CONTACTS_MAX))
    );
    assert!(party.add_identifier(word("erp"), text("x"), today).is_err());
    party.end_contact(ContactId(1), None, today).unwrap();
    party.end_identifier(&word("erp"), &text("0"), today).unwrap();
    assert_eq!(party.add_contact(email("x@example.ch"), today), Ok(ContactId(21)));
    assert_eq!(party.add_identifier(word("erp"), text("x"), today), Ok(true));
}

#[test]
fn ended_entries_that_no_longer_fit_go_oldest_first_and_none_is_lost() {
    let mut party = party();
    let today = at("2026-11-24");
    let first: NaiveDate = "2026-01-01".parse().unwrap();
    for n in 0..=ENDED_MAX {
        assert_eq!(party.spill(today), None, "{n}");
        let when = at(&(first + chrono::Days::new(n as u64)).to_string());
        let id = party.add_contact(email(&format!("{n}@example.ch")), when).unwrap();
        party.end_contact(id, None, when).unwrap();
    }
    let standing = party.add_contact(email("now@example.ch"), today).unwrap();
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
