//! Letters that were sent, and those that came back (P3, P4, X13).
//!
//! Under the id of a letter stands to whom it went, and to which of the party's addresses: that is noted once its row is among those
//! that the printer's file is made of, and before the file is written. A letter is taken back in one transaction: the party's document as the return leaves it, the tasks that it opens,
//! and the note that it came back. The note has the letter's id in its key, so that nothing is done twice, however often a carrier
//! reports a letter, and wherever a process dies.

use std::collections::BTreeMap;
use std::time::Duration;

use ::party::PartyDocument;
use ::party::change::When;
use ::party::contact::ContactId;
use chrono::{DateTime, NaiveDate, Utc};
use domain::id::{LookupKey, PartyId, RunName, Tenant};
use faults::Site;
use serde::{Deserialize, Serialize};

use crate::db::{BATCH_GET_MAX, Condition, Db, Key, Leg, Range, Read, TransactError, Value};
use crate::desk::{self, Task};
use crate::error::StoreError;
use crate::party::change::legs;
use crate::party::{self as stored_party, Lookups, Step, partition, profile_key};
use crate::record::{Made, Record};
use crate::run::{MEMBER_DAYS, RunId, days_after};

/// Sort keys of the notes that letters came back.
pub(crate) const RETURNED: &str = "RETURNED#";
/// Entity type of these notes.
pub const RETURNED_LETTER: &str = "returned_letter";
/// Sort keys of what came back of a run.
const OF_RUN: &str = "RETURN#";
/// Most returns of one address that are looked at. It is blocked long before.
const EARLIER_MAX: i32 = 100;
/// Returns of one page, and most pages that are counted.
const PAGE: i32 = 1_000;
const PAGES_MAX: usize = 50;
/// Rounds against others who change the same party.
const ROUNDS_MAX: u32 = 8;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(5);

/// To whom a letter went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The run that wrote it.
    pub run: RunName,
    /// Which choice of members.
    pub revision: u32,
    /// The party; `None` for a planted address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<PartyId>,
    /// Which of the party's addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
}

/// That a letter came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// The letter.
    pub piece: String,
    /// The run that wrote it.
    pub run: RunName,
    /// The address to which it went; 0 where that is not known.
    pub contact: ContactId,
    /// Why, as the lettershop's rules name it.
    pub reason: String,
    /// Day on which the carrier gave it up.
    pub returned_on: NaiveDate,
    /// What was done, as the lettershop's rules name it.
    pub done: serde_json::Value,
    /// The file that said so; none for a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// That a letter of a run came back, for the sums of the run. Names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReturn {
    /// The sales channel through which the party came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why, as the lettershop's rules name it.
    pub reason: String,
}

fn letter_key(tenant: &Tenant, piece: &str) -> Key {
    Key {
        pk: format!("LETTER#{tenant}#{piece}"),
        sk: "LETTER".to_owned(),
    }
}

fn of_contact(contact: ContactId) -> String {
    format!("{RETURNED}{:010}#", contact.0)
}

/// Notes to whom a letter goes, for as long as the members of runs are kept. Whoever notes it again notes the same; where a later
/// choice of the run's members has noted it, that stays.
///
/// # Errors
/// [`StoreError`].
pub async fn note(
    db: &Db,
    site: Site,
    (tenant, piece): (&Tenant, &str),
    letter: Letter,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let not_later = Condition::new("attribute_not_exists(pk) OR #d.#revision <= :revision")
        .name("#d", "d")
        .name("#revision", "revision")
        .value(":revision", Value::Integer(i64::from(letter.revision)));
    let mut record = Record::new(letter_key(tenant, piece), "letter", now, letter);
    record.ttl = Some(days_after(now, MEMBER_DAYS));
    // Refused is a worker that goes on with a run that was stopped and chosen anew.
    let put = Leg::put(site, &record, Some(not_later))?;
    db.write::<Letter>(site, put).await?;
    Ok(())
}

/// Those of the letters that are known, by their ids; none of the ids twice.
///
/// # Errors
/// [`StoreError`].
pub async fn letters(
    db: &Db,
    site: Site,
    tenant: &Tenant,
    pieces: &[String],
) -> Result<BTreeMap<String, Record<Letter>>, StoreError> {
    let mut found = BTreeMap::new();
    for some in pieces.chunks(BATCH_GET_MAX) {
        let keys: Vec<_> = some.iter().map(|piece| letter_key(tenant, piece)).collect();
        for letter in db.batch_get::<Letter>(site, &keys, Read::Strong).await? {
            let piece = letter.pk.rsplit('#').next().unwrap_or_default().to_owned();
            found.insert(piece, letter);
        }
    }
    Ok(found)
}

/// Where the calls are made that take a letter back.
#[derive(Debug, Clone, Copy)]
pub struct Sites {
    /// The party is read.
    pub party: Site,
    /// What came back from the address before is read.
    pub returned: Site,
    /// The letter is taken back.
    pub write: Site,
}

/// A letter that is to be taken back.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// Its id.
    pub piece: &'a str,
    /// Which choice of members of its run.
    pub revision: u32,
    /// The party.
    pub party: &'a PartyId,
    /// The address; 0 where that is not known.
    pub contact: ContactId,
}

