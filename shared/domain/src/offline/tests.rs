use proptest::prelude::*;

use super::*;
use crate::id::LookupKey;
use crate::voucher::{CampaignTerms, Goods, Presenter, State, Voucher};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// CHF 5, from CHF 10 on, through November.
fn voucher() -> Voucher {
    Voucher {
        party: "p1".parse().unwrap(),
        programme: "treue".parse().unwrap(),
        number: 1.into(),
        value_minor: 500,
        currency: Currency::CHF,
        min_basket_minor: 1_000,
        valid_from: "2026-11-01".parse().unwrap(),
        valid_until: "2026-11-30".parse().unwrap(),
        zone: chrono_tz::Europe::Zurich,
        reservation_seconds: 900,
        origin: None,
        issued_at: at("2026-11-01T10:00:00Z"),
        code_key_version: 1,
        state: State::Open,
        version: 3,
        state_version: 2,
        reversed: vec![],
        payment: None,
        partial: None,
        campaign: None,
    }
}

/// CHF 20 for the day, CHF 10 for a voucher.
fn allowance() -> Allowance {
    let mut programme = Programme::swiss_default("treue".parse().unwrap());
    programme.offline = Some(OfflineRule {
        hours: 4,
        limit_minor: 2_000,
        voucher_limit_minor: 1_000,
        journal_days: 7,
        bearers: BTreeMap::new(),
    });
    Allowance::new("B07".parse().unwrap(), &programme, at("2026-11-22T10:00:00Z")).unwrap()
}

fn receipt(store: &str, number: u32) -> ReceiptKey {
    format!("{store}~3~2026-11-22~{number}").parse().unwrap()
}

fn taken(value_minor: i64) -> Taken {
    Taken {
        number: 1,
        receipt: receipt("B07", 1),
        basket: None,
        basket_minor: 5_000,
        goods: vec![],
        value_minor,
        at: at("2026-11-22T11:00:00Z"),
    }
}

fn redeemed(receipt: ReceiptKey) -> State {
    State::Redeemed {
        receipt,
        at: at("2026-11-22T10:30:00Z"),
        booked_at: None,
        amount_minor: None,
    }
}

/// The decision on `taken`, an hour after the line is up again.
fn decided(taken: &Taken, allowance: &Allowance, found: Option<&Voucher>) -> Decision {
    decided_at(taken, allowance, found, "2026-11-22T13:00:00Z")
}

fn decided_at(taken: &Taken, allowance: &Allowance, found: Option<&Voucher>, now: &str) -> Decision {
    let case = Case {
        taken,
        window: allowance.window(at("2026-11-22T10:00:00Z")),
        allowance,
        voided: false,
        presenter: &Presenter::Unsaid,
        now: at(now),
    };
    let found = found.map_or(Found::Nothing, |voucher| Found::Voucher { voucher, stop: None });
    decide(&case, found)
}

fn loss(decision: &Decision) -> (LossReason, Bearer, i64) {
    let loss = decision.verdict.loss.as_ref().expect("a loss");
    (loss.reason, loss.bearer, loss.minor)
}

#[test]
fn x3_a_good_voucher_is_booked_as_of_its_instant_and_uses_the_allowance() {
    let decision = decided(&taken(500), &allowance(), Some(&voucher()));
    let expected = Verdict {
        outcome: Outcome::Booked,
        breaches: vec![],
        booked_minor: 500,
        loss: None,
    };
    assert_eq!(decision.verdict, expected);
    let after = decision.voucher.expect("a changed voucher");
    let state = State::Redeemed {
        receipt: receipt("B07", 1),
        at: at("2026-11-22T11:00:00Z"),
        booked_at: Some(at("2026-11-22T13:00:00Z")),
        amount_minor: None,
    };
    assert_eq!((after.state, after.version), (state, 4));
    assert_eq!((decision.allowance.used_minor, decision.allowance.version), (500, 2));
}

