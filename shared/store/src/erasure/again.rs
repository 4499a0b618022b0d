//! A restored copy of the table is as old as it was asked for: whoever was erased since stands in it. Before it takes the place
//! of the live table, the erasures of the live one are done in it once more.

use chrono::{DateTime, Utc};
use domain::id::Tenant;
use faults::Site;

use super::step::{moved, of};
use super::{Decision, Erasure, Progress, State, begin, begun, read, step};
use crate::db::Db;
use crate::error::StoreError;
use crate::party::{self, Standing};
use crate::record::{Made, Record};

/// Steps of one party: a customer of fifty years of daily purchases has fewer.
const STEPS_MAX: usize = 20_000;

/// What became of a party in a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It is erased now.
    Erased,
    /// Nothing of it stood there any more.
    Gone,
    /// Its lists for search may still be written: again in twenty minutes.
    Wait,
}

fn approval(request: &Erasure) -> Option<&Decision> {
    match &request.state {
        State::Approved { approval, .. } | State::Erased { approval, .. } => Some(approval),
        State::Requested | State::Withdrawn(_) => None,
    }
}

/// Does an erasure of the live table in a copy. Done twice, it changes nothing the second time.
///
/// # Errors
/// [`StoreError`].
pub async fn again(
    copy: &Db,
    tenant: &Tenant,
    live: &Record<Erasure>,
    now: DateTime<Utc>,
) -> Result<Again, StoreError> {
    let party = &live.d.party;
    let Some(approval) = approval(&live.d) else {
        return Ok(Again::Gone);
    };
    let before = read(copy, Site::ToolRead, tenant, party).await?;
    match party::standing(copy, Site::ToolRead, tenant, party).await? {
        None => return Ok(Again::Gone),
        Some(Standing::Party(profile)) => {
            let known = before.as_ref().map_or(0, |before| before.d.version);
            let mut approved = live.d.moved(begun(&profile, approval.clone()));
            approved.version = approved.version.max(known.saturating_add(1));
            let made = Made::from(now);
            let place = (before.as_ref(), &*profile);
            if !begin(copy, Site::ToolWrite, tenant, place, &approved, &made).await? {
                return Err(StoreError::Busy(Site::ToolWrite));
            }
        }
        Some(Standing::Erased(_)) => {
            let is_done = |before: &Record<Erasure>| matches!(before.d.state, State::Erased { .. });
            if before.as_ref().is_some_and(is_done) {
                return Ok(Again::Gone);
            }
        }
    }
    for _ in 0..STEPS_MAX {
        match step(copy, tenant, party, now).await? {
            Progress::More => {}
            Progress::Wait => return Ok(Again::Wait),
            // The files are those of the live system, and so is the proof.
            Progress::Files(stands) | Progress::Proof(stands) => {
                if let State::Erased { .. } = &live.d.state {
                    let of = of(copy, tenant, &stands, approval, now);
                    moved(of, &stands, live.d.state.clone(), Vec::new()).await?;
                }
                return Ok(Again::Erased);
            }
            Progress::Done => return Ok(Again::Erased),
        }
    }
    Err(StoreError::Busy(Site::EraseStep))
}
