//! A person is erased (X16): asked for, approved by a second person, then done in steps.
//!
//! ```text
//! requested ──► approved ──► erased
//!     └──► withdrawn ──► requested again
//! ```
//!
//! The approval is one transaction: the request becomes approved, a tombstone takes the place of the party, and its vouchers
//! stop. From then on nothing is written about the party that names it. The rest goes in steps, each one transaction with its
//! counts and its position in the request, under the request's version: a step that is done again finds it done.
//!
//! | file | what |
//! |---|---|
//! | `step` | the steps: ids, items of the partition, lists for search |
//! | `item` | what becomes of each kind of item |
//! | `again` | a restored copy of the table is erased anew |

mod again;
mod item;
mod step;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::id::{ClientId, LookupKey, PartyId, Subject, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{Condition, Db, Index, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::party::{self, PartyDocument};
use crate::record::{Made, Record, instant_key};

pub use again::{Again, again};
pub use item::{Fate, fate};
pub use step::{Progress, finish, pass_files, step};

/// Entity type and topic of requests.
pub const ERASURE: &str = "erasure";
/// What stands where a text was.
pub const ERASED_TEXT: &str = "erased";
/// Sort key of a party's request.
const ERASURE_KEY: &str = "ERASURE";

/// Why a party is erased. Words, no text: the request outlives the party.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The person asked for it.
    OnRequest,
    /// The data is no longer needed for what it was taken for.
    NoLongerNeeded,
    /// It should never have been taken.
    Unlawful,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::OnRequest, Self::NoLongerNeeded, Self::Unlawful];

    /// As it stands in calls and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OnRequest => "on_request",
            Self::NoLongerNeeded => "no_longer_needed",
            Self::Unlawful => "unlawful",
        }
    }
}

/// An account of the party when the erasure was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFound {
    /// Its programme.
    pub programme: String,
    /// Points that count and lapse.
    pub balance: i64,
    /// Points that do not count yet.
    pub pending: i64,
}

/// What the second person must know: what lapses, and what is still open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its accounts.
    pub accounts: Vec<AccountFound>,
    /// Vouchers that can still be redeemed, and will not.
    pub open_vouchers: u64,
    /// Invoices that are not paid.
    pub open_invoices: u64,
    /// Opportunities that are open.
    pub open_opportunities: u64,
    /// Tasks and cases that are open.
    pub open_work: u64,
    /// Corrections and transfers that wait for a second person.
    pub open_adjustments: u64,
}

/// How many items of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Removed.
    pub deleted: BTreeMap<String, u64>,
    /// Kept without what names the party.
    pub emptied: BTreeMap<String, u64>,
    /// Kept as they are: they name nobody.
    pub kept: BTreeMap<String, u64>,
}

impl Counts {
    /// Counts one more item of a kind.
    pub fn add(&mut self, fate: Fate, kind: &str) {
        let counts = match fate {
            Fate::Deleted => &mut self.deleted,
            Fate::Emptied => &mut self.emptied,
            Fate::Kept => &mut self.kept,
        };
        let count = counts.entry(kind.to_owned()).or_default();
        *count = count.saturating_add(1);
    }
}

/// How far an erasure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Ids in other systems and tokens.
    Ids,
    /// The items of its partition, and what they lead to.
    Items,
    /// The lists for search.
    Search,
    /// The files.
    Files,
    /// All is gone; the proof is still to be signed.
    Proof,
}

/// What is left to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// How far it is.
    pub stage: Stage,
    /// The sort key behind which the next page of items begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Keyed hashes of ids that are still to be taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lookups: Vec<LookupKey>,
    /// What was done so far.
    pub counts: Counts,
}

/// Who decided, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: DateTime<Utc>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum State {
    /// It waits for a second person.
    Requested,
    /// It was taken back.
    Withdrawn(Decision),
    /// A second person has approved it, and it is under way.
    Approved {
        /// The approval.
        approval: Decision,
        /// What is left to do.
        work: Work,
    },
    /// It is done.
    Erased {
        /// The approval.
        approval: Decision,
        /// When the last step was done.
        done_at: DateTime<Utc>,
        /// What was done.
        counts: Counts,
        /// The signed proof, as a compact JWS.
        proof: String,
    },
}

impl State {
    /// As it stands in keys and answers.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Withdrawn(_) => "withdrawn",
            Self::Approved { .. } => "approved",
            Self::Erased { .. } => "erased",
        }
    }
}

/// A request to erase a party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Counts the changes, from 1.
    pub version: u64,
    /// Whom: after the erasure, a number that leads nowhere.
    pub party: PartyId,
    /// Why.
    pub reason: Reason,
    /// Who asked.
    pub author: Subject,
    /// Through which client.
    pub client: ClientId,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// What was found then.
    pub found: Found,
    /// What became of it.
    pub state: State,
}

impl Erasure {
    /// The request in another state.
    #[must_use]
    pub fn moved(&self, state: State) -> Self {
        Self {
            version: self.version.saturating_add(1),
            state,
            ..self.clone()
        }
    }
}

