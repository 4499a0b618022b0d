//! What campaigns of these tests have in common.

mod activity;
mod birthday;
mod digest;
mod document;
mod dry_run;
mod effect;
mod handover;
mod letter;
mod member;
mod run;
mod segment;
mod status;

use chrono::NaiveDate;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn lead() -> Lead {
    Lead {
        printer_working_days: 3,
        post_working_days: 2,
        calendar: "zh".to_owned(),
    }
}

/// Ten francs for each member, once on 2 November 2026.
fn individual() -> Campaign {
    Campaign {
        id: "autumn-2026".to_owned(),
        name: "Autumn".to_owned(),
        programme: "treue".parse().unwrap(),
        kind: Kind::Individual {},
        segment: None,
        voucher: VoucherTemplate {
            worth: Worth::Amount { value_minor: 1_000 },
            min_basket_minor: 2_000,
            validity: Validity::Days {
                after_start: 0,
                days: 60,
            },
            groups: Vec::new(),
            channels: Vec::new(),
            locations: Vec::new(),
            bearer: Bearer::Bearer,
            consideration: Consideration::Free,
            vat_kind: VatKind::Value,
            per_member: 1,
            cost_points: None,
            partial: false,
        },
        texts: Texts {
            de: "{salutation}, hier ist Ihr Gutschein über {value}.".to_owned(),
            fr: None,
            it: None,
            en: None,
        },
        letter_variant: "a4-autumn".to_owned(),
        enclosure: None,
        budget_minor: None,
        budget_rule: BudgetRule::Refuse,
        control_per_cent: 0,
        one_per_household: false,
        needs_acknowledgement: false,
        rfmr_minimum: None,
        letter_cost: LetterCost {
            printing_minor: 35,
            postage_minor: 53,
        },
        schedule: Schedule::Once { on: day("2026-11-02") },
    }
}

fn birthday_campaign() -> Campaign {
    Campaign {
        id: "birthday".to_owned(),
        kind: Kind::Birthday {
            floor_minor: 50_000,
            window_months: 12,
            lead: lead(),
            leap_day: LeapDay::Feb28,
        },
        schedule: Schedule::Daily {},
        ..individual()
    }
}

fn bonus() -> Campaign {
    Campaign {
        id: "bonus".to_owned(),
        kind: Kind::Bonus {},
        schedule: Schedule::Monthly { day: 1 },
        ..individual()
    }
}

fn party(number: u32) -> domain::id::PartyId {
    format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
}

fn member() -> Subject {
    Subject::person(party(1))
}

/// A run on 2 November 2026 with nothing against the member.
fn plain() -> Circumstances<'static> {
    Circumstances {
        run_day: day("2026-11-02"),
        due: None,
        placeholders: &PLACEHOLDERS,
        closed: false,
        address: Address::Deliverable,
        no_vouchers: false,
        served: &[],
        household_served: false,
        budget_left_minor: None,
    }
}

fn decided(campaign: &Campaign, subject: &Subject, circumstances: &Circumstances<'_>) -> Decision {
    decide(campaign, &campaign.compile().unwrap(), subject, circumstances)
}

/// Pointers and codes of what is wrong.
fn wrong(campaign: &Campaign) -> Vec<(String, &'static str)> {
    let found = campaign.violations().into_iter();
    found.map(|violation| (violation.pointer, violation.code)).collect()
}
