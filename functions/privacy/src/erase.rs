//! Messages become steps of an erasure.

use chrono::{DateTime, TimeDelta, Utc};
use domain::id::{PartyId, Tenant};
use messages::{PrivacyMessage, SendError};
use runtime::contained;
use runtime::sqs::{Deadline, Delivery, Failed};
use serde_json::json;
use store::erasure::{self, Erasure, Progress, State};
use store::{Record, Site, StoreError};

use crate::App;
use crate::files::FileError;

/// A call that has read the party before the approval is over after this time: the function lives twenty-five seconds. What it has
/// put by then is removed with the rest.
const CALLS_LAST: TimeDelta = TimeDelta::seconds(90);
/// Seconds until the next look while such a call may be under way.
const SOON: u16 = 100;
/// Seconds until the next look while an earlier writer of lists for search may be under way; they live up to 16 minutes.
const LATER: u16 = 900;

/// Why a message must come again. Carries no personal data.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bucket.
    #[error(transparent)]
    File(#[from] FileError),
    /// The queue.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The work panicked.
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl App {
    /// Works off a batch; returns the messages that must come again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<PrivacyMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut failed = Failed::new();
        for Delivery { id, message } in deliveries {
            if deadline.is_near() {
                failed.insert(id);
                continue;
            }
            let PrivacyMessage::Erase { tenant, party } = message;
            let work = Box::pin(self.erase(&tenant, &party, deadline, now));
            let done = contained(work).await.map_err(EraseError::from);
            if let Err(error) = done.and_then(|done| done) {
                tracing::error!(%error, "an erasure did not go on");
                failed.insert(id);
            }
        }
        failed
    }

    /// Does as many steps as the time allows, and leaves the rest to another message.
    async fn erase(
        &self,
        tenant: &Tenant,
        party: &PartyId,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Result<(), EraseError> {
        // Ends with the party's items, with the time of the invocation, or with a wait.
        loop {
            if deadline.is_near() {
                return self.later(tenant, party, 0).await;
            }
            match erasure::step(&self.db, tenant, party, now).await? {
                Progress::More => {}
                Progress::Wait => return self.later(tenant, party, LATER).await,
                Progress::Files(request) => {
                    if now < settled_at(&request) {
                        return self.later(tenant, party, SOON).await;
                    }
                    self.files.remove_statements(tenant, party).await?;
                    self.files.remove_failures(tenant, party).await?;
                    self.files.remove_imported(&self.db, tenant, now).await?;
                    erasure::pass_files(&self.db, tenant, &request, now).await?;
                }
                Progress::Proof(request) => {
                    let proof = self.proof(&request.d, now);
                    if erasure::finish(&self.db, tenant, &request, proof, now).await? {
                        tracing::info!(%tenant, %party, "a party is erased");
                    }
                }
                Progress::Done => return Ok(()),
            }
        }
    }

    async fn later(&self, tenant: &Tenant, party: &PartyId, seconds: u16) -> Result<(), EraseError> {
        let rest = [PrivacyMessage::Erase {
            tenant: tenant.clone(),
            party: party.clone(),
        }];
        let sent = self.sender.send_later(Site::EraseSend, &self.queue_url, &rest, seconds);
        Ok(sent.await?)
    }

    /// The signed proof: who, when and how much, and nothing of what was.
    fn proof(&self, request: &Erasure, now: DateTime<Utc>) -> String {
        let (approval, counts) = match &request.state {
            State::Approved { approval, work } => (Some(approval), Some(&work.counts)),
            _ => (None, None),
        };
        let proof = json!({
            "proof": "erasure",
            "party_id": request.party,
            "reason": request.reason,
            "asked_by": request.author,
            "asked_at": request.asked_at,
            "approved_by": approval.map(|approval| &approval.by),
            "approved_at": approval.map(|approval| approval.at),
            "erased_at": now,
            "counts": counts,
            "files": "statements, files of finished imports and records that were put aside are removed",
        });
        self.signer.signed(proof.to_string().as_bytes())
    }
}

/// From when on no call is under way that has read the party before it was erased.
fn settled_at(request: &Record<Erasure>) -> DateTime<Utc> {
    match &request.d.state {
        State::Approved { approval, .. } => approval.at.checked_add_signed(CALLS_LAST).unwrap_or(approval.at),
        _ => request.d.asked_at,
    }
}