#[test]
fn x3_each_refusal_is_a_loss_with_its_reason_and_usual_bearer() {
    let with = |state: State| Voucher { state, ..voucher() };
    let valid = |from: &str, until: &str| Voucher {
        valid_from: from.parse().unwrap(),
        valid_until: until.parse().unwrap(),
        ..voucher()
    };
    let elsewhere = CampaignTerms {
        locations: vec!["B09".parse().unwrap()],
        bearer: true,
        ..CampaignTerms::default()
    };
    let held = State::Reserved {
        basket: "b1".parse().unwrap(),
        until: at("2026-11-22T13:00:01Z"),
        location: "B07".parse().unwrap(),
    };
    let voided = State::Voided {
        at: at("2026-11-22T10:30:00Z"),
        adjustment: "A7".parse::<LookupKey>().unwrap(),
        reissued_as: None,
    };
    let blocked = State::Blocked {
        at: at("2026-11-22T10:30:00Z"),
        adjustment: "A6".parse::<LookupKey>().unwrap(),
    };
    let cases = [
        (with(redeemed(receipt("B09", 1))), LossReason::RedeemedElsewhere),
        (with(redeemed(receipt("B07", 2))), LossReason::RedeemedHere),
        (with(held), LossReason::Reserved),
        (with(blocked), LossReason::Blocked),
        (with(voided), LossReason::Voided),
        (valid("2026-11-23", "2026-11-30"), LossReason::NotYetValid),
        (valid("2026-11-01", "2026-11-21"), LossReason::Expired),
        (
            Voucher {
                programme: "other".parse().unwrap(),
                ..voucher()
            },
            LossReason::OtherProgramme,
        ),
        (
            Voucher {
                campaign: Some(elsewhere),
                ..voucher()
            },
            LossReason::OtherLocation,
        ),
        (
            Voucher {
                min_basket_minor: 5_001,
                ..voucher()
            },
            LossReason::BasketTooSmall,
        ),
    ];
    for (stands, reason) in cases {
        let decision = decided(&taken(500), &allowance(), Some(&stands));
        assert_eq!(loss(&decision), (reason, reason.usual_bearer(), 500));
        assert_eq!(
            (decision.verdict.outcome, decision.voucher),
            (Outcome::Lost, None),
            "{reason:?}"
        );
    }
    let unknown = decided(&taken(500), &allowance(), None);
    assert_eq!(loss(&unknown), (LossReason::UnknownCode, Bearer::Company, 500));
    let first = decided(&taken(500), &allowance(), Some(&with(redeemed(receipt("B09", 1)))));
    let first = first.verdict.loss.and_then(|loss| loss.first).expect("where it was");
    assert_eq!(
        (first.receipt, first.at),
        (receipt("B09", 1), at("2026-11-22T10:30:00Z"))
    );
}

#[test]
fn x3_a_holder_who_is_stopped_is_a_loss_only_where_the_voucher_could_be_taken() {
    let (taken, allowance) = (taken(500), allowance());
    let case = Case {
        taken: &taken,
        window: allowance.window(at("2026-11-22T10:00:00Z")),
        allowance: &allowance,
        voided: false,
        presenter: &Presenter::Unsaid,
        now: at("2026-11-22T13:00:00Z"),
    };
    let stop = Some(LossReason::HolderStopped);
    let open = voucher();
    let decision = decide(&case, Found::Voucher { voucher: &open, stop });
    assert_eq!(loss(&decision), (LossReason::HolderStopped, Bearer::Company, 500));
    let gone = Voucher {
        state: redeemed(receipt("B09", 1)),
        ..voucher()
    };
    let decision = decide(&case, Found::Voucher { voucher: &gone, stop });
    assert_eq!(loss(&decision).0, LossReason::RedeemedElsewhere);
}

#[test]
fn x3_the_line_that_went_down_over_the_answer_loses_nothing() {
    let same = Voucher {
        state: redeemed(receipt("B07", 1)),
        ..voucher()
    };
    let decision = decided(&taken(500), &allowance(), Some(&same));
    assert_eq!(
        (decision.verdict.outcome, decision.verdict.loss, decision.voucher),
        (Outcome::Booked, None, None)
    );
    let voided = Voucher {
        reversed: vec![receipt("B07", 1)],
        ..voucher()
    };
    let decision = decided(&taken(500), &allowance(), Some(&voided));
    assert_eq!(
        (
            decision.verdict.outcome,
            decision.verdict.loss,
            decision.allowance.used_minor
        ),
        (Outcome::Reversed, None, 0)
    );
}

