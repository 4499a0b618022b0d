//! The steps of an erasure. Each is one transaction that moves the request on with it, so that it is done once, and its counts
//! are exact, however often a worker dies or comes again.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::id::{PartyId, Tenant};
use faults::Site;

use super::item::{self, Of};
use super::{Decision, Erasure, Fate, Stage, State, Work, image, image_leg, read};
use crate::db::{Db, Key, Leg, TransactError};
use crate::error::StoreError;
use crate::party;
use crate::record::{Made, Record};
use crate::run;
use crate::search;

/// Ids that are taken in one step.
const IDS_MAX: usize = 25;
/// Items of a page; most of a customer's are entries that stay.
const PAGE: i32 = 200;
/// Writes of a step, beside the request and those of the last item. A transaction takes 100.
const LEGS_MAX: usize = 50;
/// Rounds of a step against others who change the same items.
const ROUNDS_MAX: usize = 8;

/// How far an erasure is after a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Another step is to be done.
    More,
    /// An earlier writer may be under way: another step later.
    Wait,
    /// The files are to be removed, then [`pass_files`].
    Files(Box<Record<Erasure>>),
    /// Everything is gone: the proof is to be signed, then [`finish`].
    Proof(Box<Record<Erasure>>),
    /// Nothing is to be done, or no more.
    Done,
}

/// Does the next step of an approved erasure.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Busy`] when others keep changing the same items, and then it must be repeated.
pub async fn step(db: &Db, tenant: &Tenant, party: &PartyId, now: DateTime<Utc>) -> Result<Progress, StoreError> {
    for _ in 0..ROUNDS_MAX {
        let Some(before) = read(db, Site::EraseRead, tenant, party).await? else {
            return Ok(Progress::Done);
        };
        let State::Approved { approval, work } = &before.d.state else {
            return Ok(Progress::Done);
        };
        let of = Of {
            db,
            tenant,
            party,
            by: &approval.by,
            now,
        };
        let (legs, after) = match work.stage {
            Stage::Ids => ids(of, work).await?,
            Stage::Items => items(of, work).await?,
            Stage::Search if search::unlist(db, tenant, party, now).await? => {
                run::forget(db, tenant, party, now).await?;
                (Vec::new(), at(work, Stage::Files))
            }
            Stage::Search => return Ok(Progress::Wait),
            Stage::Files => return Ok(Progress::Files(Box::new(before))),
            Stage::Proof => return Ok(Progress::Proof(Box::new(before))),
        };
        let approval = approval.clone();
        if moved(of, &before, State::Approved { approval, work: after }, legs).await? {
            return Ok(Progress::More);
        }
    }
    Err(StoreError::Busy(Site::EraseStep))
}

fn at(work: &Work, stage: Stage) -> Work {
    Work { stage, ..work.clone() }
}

/// Stores the request in another state together with `legs`; `false` when others were quicker.
pub(super) async fn moved(
    of: Of<'_>,
    before: &Record<Erasure>,
    state: State,
    legs: Vec<Leg>,
) -> Result<bool, StoreError> {
    let site = Site::EraseStep;
    let record = image(of.tenant, Some(before), &before.d.moved(state), &Made::from(of.now));
    let mut all = vec![image_leg(site, of.tenant, Some(before), &record)?];
    all.extend(legs);
    match of.db.transact(site, all).await {
        Ok(()) => Ok(true),
        Err(TransactError::Condition(_)) => Ok(false),
        Err(TransactError::Store(error)) => Err(error),
    }
}

/// Tombstones take the place of some of the party's ids.
async fn ids(of: Of<'_>, work: &Work) -> Result<(Vec<Leg>, Work), StoreError> {
    let mut after = work.clone();
    let rest = after.lookups.split_off(work.lookups.len().min(IDS_MAX));
    let mut legs = Vec::new();
    let sites = (Site::EraseBeside, Site::EraseStep);
    let taken: BTreeSet<_> = std::mem::replace(&mut after.lookups, rest).into_iter().collect();
    for lookup in &taken {
        if let Some(leg) = party::erase_id(of.db, sites, (of.tenant, of.party), lookup, of.now).await? {
            legs.push(leg);
            after.counts.add(Fate::Emptied, "external_id");
        }
    }
    if after.lookups.is_empty() {
        after.stage = Stage::Items;
    }
    Ok((legs, after))
}

/// The next items of the partition, as many as fit into a transaction.
async fn items(of: Of<'_>, work: &Work) -> Result<(Vec<Leg>, Work), StoreError> {
    let mut after = work.clone();
    let page = super::items(of.db, Site::ErasePage, of.tenant, of.party, work.after.clone(), PAGE);
    let (found, next) = page.await?;
    let (mut legs, mut keys) = (Vec::new(), BTreeSet::<Key>::new());
    for item in found {
        let sk = item.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
        let todo = item::todo(of, item).await?;
        // A transaction takes no item twice: whoever shares one waits for the next step.
        let touched = todo.keys();
        if !keys.is_disjoint(&touched) {
            return Ok((legs, after));
        }
        keys.extend(touched);
        legs.extend(todo.legs);
        for (fate, kind) in &todo.counts {
            after.counts.add(*fate, kind);
        }
        if todo.again {
            return Ok((legs, after));
        }
        after.after = sk;
        if legs.len() >= LEGS_MAX {
            return Ok((legs, after));
        }
    }
    if next.is_none() {
        after.after = None;
        after.stage = Stage::Search;
    }
    Ok((legs, after))
}

/// Notes that the files are gone; `false` when somebody else did.
///
/// # Errors
/// [`StoreError`].
pub async fn pass_files(
    db: &Db,
    tenant: &Tenant,
    before: &Record<Erasure>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let State::Approved { approval, work } = &before.d.state else {
        return Ok(false);
    };
    let state = State::Approved {
        approval: approval.clone(),
        work: at(work, Stage::Proof),
    };
    moved(of(db, tenant, before, approval, now), before, state, Vec::new()).await
}

/// Completes an erasure with its proof; `false` when somebody else did.
///
/// # Errors
/// [`StoreError`].
pub async fn finish(
    db: &Db,
    tenant: &Tenant,
    before: &Record<Erasure>,
    proof: String,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let State::Approved { approval, work } = &before.d.state else {
        return Ok(false);
    };
    let state = State::Erased {
        approval: approval.clone(),
        done_at: now,
        counts: work.counts.clone(),
        proof,
    };
    moved(of(db, tenant, before, approval, now), before, state, Vec::new()).await
}

pub(super) fn of<'a>(
    db: &'a Db,
    tenant: &'a Tenant,
    before: &'a Record<Erasure>,
    approval: &'a Decision,
    now: DateTime<Utc>,
) -> Of<'a> {
    Of {
        db,
        tenant,
        party: &before.d.party,
        by: &approval.by,
        now,
    }
}
