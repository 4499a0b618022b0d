//! What is done to a whole system rather than to one request: setting it up, proving its books, bringing in what was left
//! undone. Works alike on the local stack and on AWS: it needs the table and, for [`reconcile`], the queues.

pub mod bootstrap;
mod by_hand;
mod evidence;
pub mod finance;
mod losses;
pub mod reconcile;
pub mod restore;
pub mod verify;
mod walk;

use domain::id::Tenant;
use messages::{SendError, Sender};
use store::{Db, StoreError};

/// A running system, seen by its operator.
#[derive(Debug, Clone)]
pub struct System {
    /// The table.
    pub db: Db,
    /// Puts messages on queues.
    pub sender: Sender,
    /// Whose data.
    pub tenant: Tenant,
    /// Where work is sent.
    pub queues: Queues,
    /// How the table is walked through.
    pub walk: Walk,
}

/// How the table is walked through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Walk {
    /// In one piece. The embedded database sorts the whole table for every page of a segment, so that segments would make a
    /// walk slower by far.
    #[default]
    Whole,
    /// In segments at the same time, as DynamoDB likes it.
    Segments,
}

/// URLs of the queues that operations send to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queues {
    /// Work for point calculation.
    pub posting: String,
    /// Work for voucher issuance.
    pub issuance: String,
}

/// An operation could not be finished. What it did until then stands; it can be run again.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A queue.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Bootstrap would have to overwrite what somebody else stored.
    #[error("{0}")]
    Refused(String),
}

/// Called with the number of items looked at since the last call.
pub type Seen<'a> = &'a (dyn Fn(u64) + Sync);
