//! The parties of a segment, each with what a campaign can ask about it.
//!
//! Everything of a party lies together in the table and is read in the order of its sort keys, so one walk gives each party with
//! its account, months and earlier campaigns without another call.

use std::collections::BTreeMap;

use ::party::PartyDocument;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use domain::account::Account;
use domain::id::{PartyId, ProgrammeId, Tenant};
use faults::Site;

use super::Position;
use super::issue::{GIVEN, Given};
use crate::account::{self, ACCOUNT};
use crate::activity::{self, ACTIVITY, Month};
use crate::db::{Db, Key};
use crate::error::StoreError;
use crate::party::{self, PARTY};
use crate::record::{Item, Record};
use crate::relationship::{self, RELATIONSHIP, Relationship};
use crate::scan::{self, Segment};
use crate::timeline::{self, Event, SENT_LETTER};
use crate::voucher::OPEN_VOUCHER;

/// Items of one party that are held at once: ten years of months, and more vouchers and campaigns than anybody has.
const ITEMS_MAX: usize = 5_000;
/// Relationships of a household that are held of one party, those that are over among them.
const RELATED_MAX: usize = 200;

/// A party with what a campaign can ask about it.
#[derive(Debug, Clone)]
pub struct FoundParty {
    /// The document.
    pub document: PartyDocument,
    /// The account in the programme.
    pub account: Option<Account>,
    /// The months with purchases, oldest first.
    pub months: Vec<Month>,
    /// Open vouchers of the programme.
    pub open_vouchers: u32,
    /// Periods for which the campaign has served it, with the run that did.
    pub given: Vec<Given>,
    /// Letters that were sent, of all campaigns of the programme: when, and what each has cost in minor units.
    pub letters: Vec<(DateTime<Utc>, i64)>,
    /// Its relationships, those that are over among them.
    pub related: Vec<Relationship>,
}

/// What a walk has found.
#[derive(Debug)]
pub struct Found {
    /// The parties.
    pub parties: Vec<FoundParty>,
    /// Behind the last of them; `None` at the end of the segment.
    pub next: Option<Position>,
}

/// Reads pages from a position on until there is a party at least, up to the last one that is complete.
///
/// # Errors
/// [`StoreError`].
pub async fn walk(
    db: &Db,
    site: Site,
    (tenant, programme, campaign): (&Tenant, &ProgrammeId, &str),
    segment: Segment,
    after: Option<Position>,
) -> Result<Found, StoreError> {
    let mut after = after.map(|at| Key { pk: at.pk, sk: at.sk });
    let of = (tenant, programme, campaign);
    let mut open: Vec<Item> = Vec::new();
    let mut parties = Vec::new();
    // The last item of the last party that is complete: what follows it is read again by whoever goes on.
    let mut complete = None;
    let households = relationship::household_prefix();
    loop {
        let types = [PARTY, ACCOUNT, ACTIVITY, OPEN_VOUCHER, GIVEN, SENT_LETTER, RELATIONSHIP];
        let page = scan::page(db, site, segment, &types, after.as_ref()).await?;
        for item in page.items {
            if open.last().is_some_and(|last| text(last, "pk") != text(&item, "pk")) {
                complete = open.last().and_then(position);
                parties.extend(party_of(site, of, std::mem::take(&mut open))?);
            }
            if is_of_no_use(&item, &households, &open) {
                continue;
            }
            open.push(item);
            if open.len() > ITEMS_MAX {
                return Err(unreadable(site, "a party has more items than a campaign looks at"));
            }
        }
        let Some(next) = page.next else {
            parties.extend(party_of(site, of, open)?);
            return Ok(Found { parties, next: None });
        };
        if open.is_empty() {
            complete = Some(Position {
                pk: next.pk.clone(),
                sk: next.sk.clone(),
            });
        }
        if complete.is_some() {
            return Ok(Found {
                parties,
                next: complete,
            });
        }
        after = Some(next);
    }
}

/// Whether a campaign asks nothing of the item: of relationships it asks for households, and of those of one party for the first ones,
/// so that a company with thousands of employees is walked past as everybody else.
fn is_of_no_use(item: &Item, households: &str, open: &[Item]) -> bool {
    if text(item, "et") != Some(RELATIONSHIP) {
        return false;
    }
    let of_household = text(item, "sk").is_some_and(|sk| sk.starts_with(households));
    let known = open
        .iter()
        .filter(|item| text(item, "et") == Some(RELATIONSHIP))
        .count();
    !of_household || known >= RELATED_MAX
}

fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Some(text),
        _ => None,
    }
}

fn position(item: &Item) -> Option<Position> {
    Some(Position {
        pk: text(item, "pk")?.to_owned(),
        sk: text(item, "sk")?.to_owned(),
    })
}

fn unreadable(site: Site, reason: &str) -> StoreError {
    StoreError::Unreadable {
        site,
        reason: reason.to_owned(),
    }
}

/// The party that these items belong to; `None` where they are no party's of the tenant, or one that was erased.
fn party_of(
    site: Site,
    (tenant, programme, campaign): (&Tenant, &ProgrammeId, &str),
    items: Vec<Item>,
) -> Result<Option<FoundParty>, StoreError> {
    let pk = items.first().and_then(|item| text(item, "pk")).unwrap_or_default();
    let ours: Option<PartyId> = party::parse_partition(pk)
        .filter(|(of, _)| of == tenant)
        .map(|(_, party)| party);
    if ours.is_none() {
        return Ok(None);
    }
    let (account_sk, months) = (account::sort_key(programme), activity::prefix(programme));
    let vouchers = crate::voucher::open_prefix(programme);
    let (mut document, mut account) = (None, None);
    let (mut activity, mut given, mut open_vouchers) = (BTreeMap::new(), Vec::new(), 0u32);
    let (mut letters, mut related) = (Vec::new(), Vec::new());
    for item in items {
        let kind = text(&item, "et").unwrap_or_default().to_owned();
        let sk = text(&item, "sk").unwrap_or_default().to_owned();
        match kind.as_str() {
            PARTY => document = Some(Record::<PartyDocument>::from_item(site, item)?.d),
            ACCOUNT if sk == account_sk => account = Some(Record::<Account>::from_item(site, item)?.d),
            ACTIVITY if sk.starts_with(&months) => {
                activity.insert(sk, activity::month_of(site, &item)?);
            }
            OPEN_VOUCHER if sk.starts_with(&vouchers) => open_vouchers = open_vouchers.saturating_add(1),
            SENT_LETTER => {
                let event = Record::<Event>::from_item(site, item)?.d;
                letters.extend(timeline::letter(&event, programme));
            }
            RELATIONSHIP => related.push(Record::<Relationship>::from_item(site, item)?.d),
            GIVEN if sk.starts_with(&super::issue::given_prefix(campaign)) => {
                given.push(Record::<Given>::from_item(site, item)?.d);
            }
            _ => {}
        }
    }
    Ok(document.map(|document| FoundParty {
        document,
        account,
        months: activity.into_values().collect(),
        open_vouchers,
        given,
        letters,
        related,
    }))
}