#[test]
fn x3_on_a_voided_sale_nothing_is_lost_whatever_became_of_the_voucher() {
    let adjustment: LookupKey = "A7".parse().unwrap();
    let at = at("2026-11-22T10:30:00Z");
    let states = [
        State::Open,
        redeemed(receipt("B09", 1)),
        State::Blocked {
            at,
            adjustment: adjustment.clone(),
        },
        State::Voided {
            at,
            adjustment,
            reissued_as: None,
        },
    ];
    let allowance = allowance();
    let nothing = |decision: Decision| {
        assert_eq!(
            (
                decision.verdict.outcome,
                decision.verdict.loss,
                decision.voucher,
                decision.allowance.used_minor
            ),
            (Outcome::Reversed, None, None, 0)
        );
    };
    for state in states {
        let reversed = Voucher {
            state: state.clone(),
            reversed: vec![receipt("B07", 1)],
            ..voucher()
        };
        nothing(decided(&taken(500), &allowance, Some(&reversed)));
        // The till was refused the reversal, because another one had the voucher: the receipt tells.
        let stands = Voucher { state, ..voucher() };
        nothing(of_voided(&allowance, Some(&stands)));
    }
    nothing(of_voided(&allowance, None));
    // Redeemed on it over the line, and not taken back yet: that is what stands.
    let same = Voucher {
        state: redeemed(receipt("B07", 1)),
        ..voucher()
    };
    assert_eq!(of_voided(&allowance, Some(&same)).verdict.outcome, Outcome::Booked);
}

/// The decision on an entry whose receipt was voided.
fn of_voided(allowance: &Allowance, found: Option<&Voucher>) -> Decision {
    let taken = taken(500);
    let case = Case {
        taken: &taken,
        window: allowance.window(at("2026-11-22T10:00:00Z")),
        allowance,
        voided: true,
        presenter: &Presenter::Unsaid,
        now: at("2026-11-22T13:00:00Z"),
    };
    let found = found.map_or(Found::Nothing, |voucher| Found::Voucher { voucher, stop: None });
    decide(&case, found)
}

#[test]
fn x3_the_basket_that_held_it_takes_it_and_a_hold_that_is_over_protects_nobody() {
    let held = |location: &str, until: &str| Voucher {
        state: State::Reserved {
            basket: "b1".parse().unwrap(),
            until: at(until),
            location: location.parse().unwrap(),
        },
        ..voucher()
    };
    let mut with_basket = taken(500);
    with_basket.basket = Some("b1".parse().unwrap());
    let outcome = |taken: &Taken, voucher: &Voucher| decided(taken, &allowance(), Some(voucher)).verdict.outcome;
    let (long, over) = ("2026-11-22T13:10:00Z", "2026-11-22T13:00:00Z");
    assert_eq!(outcome(&with_basket, &held("B07", long)), Outcome::Booked);
    assert_eq!(outcome(&with_basket, &held("B09", long)), Outcome::Lost);
    assert_eq!(outcome(&taken(500), &held("B07", long)), Outcome::Lost);
    assert_eq!(outcome(&with_basket, &held("B07", over)), Outcome::Booked);
    assert_eq!(outcome(&taken(500), &held("B09", over)), Outcome::Booked);
}

#[test]
fn x3_what_is_given_beyond_the_face_value_is_lost_and_the_rest_is_booked() {
    let decision = decided(&taken(800), &allowance(), Some(&voucher()));
    assert_eq!(decision.verdict.booked_minor, 500);
    assert_eq!(loss(&decision), (LossReason::MoreThanFace, Bearer::Branch, 300));
    let less = decided(&taken(450), &allowance(), Some(&voucher()));
    assert_eq!((less.verdict.booked_minor, less.verdict.loss), (450, None));
    let per_cent = |max_discount_minor| Voucher {
        value_minor: 0,
        campaign: Some(CampaignTerms {
            per_cent: Some(10),
            max_discount_minor,
            bearer: true,
            ..CampaignTerms::default()
        }),
        ..voucher()
    };
    let fits = decided(&taken(500), &allowance(), Some(&per_cent(None)));
    assert_eq!((fits.verdict.booked_minor, fits.verdict.loss), (500, None));
    // 10 % of 50.09 are 5.009: what was promised is 5.00, as online.
    let mut odd = taken(500);
    odd.basket_minor = 5_009;
    let fits = decided(&odd, &allowance(), Some(&per_cent(None)));
    assert_eq!(fits.verdict.loss, None);
    odd.value_minor = 501;
    assert_eq!(loss(&decided(&odd, &allowance(), Some(&per_cent(None)))).2, 1);
    let capped = decided(&taken(500), &allowance(), Some(&per_cent(Some(400))));
    assert_eq!(loss(&capped), (LossReason::MoreThanFace, Bearer::Branch, 100));
}

