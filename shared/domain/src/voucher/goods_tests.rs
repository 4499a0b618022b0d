//! L4, L5: vouchers of campaigns, for a share of the basket, for some product groups, or for their holder only.

use proptest::prelude::*;

use super::tests::{at, changed, occasion, receipt, reserve, reverse, voucher};
use super::*;

const NOON: &str = "2026-11-22T12:00:00Z";

fn with(terms: CampaignTerms) -> Voucher {
    Voucher {
        value_minor: if terms.per_cent.is_some() { 0 } else { 500 },
        campaign: Some(terms),
        ..voucher()
    }
}

/// 15 per cent, at most CHF 10, of yarn and wool.
fn for_yarn() -> Voucher {
    with(CampaignTerms {
        per_cent: Some(15),
        max_discount_minor: Some(1_000),
        groups: vec!["yarn".to_owned(), "wool".to_owned()],
        bearer: true,
        ..CampaignTerms::default()
    })
}

fn goods<'a>(group: impl Into<Option<&'a str>>, amount_minor: i64) -> Goods {
    Goods {
        group: group.into().map(str::to_owned),
        rate_bp: Some(810),
        amount_minor,
    }
}

fn sold(number: u32, goods: &[Goods], amount_minor: Option<i64>) -> Command {
    Command::Redeem {
        receipt: receipt(number),
        basket: None,
        basket_minor: goods.iter().map(|goods| goods.amount_minor).sum(),
        goods: goods.to_vec(),
        amount_minor,
    }
}

fn plain(number: u32, basket_minor: i64) -> Command {
    Command::Redeem {
        receipt: receipt(number),
        basket: None,
        basket_minor,
        goods: vec![],
        amount_minor: None,
    }
}

#[test]
fn l4_what_it_takes_off_is_a_share_of_its_goods_and_stays_on_it() {
    let basket = [
        goods("yarn", 1_003),
        goods(None, 4_000),
        goods("wool", 0),
        goods("paper", 9),
    ];
    let redeemed = changed(for_yarn().apply(&sold(1, &basket, None), &occasion(NOON)));
    // 15 % of 10.03 are 1.5045.
    assert_eq!(redeemed.taken_on(&receipt(1)), Some(150));
    let takings: Vec<_> = redeemed.takings().iter().map(|taking| taking.amount_minor).collect();
    assert_eq!(takings, [150]);
    let other = sold(1, &[goods("yarn", 9_000)], None);
    assert_eq!(
        redeemed.apply(&other, &occasion(NOON)),
        Ok(Outcome::Replayed),
        "the first amount stands"
    );
    let dear = changed(for_yarn().apply(&sold(1, &[goods("wool", 90_000)], None), &occasion(NOON)));
    assert_eq!(dear.taken_on(&receipt(1)), Some(1_000));

    let back = changed(redeemed.apply(&reverse(1), &occasion(NOON)));
    assert_eq!((back.taken_on(&receipt(1)), back.takings().len()), (None, 0));
    let again = changed(back.apply(&sold(2, &[goods("yarn", 2_000)], None), &occasion(NOON)));
    assert_eq!(again.taken_on(&receipt(2)), Some(300), "decided anew");
}

#[test]
fn the_smallest_basket_is_asked_of_all_of_it() {
    let basket = |paper| [goods("yarn", 100), goods("paper", paper)];
    let taken = changed(for_yarn().apply(&sold(1, &basket(900), None), &occasion(NOON)));
    assert_eq!(taken.taken_on(&receipt(1)), Some(15));
    assert!(matches!(
        for_yarn().apply(&sold(1, &basket(899), None), &occasion(NOON)),
        Err(Refusal::BasketTooSmall { .. })
    ));
}

#[test]
fn one_that_takes_nothing_off_is_refused_and_not_used_up() {
    let refused = |voucher: &Voucher, basket: &[Goods]| {
        let basket_minor = basket.iter().map(|goods| goods.amount_minor).sum();
        let checked = voucher.check(Some(basket_minor), basket, &occasion(NOON)).unwrap_err();
        let redeemed = voucher.apply(&sold(1, basket, None), &occasion(NOON)).unwrap_err();
        assert_eq!(checked, redeemed);
        redeemed
    };
    let too_few = |goods_minor| Refusal::GoodsTooFew {
        goods_minor,
        currency: Currency::CHF,
    };
    assert_eq!(refused(&for_yarn(), &[goods("paper", 5_000)]), too_few(0));
    assert_eq!(
        refused(&for_yarn(), &[goods("Yarn", 5_000)]),
        too_few(0),
        "another name"
    );
    let small = [goods("yarn", 6), goods("paper", 5_000)];
    assert_eq!(refused(&for_yarn(), &small), too_few(6));
    assert_eq!(
        for_yarn().apply(&plain(1, 5_000), &occasion(NOON)),
        Err(Refusal::GoodsNotNamed)
    );
    assert_eq!(
        for_yarn().check(Some(5_000), &[], &occasion(NOON)),
        Ok(()),
        "a check leaves open what is not named"
    );
}

