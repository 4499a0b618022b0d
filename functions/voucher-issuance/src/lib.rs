//! Points over the threshold become vouchers (N4).
//!
//! The message only says that an account may be worth vouchers; [`issuing`] decides how many. As long as something is due every
//! change of the account asks again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use issuing::{IssueError, Issuer};
use messages::IssuanceMessage;
use runtime::contained;
use runtime::secrets::{CodeKeys, Pepper};
use runtime::sqs::{Deadline, Delivery, Failed};
use store::Db;
use store::account::AccountId;

/// The function with what it holds on to between batches.
#[derive(Debug)]
pub struct App {
    issuer: Issuer,
}

/// Why a message must come again, or cannot be worked off at all. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
enum WorkError {
    #[error(transparent)]
    Issue(#[from] IssueError),
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl WorkError {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Issue(error) if error.is_transient())
    }
}

impl App {
    /// The function over a table and its keys.
    pub fn new(db: Db, pepper: Pepper, code_keys: CodeKeys) -> Self {
        Self {
            issuer: Issuer::new(db, pepper, code_keys),
        }
    }

    /// Works off a batch; returns the messages that must come again. What fails or panics for one account leaves the others
    /// alone, and what the time does not suffice for comes again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<IssuanceMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let mut accounts: BTreeMap<AccountId, Vec<String>> = BTreeMap::new();
        for Delivery {
            id,
            message:
                IssuanceMessage::Threshold {
                    tenant,
                    party,
                    programme,
                },
        } in deliveries
        {
            accounts
                .entry(AccountId {
                    tenant,
                    party,
                    programme,
                })
                .or_default()
                .push(id);
        }
        let mut failed = Failed::new();
        for (id, messages) in accounts {
            let issued = contained(self.issuer.issue(&id, deadline, now)).await;
            let outcome = issued.map_err(WorkError::from).and_then(|issued| Ok(issued?));
            if let Err(error) = outcome {
                if error.is_transient() {
                    tracing::warn!(%error, "messages come again");
                } else {
                    tracing::error!(%error, "vouchers cannot be issued");
                }
                failed.extend(messages);
            }
        }
        failed
    }
}