#[test]
fn x3_a_breach_books_what_is_good_and_gives_every_loss_to_the_branch() {
    let mut early = taken(500);
    early.at = at("2026-11-22T09:59:59Z");
    let mut end = taken(500);
    end.at = at("2026-11-22T14:00:00Z");
    let big = taken(1_001);
    let now = "2026-11-22T15:00:00Z";
    let late = "2026-11-30T00:00:00Z";
    let mut used = allowance();
    used.used_minor = 1_501;
    let cases = [
        (&early, allowance(), now, Breach::OutsideWindow),
        (&end, allowance(), now, Breach::OutsideWindow),
        (&big, allowance(), now, Breach::OverVoucherLimit),
        (&taken(500), used, now, Breach::OverLimit),
        (&taken(500), allowance(), late, Breach::TooLate),
    ];
    for (taken, allowance, now, breach) in cases {
        let good = Voucher {
            value_minor: taken.value_minor,
            ..voucher()
        };
        let booked = decided_at(taken, &allowance, Some(&good), now);
        assert_eq!(booked.verdict.breaches, [breach]);
        assert_eq!((booked.verdict.outcome, booked.verdict.loss), (Outcome::Booked, None));
        assert_eq!(
            booked.allowance.used_minor, allowance.used_minor,
            "{breach:?} uses nothing"
        );
        let lost = decided_at(taken, &allowance, None, now);
        assert_eq!(
            loss(&lost),
            (LossReason::UnknownCode, Bearer::Branch, taken.value_minor)
        );
    }
}

#[test]
fn x3_the_limits_themselves_the_first_instant_and_the_last_day_are_no_breach() {
    let mut first = taken(1_000);
    first.at = at("2026-11-22T10:00:00Z");
    let mut used = allowance();
    used.used_minor = 1_000;
    let decision = decided_at(&first, &used, None, "2026-11-29T22:59:59Z");
    assert_eq!(
        (decision.verdict.breaches, decision.allowance.used_minor),
        (vec![], 2_000)
    );
}

#[test]
fn x3_a_clock_that_runs_ahead_ends_no_hold() {
    let held = Voucher {
        state: State::Reserved {
            basket: "b1".parse().unwrap(),
            until: at("2026-11-22T13:00:01Z"),
            location: "B09".parse().unwrap(),
        },
        ..voucher()
    };
    let mut ahead = taken(500);
    ahead.at = at("2026-11-22T13:00:02Z");
    let decision = decided(&ahead, &allowance(), Some(&held));
    assert_eq!(loss(&decision).0, LossReason::Reserved);
    // Nor does it bring an entry into a window that is not over yet.
    ahead.at = at("2026-11-22T14:00:00Z");
    let decision = decided_at(&ahead, &allowance(), Some(&voucher()), "2026-11-22T13:59:59Z");
    assert_eq!(decision.verdict.breaches, [Breach::OutsideWindow]);
}

#[test]
fn x3_an_instant_that_the_allowance_does_not_cover_brings_no_expired_voucher_back() {
    let expired = Voucher {
        valid_until: "2026-11-22".parse().unwrap(),
        ..voucher()
    };
    let covered = decided_at(&taken(500), &allowance(), Some(&expired), "2026-11-23T12:00:00Z");
    assert_eq!(covered.verdict.outcome, Outcome::Booked, "it was valid at that instant");
    let mut before = taken(500);
    before.at = at("2026-11-22T09:00:00Z");
    let backdated = decided_at(&before, &allowance(), Some(&expired), "2026-11-23T12:00:00Z");
    assert_eq!(loss(&backdated), (LossReason::Expired, Bearer::Branch, 500));
    let too_late = decided_at(&taken(500), &allowance(), Some(&expired), "2026-12-22T12:00:00Z");
    assert_eq!(loss(&too_late), (LossReason::Expired, Bearer::Branch, 500));
}

