//! Cards under a keyed hash of their number, and the receipts that wait for one.

use std::collections::HashMap;
use std::str::FromStr;

use ::party::Word;
use chrono::{DateTime, Utc};
use domain::card::{CardNumber, CardStatus};
use domain::code;
use domain::id::{LookupKey, PartyId, Tenant};
use domain::receipt::ReceiptKey;
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{BATCH_GET_MAX, Condition, Db, Key, Leg, Range, Read, TransactError, Value, Written};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};

/// Entity type and topic of cards.
pub const CARD: &str = "card";

/// A card as the table knows it. Its number stands on the party only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// What it can do.
    pub status: CardStatus,
    /// Whose it is, once registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<PartyId>,
    /// The company from which the party has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<CompanyCard>,
    /// Counts the changes, from 1.
    pub version: u64,
    /// When it became the party's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered_at: Option<DateTime<Utc>>,
    /// How it was issued: tells the same call again from another one.
    #[serde(default)]
    pub issue: Issue,
    /// The card that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<LookupKey>,
    /// Why it is blocked, as long as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Blocked>,
}

/// A card that a party has from a company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyCard {
    /// The company.
    pub company: PartyId,
    /// The type of the relationship by which the party has it.
    pub kind: Word,
    /// What the party is in that relationship.
    pub role: Word,
}

/// How a card was issued.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// The party it was issued to, if to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<PartyId>,
    /// For a generated number: keyed hash of the call it was generated for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<LookupKey>,
}

/// Why a card is blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockReason {
    /// The holder cannot find it.
    Lost,
    /// Somebody took it.
    Stolen,
    /// It is used against the rules.
    Misused,
    /// Another reason.
    Other,
}

/// A text that names no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason is one of lost, stolen, misused, other")]
pub struct InvalidBlockReason;

impl FromStr for BlockReason {
    type Err = InvalidBlockReason;

    fn from_str(text: &str) -> Result<Self, InvalidBlockReason> {
        match text {
            "lost" => Ok(Self::Lost),
            "stolen" => Ok(Self::Stolen),
            "misused" => Ok(Self::Misused),
            "other" => Ok(Self::Other),
            _ => Err(InvalidBlockReason),
        }
    }
}

/// A card was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// Why.
    pub reason: BlockReason,
    /// When.
    pub at: DateTime<Utc>,
}

impl Card {
    /// A card from the stock: nobody's yet.
    pub fn unregistered() -> Self {
        Self {
            status: CardStatus::Unregistered,
            party: None,
            company: None,
            version: 1,
            registered_at: None,
            issue: Issue::default(),
            replaced_by: None,
            blocked: None,
        }
    }

    /// A card that is issued to `party` and leads there from now on.
    pub fn active(party: PartyId, now: DateTime<Utc>) -> Self {
        Self {
            status: CardStatus::Active,
            party: Some(party.clone()),
            registered_at: Some(now),
            issue: Issue {
                party: Some(party),
                mark: None,
            },
            ..Self::unregistered()
        }
    }

    /// The party that has the card, if receipts with it find one. Whose their points are says
    /// [`crate::relationship::points_owner`].
    pub fn leads_to(&self) -> Option<&PartyId> {
        self.party.as_ref().filter(|_| self.status.leads_to_party())
    }

    /// Whether receipts with it are, or were at some time, those of this account: of its party, or of the company it is from.
    pub fn may_be_of(&self, account: &PartyId) -> bool {
        let company = self.company.as_ref().map(|card| &card.company);
        self.leads_to()
            .is_some_and(|holder| holder == account || company == Some(account))
    }
}

/// A card among those of its party: the one place where its number stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardReference {
    /// The number.
    pub number: CardNumber,
    /// Where the card itself stands.
    pub lookup: LookupKey,
}

/// A receipt that waits for its card to lead somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The receipt.
    pub receipt: ReceiptKey,
}

/// The keyed hash under which a card is stored.
pub fn lookup_key(pepper: &[u8], number: &CardNumber) -> LookupKey {
    code::lookup_key(pepper, "card/1", number.as_str().as_bytes())
}

/// The key of a card.
pub fn key(tenant: &Tenant, card: &LookupKey) -> Key {
    Key {
        pk: partition(tenant, card),
        sk: "CARD".to_owned(),
    }
}

/// Prefix of the sort keys of a party's cards.
const REFERENCE: &str = "CARD#";

/// The key of the card that a party's item with the sort key `sk` refers to; `None` when it refers to none.
pub(crate) fn of_reference(tenant: &Tenant, sk: &str) -> Option<Key> {
    Some(key(tenant, &sk.strip_prefix(REFERENCE)?.parse().ok()?))
}