/// What a return does.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The party as it is then.
    pub document: PartyDocument,
    /// The tasks that are opened, by their ids; at most 5.
    pub tasks: Vec<(LookupKey, Task)>,
    /// The note.
    pub note: Returned,
}

/// What became of a letter that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenBack {
    /// It was taken back now.
    Now(Returned),
    /// It was taken back before.
    Before(Returned),
    /// There is no such party any more.
    NoParty,
}

/// Takes a letter back, once. `decide` says what that does to the party as it stands, after what came back from the same address
/// before.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Busy`] when others kept changing the party.
pub async fn take_back(
    db: &Db,
    sites: Sites,
    of: Piece<'_>,
    (when, made): (When, &Made),
    decide: impl Fn(&PartyDocument, &[Returned]) -> Outcome,
) -> Result<TakenBack, StoreError> {
    for round in 0..ROUNDS_MAX {
        if round > 0 {
            tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
        }
        let before = match stored_party::read(db, sites.party, of.tenant, of.party).await {
            Ok(Some(before)) => before,
            Ok(None) | Err(StoreError::Erased(_)) => return Ok(TakenBack::NoParty),
            Err(error) => return Err(error),
        };
        let earlier = earlier(db, sites.returned, of).await?;
        if let Some(known) = earlier.iter().find(|known| known.piece == of.piece) {
            return Ok(TakenBack::Before(known.clone()));
        }
        let outcome = decide(&before.d, &earlier);
        let note = outcome.note.clone();
        let legs = all_legs(sites.write, of, &before, outcome, (when, made))?;
        match db.transact(sites.write, legs).await {
            Ok(()) => return Ok(TakenBack::Now(note)),
            Err(TransactError::Store(error)) => return Err(error),
            // The party has changed, or somebody else took the letter back: the next round tells.
            Err(TransactError::Condition(_)) => {}
        }
    }
    Err(StoreError::Busy(sites.write))
}

async fn earlier(db: &Db, site: Site, of: Piece<'_>) -> Result<Vec<Returned>, StoreError> {
    let range = Range::prefix(partition(of.tenant, of.party), &of_contact(of.contact), EARLIER_MAX);
    let (found, _) = db.query::<Returned>(site, &range, Read::Strong).await?;
    Ok(found.into_iter().map(|note| note.d).collect())
}

fn all_legs(
    site: Site,
    of: Piece<'_>,
    before: &Record<PartyDocument>,
    outcome: Outcome,
    (when, made): (When, &Made),
) -> Result<Vec<Leg>, StoreError> {
    let key = Key {
        pk: partition(of.tenant, of.party),
        sk: format!("{}{}", of_contact(of.contact), of.piece),
    };
    let counted = run_leg(site, of, before, &outcome.note, made)?;
    let note = Record::new(key, RETURNED_LETTER, made, outcome.note);
    let mut all = vec![Leg::put(site, &note, Some(Condition::absent()))?, counted];
    let mut after = outcome.document;
    if after == before.d {
        // The party must still be the one that was looked at.
        let key = profile_key(of.tenant, of.party);
        all.push(Leg::Check(key, Condition::version(before.d.version)));
    } else {
        after.version = before.d.version.saturating_add(1);
        let step = Step {
            tenant: of.tenant,
            party: of.party,
            expected: None,
            lookups: Lookups::default(),
            when,
            made: made.clone(),
        };
        all.extend(legs(site, &step, before, after)?.1);
    }
    for (id, task) in &outcome.tasks {
        all.extend(desk::opening_legs(site, (of.tenant, of.party), (id, task), made)?);
    }
    Ok(all)
}

/// What the sums of the run are made of.
fn run_leg(
    site: Site,
    of: Piece<'_>,
    party: &Record<PartyDocument>,
    note: &Returned,
    made: &Made,
) -> Result<Leg, StoreError> {
    let run = RunId {
        tenant: of.tenant.clone(),
        run: note.run.clone(),
        revision: of.revision,
    };
    let key = Key {
        pk: run.parts(),
        sk: format!("{OF_RUN}{}", of.piece),
    };
    let returned = RunReturn {
        source: party.d.sales_channel.as_ref().map(ToString::to_string),
        reason: note.reason.clone(),
    };
    let mut record = Record::new(key, "run_return", made.at, returned);
    record.ttl = Some(days_after(made.at, MEMBER_DAYS));
    Leg::put(site, &record, None)
}

/// Letters of a run that came back, by the sales channel through which their parties came, `None` where that is not known; and
/// whether these are all. Counts some fifty thousand at most.
///
/// # Errors
/// [`StoreError`].
pub async fn of_run(db: &Db, site: Site, id: &RunId) -> Result<(BTreeMap<Option<String>, u64>, bool), StoreError> {
    let mut range = Range::prefix(id.parts(), OF_RUN, PAGE);
    let mut sums: BTreeMap<Option<String>, u64> = BTreeMap::new();
    for _ in 0..PAGES_MAX {
        let (page, next) = db.query::<RunReturn>(site, &range, Read::Eventual).await?;
        for returned in page {
            let count = sums.entry(returned.d.source).or_default();
            *count = count.saturating_add(1);
        }
        range.after = next;
        if range.after.is_none() {
            return Ok((sums, true));
        }
    }
    Ok((sums, false))
}