#[test]
fn x3_the_programme_says_who_bears_what() {
    let mut allowance = allowance();
    allowance.rule.bearers = BTreeMap::from([(LossReason::UnknownCode, Bearer::Branch)]);
    assert_eq!(loss(&decided(&taken(500), &allowance, None)).1, Bearer::Branch);
}

#[test]
fn x3_settings_that_cannot_be_are_named() {
    let mut programme = Programme::swiss_default("treue".parse().unwrap());
    assert_eq!(
        Allowance::new("B07".parse().unwrap(), &programme, at("2026-11-22T10:00:00Z")),
        None
    );
    programme.offline = Some(OfflineRule {
        hours: 25,
        limit_minor: 0,
        voucher_limit_minor: 2,
        journal_days: 0,
        bearers: BTreeMap::new(),
    });
    let pointers: Vec<_> = programme.violations().into_iter().map(|v| v.pointer).collect();
    let expected = ["hours", "limit_minor", "voucher_limit_minor", "journal_days"];
    assert_eq!(pointers, expected.map(|field| format!("/offline/{field}")));
}

#[test]
fn x3_sums_of_a_day_are_kept_by_reason_and_bearer() {
    let of = |reason, bearer, minor| Loss {
        reason,
        minor,
        bearer,
        first: None,
    };
    let day = LossDay::default()
        .with(&of(LossReason::Expired, Bearer::Branch, 500), Currency::CHF)
        .with(&of(LossReason::Expired, Bearer::Company, 100), Currency::CHF)
        .with(&of(LossReason::Expired, Bearer::Branch, 250), Currency::CHF);
    let told: Vec<_> = day.sums.iter().map(|sum| (sum.bearer, sum.count, sum.minor)).collect();
    assert_eq!(
        (told.as_slice(), day.version),
        ([(Bearer::Branch, 2, 750), (Bearer::Company, 1, 100)].as_slice(), 3)
    );
}

proptest! {
    /// In whatever order entries come: what the till gave is booked or lost, one voucher is booked once, and the company bears
    /// no more than the limit.
    #[test]
    fn x3_the_company_never_bears_more_than_the_limit(
        entries in prop::collection::vec((0u32..6, 1i64..1_500, 0i64..6 * 60, any::<bool>()), 1..40),
    ) {
        let mut allowance = allowance();
        let mut vouchers: Vec<Voucher> = (0..4).map(|_| voucher()).collect();
        let (mut company, mut booked) = (0, vec![0; 4]);
        for (number, (which, value, minute, late)) in (1u32..).zip(entries) {
            let mut taken = taken(value);
            taken.receipt = receipt("B07", number);
            taken.at = at("2026-11-22T09:00:00Z") + Duration::minutes(minute);
            let stands = vouchers.get(which as usize).cloned();
            let now = if late { "2026-12-30T10:00:00Z" } else { "2026-11-22T16:00:00Z" };
            let decision = decided_at(&taken, &allowance, stands.as_ref(), now);
            let lost = decision.verdict.loss.as_ref().map_or(0, |loss| loss.minor);
            prop_assert_eq!(decision.verdict.booked_minor + lost, value);
            if decision.verdict.loss.as_ref().is_some_and(|loss| loss.bearer == Bearer::Company) {
                company += lost;
            }
            if let Some(after) = decision.voucher {
                booked[which as usize] += 1;
                vouchers[which as usize] = after;
            }
            allowance = decision.allowance;
        }
        prop_assert!(company <= allowance.used_minor && allowance.used_minor <= allowance.rule.limit_minor);
        prop_assert!(booked.iter().all(|times| *times <= 1));
    }
}