fn reference_key(tenant: &Tenant, party: &PartyId, card: &LookupKey) -> Key {
    Key {
        pk: party::partition(tenant, party),
        sk: format!("{REFERENCE}{card}"),
    }
}

fn partition(tenant: &Tenant, card: &LookupKey) -> String {
    format!("CARD#{tenant}#{card}")
}

pub(crate) fn parked_key(tenant: &Tenant, card: &LookupKey, receipt: &ReceiptKey) -> Key {
    Key {
        pk: partition(tenant, card),
        sk: format!("PARKED#{receipt}"),
    }
}

/// The check that a card does not lead to a party.
pub(crate) fn leads_nowhere(tenant: &Tenant, card: &LookupKey) -> Leg {
    let check = Condition::new("attribute_not_exists(pk) OR NOT #d.#status IN (:active, :replaced)")
        .name("#d", "d")
        .name("#status", "status")
        .value(":active", Value::Text("active".to_owned()))
        .value(":replaced", Value::Text("replaced".to_owned()));
    Leg::Check(key(tenant, card), check)
}

/// A card, or `None` when nobody issued it.
///
/// # Errors
/// [`StoreError`].
pub async fn read(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    card: &LookupKey,
    read: Read,
) -> Result<Option<Record<Card>>, StoreError> {
    db.get(site, &key(tenant, card), read).await
}

/// A page of receipts that wait for a card: each, or why its item cannot be read, and where the next page begins.
pub type ParkedPage = (Vec<Result<Record<Parked>, StoreError>>, Option<String>);

/// Keys of receipts that wait for `card`, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn parked_keys(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    card: &LookupKey,
    limit: usize,
) -> Result<Vec<Key>, StoreError> {
    let limit = i32::try_from(limit).unwrap_or(i32::MAX);
    let range = Range::prefix(partition(tenant, card), "PARKED#", limit);
    let (found, _) = db.query::<Parked>(site, &range, Read::Strong).await?;
    Ok(found.iter().map(Record::key).collect())
}

/// The leg that makes a card lead nowhere for ever: only that it is not free stays.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub(crate) fn erased_leg(
    site: Site,
    tenant: &Tenant,
    card: &LookupKey,
    before: &Record<Card>,
    now: DateTime<Utc>,
) -> Result<Leg, StoreError> {
    let after = Card {
        status: CardStatus::Erased,
        version: before.d.version.saturating_add(1),
        ..Card::unregistered()
    };
    let mut record = Record::new(key(tenant, card), CARD, now, after);
    record.created_at = before.created_at;
    record.by = before.by.clone();
    Leg::put(site, &record, Some(Condition::version(before.d.version)))
}

/// Receipts that wait for `card`: a page of at most 100, in the order of their keys.
///
/// # Errors
/// [`StoreError`].
pub async fn parked(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    card: &LookupKey,
    after: Option<String>,
) -> Result<ParkedPage, StoreError> {
    let mut range = Range::prefix(partition(tenant, card), "PARKED#", 100);
    range.after = after;
    let (items, next) = db.query_items(site, &range, Read::Strong).await?;
    Ok((
        items.into_iter().map(|item| Record::from_item(site, item)).collect(),
        next,
    ))
}

/// A card before and after a change.
#[derive(Debug, Clone)]
pub struct CardChange {
    /// Its number.
    pub number: CardNumber,
    /// Keyed hash of the number.
    pub lookup: LookupKey,
    /// As it was read; `None` when nobody issued it.
    pub before: Option<Record<Card>>,
    /// As it is to be stored.
    pub after: Card,
}

impl CardChange {
    /// The party that the card becomes the property of by this change.
    fn new_holder(&self) -> Option<&PartyId> {
        let held = self.before.as_ref().is_some_and(|before| before.d.party.is_some());
        self.after.party.as_ref().filter(|_| !held)
    }

    fn card_leg(&self, site: Site, tenant: &Tenant, made: &Made) -> Result<Leg, StoreError> {
        let mut record = Record::new(key(tenant, &self.lookup), CARD, made, self.after.clone());
        let led = self.before.as_ref().is_some_and(|before| before.d.leads_to().is_some());
        // From now on the card leads somewhere: the receipts that wait for it are to be settled.
        record.topics = (!led && self.after.leads_to().is_some()).then(|| CARD.to_owned());
        let condition = match &self.before {
            None => Condition::absent(),
            Some(before) => {
                record.created_at = before.created_at;
                Condition::version(before.d.version)
            }
        };
        Leg::put(site, &record, Some(condition))
    }