#[test]
fn an_amount_for_some_groups_is_no_more_than_their_goods_at_once_and_in_parts() {
    let at_once = with(CampaignTerms {
        groups: vec!["yarn".to_owned()],
        bearer: true,
        ..CampaignTerms::default()
    });
    let basket = [goods("yarn", 320), goods("paper", 5_000)];
    let taken = changed(at_once.apply(&sold(1, &basket, None), &occasion(NOON)));
    assert_eq!(taken.taken_on(&receipt(1)), Some(320));
    let in_parts = Voucher {
        partial: Some(Parts::default()),
        ..at_once
    };
    let first = changed(in_parts.apply(&sold(1, &basket, None), &occasion(NOON)));
    assert_eq!(
        (first.rest_minor(), first.taken_on(&receipt(1))),
        (Some(180), Some(320))
    );
    let more = Refusal::GoodsTooFew {
        goods_minor: 320,
        currency: Currency::CHF,
    };
    assert_eq!(in_parts.apply(&sold(2, &basket, Some(321)), &occasion(NOON)), Err(more));
}

#[test]
fn without_groups_the_share_is_of_the_whole_basket() {
    let share = with(CampaignTerms {
        per_cent: Some(10),
        bearer: true,
        ..CampaignTerms::default()
    });
    let taken = changed(share.apply(&plain(1, 4_999), &occasion(NOON)));
    assert_eq!(taken.taken_on(&receipt(1)), Some(499));
    let asked = Command::Redeem {
        receipt: receipt(1),
        basket: None,
        basket_minor: 4_999,
        goods: vec![],
        amount_minor: Some(500),
    };
    assert_eq!(share.apply(&asked, &occasion(NOON)), Err(Refusal::NotInParts));
}

#[test]
fn a_personal_voucher_is_held_and_taken_for_its_holder_only_and_a_repetition_asks_nobody() {
    let personal = with(CampaignTerms::default());
    let by = |presenter: Presenter| Occasion {
        presenter,
        ..occasion(NOON)
    };
    let holder = by(Presenter::Party("p1".parse().unwrap()));
    for (presenter, refusal) in [
        (Presenter::Unsaid, Refusal::NoCustomer),
        (Presenter::Party("p2".parse().unwrap()), Refusal::OtherCustomer),
        (Presenter::Stranger, Refusal::OtherCustomer),
    ] {
        let occasion = by(presenter);
        assert_eq!(personal.apply(&plain(1, 5_000), &occasion), Err(refusal.clone()));
        assert_eq!(personal.apply(&reserve("b1"), &occasion), Err(refusal.clone()));
        assert_eq!(personal.check(None, &[], &occasion), Err(refusal));
    }
    let held = changed(personal.apply(&reserve("b1"), &holder));
    let release = Command::Release {
        basket: "b1".parse().unwrap(),
    };
    changed(held.apply(&release, &occasion(NOON)));
    let taken = changed(personal.apply(&plain(1, 5_000), &holder));
    assert_eq!(taken.apply(&plain(1, 5_000), &occasion(NOON)), Ok(Outcome::Replayed));
    let for_all = with(CampaignTerms {
        bearer: true,
        ..CampaignTerms::default()
    });
    changed(for_all.apply(&plain(1, 5_000), &by(Presenter::Stranger)));
}

#[test]
fn a_receipt_that_names_another_amount_than_was_taken_off_is_told() {
    let taken = changed(for_yarn().apply(&sold(1, &[goods("yarn", 2_000)], None), &occasion(NOON)));
    let later = at("2026-11-22T13:00:00Z");
    let note = |amount| taken.note_payment(&receipt(1), amount, later).unwrap().voucher;
    assert_eq!(note(300).unmatched(), None);
    let other = note(301);
    let case = other.mismatch().unwrap();
    assert_eq!((case.kind, case.since), (Unmatched::OtherAmount, later));
    assert_eq!((case.redeemed_on, case.paid_on), (Some(&receipt(1)), Some(&receipt(1))));
    let back = changed(other.apply(&reverse(1), &occasion(NOON)));
    assert_eq!(back.unmatched(), None, "a voided sale is nothing to look at");
}

proptest! {
    /// Whatever is in the basket: at most the share, at most its goods, at most the limit, and never rounded up.
    #[test]
    fn l4_never_more_than_the_share_of_the_eligible_goods_is_taken_off(
        amounts in prop::collection::vec((0u8..4, 0i64..=1_000_000), 1..20),
        per_cent in 1u8..=100,
        most in prop::option::of(1i64..100_000),
    ) {
        let names = [Some("yarn"), Some("wool"), Some("paper"), None];
        let basket: Vec<_> = amounts.iter().map(|(at, amount)| goods(names[usize::from(*at)], *amount)).collect();
        let eligible: i64 = amounts.iter().filter(|(at, _)| *at < 2).map(|(_, amount)| amount).sum();
        let mut voucher = for_yarn();
        voucher.min_basket_minor = 0;
        voucher.campaign.as_mut().unwrap().per_cent = Some(per_cent);
        voucher.campaign.as_mut().unwrap().max_discount_minor = most;
        match voucher.apply(&sold(1, &basket, None), &occasion(NOON)) {
            Ok(Outcome::Changed(after)) => {
                let taken = after.taken_on(&receipt(1)).unwrap();
                prop_assert!(taken >= 1 && taken <= eligible && most.is_none_or(|most| taken <= most));
                prop_assert!(taken * 100 <= eligible * i64::from(per_cent));
                let exact = most.is_some_and(|most| taken == most) || (taken + 1) * 100 > eligible * i64::from(per_cent);
                prop_assert!(exact, "less than a minor unit is kept back");
            }
            refused => {
                let too_few = matches!(refused, Err(Refusal::GoodsTooFew { .. }));
                prop_assert!(too_few, "{:?}", refused);
                prop_assert!(eligible * i64::from(per_cent) < 100);
            }
        }
    }
}