/// Which requests are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Those that wait for a second person.
    Requested,
    /// Those that were approved, done or not: the parties that must never come back.
    Approved,
}

impl List {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
        }
    }
}

fn key(tenant: &Tenant, party: &PartyId) -> Key {
    Key {
        pk: party::partition(tenant, party),
        sk: ERASURE_KEY.to_owned(),
    }
}

fn list_partition(tenant: &Tenant, list: List) -> String {
    format!("ERASURE#{tenant}#{}", list.as_str())
}

/// The image of a request, with its place in the list of its state.
fn image(tenant: &Tenant, before: Option<&Record<Erasure>>, erasure: &Erasure, made: &Made) -> Record<Erasure> {
    let mut record = Record::new(key(tenant, &erasure.party), ERASURE, made, erasure.clone());
    if let Some(before) = before {
        record.created_at = before.created_at;
        record.by = record.by.or_else(|| before.by.clone());
    }
    let listed = match &erasure.state {
        State::Requested => Some((List::Requested, erasure.asked_at)),
        State::Withdrawn(_) => None,
        State::Approved { approval, .. } | State::Erased { approval, .. } => Some((List::Approved, approval.at)),
    };
    if let Some((list, since)) = listed {
        record.work_pk = Some(list_partition(tenant, list));
        record.work_sk = Some(format!("{}#{}", instant_key(since), erasure.party));
    }
    record
}

fn image_leg(
    site: Site,
    tenant: &Tenant,
    before: Option<&Record<Erasure>>,
    record: &Record<Erasure>,
) -> Result<Leg, StoreError> {
    debug_assert_eq!(record.key(), key(tenant, &record.d.party));
    let condition = before.map_or_else(Condition::absent, |before| Condition::version(before.d.version));
    Leg::put(site, record, Some(condition))
}

/// The request of a party, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn read(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
) -> Result<Option<Record<Erasure>>, StoreError> {
    db.get(site, &key(tenant, party), Read::Strong).await
}

/// Stores a request, or takes it back; `false` when somebody else was quicker or the party does not stand.
///
/// # Errors
/// [`StoreError`].
pub async fn keep(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    (before, after): (Option<&Record<Erasure>>, &Erasure),
    made: &Made,
) -> Result<bool, StoreError> {
    let record = image(tenant, before, after, made);
    let legs = vec![
        image_leg(site, tenant, before, &record)?,
        party::stays(tenant, &after.party),
    ];
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Approves a request and puts a tombstone in the place of the party, all or nothing. `None` when the request or the party has
/// changed since it was read.
///
/// # Errors
/// [`StoreError`].
pub async fn approve(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    (before, profile): (&Record<Erasure>, &Record<PartyDocument>),
    approval: Decision,
    made: &Made,
) -> Result<Option<Erasure>, StoreError> {
    let state = begun(profile, approval);
    let approved = before.d.moved(state);
    let done = begin(db, site, tenant, (Some(before), profile), &approved, made).await?;
    Ok(done.then_some(approved))
}

/// The state of a request that was just approved.
fn begun(profile: &Record<PartyDocument>, approval: Decision) -> State {
    let mut counts = Counts::default();
    counts.add(Fate::Emptied, "party");
    counts.add(Fate::Emptied, "till_name");
    let work = Work {
        stage: Stage::Ids,
        after: None,
        lookups: profile.d.lookups.clone(),
        counts,
    };
    State::Approved { approval, work }
}

/// Stores an approved request, and a tombstone in the place of its party.
async fn begin(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    (before, profile): (Option<&Record<Erasure>>, &Record<PartyDocument>),
    approved: &Erasure,
    made: &Made,
) -> Result<bool, StoreError> {
    let mut record = image(tenant, before, approved, made);
    record.topics = Some(ERASURE.to_owned());
    let mut legs = vec![image_leg(site, tenant, before, &record)?];
    legs.extend(party::erase(site, tenant, profile, made)?);
    match db.transact(site, legs).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// A page of requests, the oldest first. The index may be a moment old.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    list: List,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<Record<Erasure>>, Option<String>), StoreError> {
    let range = Range {
        pk: list_partition(tenant, list),
        from: "0".to_owned(),
        to: "9\u{7f}".to_owned(),
        after,
        descending: false,
        limit,
        index: Some(Index::Work),
    };
    db.query(site, &range, Read::Eventual).await
}

/// Sort key and entity type of an item.
pub fn names(item: &crate::record::Item) -> (String, String) {
    let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
    (text("sk").unwrap_or_default(), text("et").unwrap_or_default())
}

/// A page of everything that stands in a party's partition, by sort key.
///
/// # Errors
/// [`StoreError`].
pub async fn items(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    party: &PartyId,
    after: Option<String>,
    limit: i32,
) -> Result<(Vec<crate::record::Item>, Option<String>), StoreError> {
    let range = Range {
        // A key may not be empty; no sort key begins below this.
        from: "!".to_owned(),
        after,
        ..Range::prefix(party::partition(tenant, party), "~", limit)
    };
    db.query_items(site, &range, Read::Strong).await
}