    fn reference_leg(&self, site: Site, tenant: &Tenant, now: DateTime<Utc>) -> Result<Option<Leg>, StoreError> {
        let Some(holder) = self.new_holder() else {
            return Ok(None);
        };
        let reference = CardReference {
            number: self.number.clone(),
            lookup: self.lookup.clone(),
        };
        let record = Record::new(
            reference_key(tenant, holder, &self.lookup),
            "card_reference",
            now,
            reference,
        );
        Leg::put(site, &record, None).map(Some)
    }
}

/// What became of a change of cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardsChanged {
    /// Stored.
    Done,
    /// A card has changed since it was read: read it again and decide again.
    Stale,
    /// There is no such party.
    PartyUnknown,
}

/// Stores the changes of cards together with the party's references to them, all or nothing, under the condition that the
/// cards are as they were read and that a party that gets a card exists.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Erased`] when that party was erased.
pub async fn commit(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    changes: &[CardChange],
    made: impl Into<Made>,
) -> Result<CardsChanged, StoreError> {
    let made = made.into();
    let mut legs = Vec::with_capacity(2 * changes.len() + 1);
    for change in changes {
        legs.push(change.card_leg(site, tenant, &made)?);
    }
    for change in changes {
        legs.extend(change.reference_leg(site, tenant, made.at)?);
    }
    if let Some(holder) = changes.iter().find_map(CardChange::new_holder) {
        legs.push(party::stays(tenant, holder));
    }
    if legs.len() == 1 {
        let only = legs.swap_remove(0);
        return Ok(match db.write::<Card>(site, only).await? {
            Written::Done => CardsChanged::Done,
            Written::Refused(_) => CardsChanged::Stale,
        });
    }
    match db.transact(site, legs).await {
        Ok(()) => Ok(CardsChanged::Done),
        Err(TransactError::Condition(failed)) if failed.iter().any(|leg| leg.index < changes.len()) => {
            Ok(CardsChanged::Stale)
        }
        Err(TransactError::Condition(failed)) => {
            let item = failed.iter().find_map(|leg| leg.item.as_ref());
            party::refuse_erased(site, item).map(|()| CardsChanged::PartyUnknown)
        }
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// A party's cards, in pages of at most `limit` and in no order that means anything: the references with the cards as they
/// are now. `after` is the card to continue after.
///
/// # Errors
/// [`StoreError`].
pub async fn of_party(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    after: Option<&LookupKey>,
    limit: i32,
) -> Result<(Vec<(CardReference, Record<Card>)>, Option<LookupKey>), StoreError> {
    let mut range = Range::prefix(party::partition(tenant, party), REFERENCE, limit);
    range.after = after.map(|card| reference_key(tenant, party, card).sk);
    let (references, next) = db.query::<CardReference>(site, &range, Read::Strong).await?;
    let keys: Vec<_> = references.iter().map(|found| key(tenant, &found.d.lookup)).collect();
    let mut cards = HashMap::with_capacity(keys.len());
    for chunk in keys.chunks(BATCH_GET_MAX) {
        for card in db.batch_get::<Card>(site, chunk, Read::Strong).await? {
            cards.insert(card.pk.clone(), card);
        }
    }
    let found = references.into_iter().filter_map(|reference| {
        let card = cards.remove(&partition(tenant, &reference.d.lookup))?;
        Some((reference.d, card))
    });
    let next = next.and_then(|sk| sk.strip_prefix(REFERENCE)?.parse().ok());
    Ok((found.collect(), next))
}

/// Takes a receipt off the list of its card, for one that was stamped on another way.
///
/// # Errors
/// [`StoreError`].
pub async fn unpark(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    card: &LookupKey,
    receipt: &ReceiptKey,
) -> Result<(), StoreError> {
    db.write::<Parked>(site, Leg::Delete(parked_key(tenant, card, receipt), None))
        .await?;
    Ok(())
}

/// Stores the image again with its topic, so that the stream announces the card once more: more receipts wait than one
/// message can settle.
///
/// # Errors
/// [`StoreError`].
pub async fn announce(db: &Db, site: Site, card: &Record<Card>, now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut record = card.clone();
    record.topics = Some(CARD.to_owned());
    record.updated_at = now;
    let put = Leg::put(site, &record, Some(Condition::version(card.d.version)))?;
    match db.write::<Card>(site, put).await? {
        Written::Done => Ok(()),
        // Changed meanwhile: whoever asked looks at the card as it is now.
        Written::Refused(_) => Err(StoreError::Busy(site)),
    }
}