#[test]
fn x3_of_a_voucher_in_parts_the_branch_takes_up_to_what_is_left() {
    let part = |number, amount_minor| crate::voucher::Part {
        receipt: receipt("B09", number),
        amount_minor,
        at: at("2026-11-22T10:30:00Z"),
        booked_at: None,
    };
    let in_parts = Voucher {
        partial: Some(crate::voucher::Parts {
            taken: vec![part(1, 200)],
            notes: vec![],
        }),
        ..voucher()
    };
    let some = decided(&taken(250), &allowance(), Some(&in_parts));
    assert_eq!(
        (some.verdict.outcome, some.verdict.booked_minor, &some.verdict.loss),
        (Outcome::Booked, 250, &None)
    );
    let after = some.voucher.expect("a changed voucher");
    assert_eq!((after.rest_minor(), &after.state), (Some(50), &State::Open));
    let booked: Vec<_> = after.takings().iter().map(|taking| taking.booked_at).collect();
    assert_eq!(
        booked,
        [at("2026-11-22T10:30:00Z"), at("2026-11-22T13:00:00Z")],
        "the branch's when its journal comes"
    );
    // Told again, it is what it was.
    let again = decided(&taken(250), &allowance(), Some(&after));
    assert_eq!((again.verdict.booked_minor, again.voucher), (250, None));
    // More than is left is lost.
    let all = decided(&taken(400), &allowance(), Some(&in_parts));
    assert_eq!(all.verdict.booked_minor, 300);
    assert_eq!(
        loss(&all),
        (
            LossReason::MoreThanFace,
            allowance().rule.bearer(LossReason::MoreThanFace),
            100
        )
    );
    assert!(matches!(
        all.voucher.expect("a changed voucher").state,
        State::Redeemed { .. }
    ));
}

#[test]
fn x3_a_share_of_some_groups_is_booked_up_to_what_it_is_of_the_goods_that_the_entry_names() {
    let wine = Voucher {
        value_minor: 0,
        campaign: Some(CampaignTerms {
            per_cent: Some(10),
            groups: vec!["wine".to_owned()],
            bearer: true,
            ..CampaignTerms::default()
        }),
        ..voucher()
    };
    let goods = |group: &str, amount_minor| Goods {
        group: Some(group.to_owned()),
        rate_bp: Some(810),
        amount_minor,
    };
    let with = |value_minor, goods: Vec<Goods>| Taken {
        goods,
        ..taken(value_minor)
    };
    let told = with(300, vec![goods("wine", 2_009), goods("paper", 2_991)]);
    let decision = decided(&told, &allowance(), Some(&wine));
    assert_eq!(decision.verdict.booked_minor, 200);
    assert_eq!(loss(&decision), (LossReason::MoreThanFace, Bearer::Branch, 100));
    let after = decision.voucher.expect("a changed voucher");
    assert_eq!(after.taken_on(&told.receipt), Some(200));
    let again = decided(&told, &allowance(), Some(&after));
    assert_eq!((again.verdict.booked_minor, again.voucher), (200, None));

    let less = decided(&with(150, told.goods.clone()), &allowance(), Some(&wine));
    let after = less.voucher.expect("a changed voucher");
    assert_eq!(
        after.taken_on(&told.receipt),
        Some(150),
        "what the customer was given stands"
    );
    for goods in [vec![], vec![goods("paper", 5_000)]] {
        let decision = decided(&with(300, goods), &allowance(), Some(&wine));
        assert_eq!(loss(&decision), (LossReason::NoGoods, Bearer::Branch, 300));
        assert_eq!(decision.voucher, None);
    }
}

#[test]
fn x3_a_personal_voucher_is_booked_for_its_holder_only() {
    let personal = Voucher {
        campaign: Some(CampaignTerms::default()),
        ..voucher()
    };
    let (taken, allowance) = (taken(500), allowance());
    let presented = |presenter: &Presenter| {
        let case = Case {
            taken: &taken,
            window: allowance.window(at("2026-11-22T10:00:00Z")),
            allowance: &allowance,
            voided: false,
            presenter,
            now: at("2026-11-22T13:00:00Z"),
        };
        decide(
            &case,
            Found::Voucher {
                voucher: &personal,
                stop: None,
            },
        )
    };
    let holder = presented(&Presenter::Party("p1".parse().unwrap()));
    assert_eq!(holder.verdict.outcome, Outcome::Booked);
    let nobody = presented(&Presenter::Unsaid);
    assert_eq!(loss(&nobody), (LossReason::NoCustomer, Bearer::Branch, 500));
    for other in [Presenter::Party("p2".parse().unwrap()), Presenter::Stranger] {
        assert_eq!(
            loss(&presented(&other)),
            (LossReason::OtherCustomer, Bearer::Company, 500)
        );
    }
}
