//! What a campaign can ask about a party, and where its letters go.

use campaign::{Activity, Address, Consent, Consents, GroupSum, MonthSums, StoreSum, Subject, activity};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::calendar;
use domain::money::OutOfRange;
use domain::rfmr::{MonthOrders, RfmrRules, SentLetter};
use party::PartyDocument;
use party::contact::{Arrives, Contact, Point, Postal, Purpose};
use party::dated::Permitted;
use party::document::LETTER;
use store::run::FoundParty;

/// When a run looks at parties, and what it knows of locations.
#[derive(Debug, Clone)]
pub(crate) struct Looking {
    /// Business day of the run.
    pub(crate) day: NaiveDate,
    /// When the run began.
    pub(crate) at: DateTime<Utc>,
    /// Zone of its days.
    pub(crate) zone: Tz,
    /// How RFMR scores are made up.
    pub(crate) rfmr: RfmrRules,
    /// Ids of the locations that are online shops.
    pub(crate) shops: Vec<String>,
}

/// The party as the campaign sees it on the day of the run.
pub(crate) fn subject(found: &FoundParty, looking: &Looking) -> Result<Subject, OutOfRange> {
    let document = &found.document;
    let today = looking.day;
    let account = found.account.as_ref();
    let shops: Vec<&str> = looking.shops.iter().map(String::as_str).collect();
    let postal = address(document, today).1.map(|(_, postal)| postal);
    Ok(Subject {
        party: document.party.clone(),
        kind: if document.identity.is_person() {
            "person".to_owned()
        } else {
            "organisation".to_owned()
        },
        language: document.language,
        gender: document.gender.map(|gender| gender.as_str().to_owned()),
        birth_date: document.birth_date.as_ref().map(|born| born.0),
        country: postal.map(|postal| postal.country.as_str().to_owned()),
        postcode: postal.and_then(|postal| postal.postcode.as_ref().map(|code| code.as_str().to_owned())),
        customer_type: document.customer_type.as_ref().map(ToString::to_string),
        sales_channel: document.sales_channel.as_ref().map(ToString::to_string),
        classifications: sorted(
            document
                .classifications
                .iter()
                .filter(|class| class.holds(looking.at))
                .map(|class| class.class.to_string()),
        ),
        roles: sorted(
            document
                .roles
                .iter()
                .filter(|role| role.holds(today) && !role.ended)
                .map(|role| role.role.to_string()),
        ),
        lists: sorted(
            document
                .lists
                .iter()
                .filter(|list| list.until.is_none() && list.state == Permitted::Granted)
                .map(|list| list.name.to_string()),
        ),
        customer_since: customer_since(document),
        consents: consents(document),
        activity: purchases(found, today, &shops)?,
        points_balance: account.map_or(0, |account| account.balance),
        vouchers_open: i64::from(found.open_vouchers),
        rfmr_score: Some(score(found, looking)),
    })
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<_> = texts.collect();
    texts.sort();
    texts.dedup();
    texts
}

fn customer_since(document: &PartyDocument) -> Option<NaiveDate> {
    let customer = document.roles.iter().filter(|role| role.role.as_str() == "customer");
    customer.map(|role| role.since).min()
}

fn consents(document: &PartyDocument) -> Consents {
    let of = |channel: &str| match document.permitted(channel) {
        Some(Permitted::Granted) => Consent::Granted,
        Some(Permitted::Withdrawn) => Consent::Withdrawn,
        Some(Permitted::Pending) | None => Consent::None,
    };
    Consents {
        letter: of(LETTER),
        email: of("email"),
        sms: of("sms"),
        phone: of("phone"),
    }
}

/// The RFMR score on the day of the run.
fn score(found: &FoundParty, looking: &Looking) -> i64 {
    let months = found.months.iter().filter_map(|month| {
        Some(MonthOrders {
            month: month.month.parse().ok()?,
            orders: month.receipts,
            revenue_minor: month.revenue_minor,
        })
    });
    let letters = found.letters.iter().map(|(at, cost_minor)| SentLetter {
        day: calendar::business_day(*at, looking.zone),
        cost_minor: *cost_minor,
    });
    let (months, letters): (Vec<_>, Vec<_>) = (months.collect(), letters.collect());
    looking.rfmr.score(&months, &letters, looking.day).total()
}

fn purchases(found: &FoundParty, today: NaiveDate, shops: &[&str]) -> Result<Activity, OutOfRange> {
    let months = found.months.iter().filter_map(|month| {
        Some(MonthSums {
            month: month.month.parse().ok()?,
            receipts: month.receipts,
            revenue_minor: month.revenue_minor,
            by_store: month
                .stores
                .iter()
                .map(|(store, receipts, revenue_minor)| StoreSum {
                    store: store.clone(),
                    receipts: *receipts,
                    revenue_minor: *revenue_minor,
                })
                .collect(),
            by_group: month.groups.iter().map(group).collect(),
        })
    });
    let last = found.account.as_ref().and_then(|account| account.last_purchase);
    activity(&months.collect::<Vec<_>>(), last, today, shops)
}

fn group((group, revenue_minor): &(String, i64)) -> GroupSum {
    GroupSum {
        group: group.clone(),
        revenue_minor: *revenue_minor,
    }
}

/// Whether letters reach the party, and the address they go to: of those that hold on the day and from which nothing came back
/// the one for advertising, else the main one, else one at home, else the oldest of the others that are no billing or delivery
/// addresses.
pub(crate) fn address(document: &PartyDocument, day: NaiveDate) -> (Address, Option<(&Contact, &Postal)>) {
    let standing = document
        .contacts
        .iter()
        .filter(|contact| !contact.ended && contact.holds(day));
    let mut blocked = false;
    let mut best: Option<(u8, &Contact, &Postal)> = None;
    for contact in standing {
        let Point::Postal(postal) = &contact.point else {
            continue;
        };
        let Some(rank) = rank(&contact.purposes) else { continue };
        let came_back = contact
            .delivery
            .as_ref()
            .is_some_and(|known| known.arrives == Arrives::Undeliverable);
        if came_back {
            blocked = true;
        } else if best.is_none_or(|(other, ..)| rank < other) {
            best = Some((rank, contact, postal));
        }
    }
    match best {
        Some((_, contact, postal)) => (Address::Deliverable, Some((contact, postal))),
        None if blocked => (Address::Blocked, None),
        None => (Address::Missing, None),
    }
}

/// How well an address with these purposes suits letters, 0 the best; `None` where it is for other things only.
fn rank(purposes: &[Purpose]) -> Option<u8> {
    let rank = |purpose: &Purpose| match purpose {
        Purpose::Marketing => Some(0),
        Purpose::Main => Some(1),
        Purpose::Private => Some(2),
        Purpose::Work => Some(3),
        Purpose::Billing | Purpose::Delivery | Purpose::Emergency => None,
    };
    if purposes.is_empty() {
        return Some(4);
    }
    purposes.iter().filter_map(rank).min()
}
