//! Opportunities (C2): one item each in the partition of its party, with its last changes.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::id::{LookupKey, PartyId, QueueId, Subject, Tenant};
use domain::secret::Secret;
use faults::Site;
use serde::{Deserialize, Serialize};

use super::list::{shard_of, stage_list};
use super::{Committed, committed, history, id_of};
use crate::db::{Condition, Db, Key, Leg, Range, Read, TransactError};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};
use crate::workflow::{self, Happened, State};

/// Days for which a token cannot be used for another party.
const TOKEN_DAYS: i64 = 400;

/// How an opportunity ended, if it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not yet.
    Open,
    /// They bought.
    Won,
    /// They did not.
    Lost,
}

impl Outcome {
    /// As it stands in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

/// Changes that an opportunity itself holds; older ones stand beside it (`desk::history`).
pub const CHANGES_MAX: usize = 100;

/// What can change of an opportunity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prospect {
    /// Where it stands on its way; the names are the tenant's own.
    pub stage: QueueId,
    /// How it ended.
    pub outcome: Outcome,
    /// What it may come to.
    pub value: domain::money::Money,
    /// How probable that is, in whole per cent.
    pub probability: u8,
    /// When that is expected.
    pub close_on: NaiveDate,
}

/// A change of an opportunity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// By whom.
    pub by: Subject,
    /// When.
    pub at: DateTime<Utc>,
    /// To what.
    pub to: Prospect,
}

/// Something that a party may buy (C2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opportunity {
    /// Counts the changes, from 1.
    pub version: u64,
    /// Keyed hash of what it was made with.
    pub content: LookupKey,
    /// Who may buy.
    pub party: PartyId,
    /// What.
    pub title: Secret,
    /// How it stands now.
    pub now: Prospect,
    /// The changes, the first included; stored are the last [`CHANGES_MAX`].
    pub changes: Vec<Change>,
}

fn opportunity_key(tenant: &Tenant, party: &PartyId, id: &LookupKey) -> Key {
    Key {
        pk: party::partition(tenant, party),
        sk: format!("OPPORTUNITY#{id}"),
    }
}

/// An opportunity of a party, or `None`.
///
/// # Errors
/// [`StoreError`].
pub async fn opportunity(
    db: &Db,
    tenant: &Tenant,
    party: &PartyId,
    id: &LookupKey,
) -> Result<Option<Record<Opportunity>>, StoreError> {
    let key = opportunity_key(tenant, party, id);
    db.get(Site::DeskOpportunity, &key, Read::Strong).await
}

/// A page of a party's opportunities. A position is an id.
///
/// # Errors
/// [`StoreError`].
pub async fn opportunities(
    db: &Db,
    tenant: &Tenant,
    party: &PartyId,
    after: Option<&LookupKey>,
    limit: i32,
) -> Result<(Vec<Record<Opportunity>>, Option<LookupKey>), StoreError> {
    let range = Range {
        after: after.map(|id| opportunity_key(tenant, party, id).sk),
        ..Range::prefix(party::partition(tenant, party), "OPPORTUNITY#", limit)
    };
    let (found, next) = db.query(Site::DeskOpportunity, &range, Read::Strong).await?;
    Ok((found, next.and_then(|sk| id_of(&sk))))
}

/// What became of a new opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// Stored.
    Done,
    /// It stands already, or somebody else is at work: read again.
    Stale,
    /// The token was used for another party.
    TokenUsed,
}

/// Stores a new opportunity with the note that its token is used.
///
/// # Errors
/// [`StoreError`].
pub async fn create_opportunity(
    db: &Db,
    tenant: &Tenant,
    id: &LookupKey,
    opportunity: &Opportunity,
    made: &Made,
) -> Result<Created, StoreError> {
    let site = Site::DeskOpportunityPut;
    let mut legs = opportunity_legs(site, tenant, id, None, opportunity, made)?;
    legs.push(party::stays(tenant, &opportunity.party));
    let token = legs.len();
    legs.push(token_leg(site, tenant, id, made)?);
    match db.transact(site, legs).await {
        Ok(()) => Ok(Created::Done),
        Err(TransactError::Condition(failed)) if failed.iter().all(|leg| leg.index == token) => Ok(Created::TokenUsed),
        Err(TransactError::Condition(_) | TransactError::Store(StoreError::Busy(_))) => Ok(Created::Stale),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Notes that an id, which was derived from a caller's token, is that of something with one party, for as long as a caller may
/// repeat a call: what stands with a party alone would not be met by a call about another one.
///
/// # Errors
/// [`StoreError::Unreadable`].
pub(crate) fn token_leg(site: Site, tenant: &Tenant, id: &LookupKey, made: &Made) -> Result<Leg, StoreError> {
    let key = Key {
        pk: format!("DESK#{tenant}#token#{id}"),
        sk: "TOKEN".to_owned(),
    };
    let mut record = Record::new(key, "desk_token", made.at, 1u32);
    let ends = made.at.checked_add_signed(TimeDelta::days(TOKEN_DAYS));
    record.ttl = ends.map(|ends| ends.timestamp());
    Leg::put(site, &record, Some(Condition::absent()))
}

/// Stores an opportunity in place of `before`. It stands in the list of its stage while it is open.
///
/// # Errors
/// [`StoreError`].
pub async fn put_opportunity(
    db: &Db,
    tenant: &Tenant,
    id: &LookupKey,
    before: &Record<Opportunity>,
    after: &Opportunity,
    made: &Made,
) -> Result<Committed, StoreError> {
    let site = Site::DeskOpportunityPut;
    let mut legs = opportunity_legs(site, tenant, id, Some(before), after, made)?;
    legs.push(party::stays(tenant, &after.party));
    committed(db.transact(site, legs).await)
}

fn opportunity_legs(
    site: Site,
    tenant: &Tenant,
    id: &LookupKey,
    before: Option<&Record<Opportunity>>,
    after: &Opportunity,
    made: &Made,
) -> Result<Vec<Leg>, StoreError> {
    let mut kept = after.clone();
    let mut legs = history::spill_changes(site, tenant, id, &mut kept, made)?;
    let key = opportunity_key(tenant, &after.party, id);
    let mut record = Record::new(key, "opportunity", made, kept);
    if after.now.outcome == Outcome::Open {
        record.work_pk = Some(stage_list(tenant, &after.now.stage, shard_of(id)));
        record.work_sk = Some(format!("{}#{id}", after.now.close_on));
    }
    let condition = match before {
        None => Condition::absent(),
        Some(before) => {
            record.created_at = before.created_at;
            Condition::version(before.d.version)
        }
    };
    let state = State::Opportunity {
        stage: after.now.stage.clone(),
        before: before.map(|before| before.d.now.stage.clone()),
        value: after.now.value,
        probability: after.now.probability,
    };
    let happened = Happened {
        id: id.to_string(),
        version: after.version,
        state,
    };
    legs.push(Leg::put(site, &record, Some(condition))?);
    legs.extend(workflow::leg(site, (tenant, &after.party), happened, made)?);
    Ok(legs)
}
