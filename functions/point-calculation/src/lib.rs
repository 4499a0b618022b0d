//! Receipts become points (L2, L3, N3, X1).
//!
//! The receipts of one account in a batch are folded into one transaction: their ledger entries, the account's snapshot and
//! the activity of the month. The entry's key is made of the receipt, so a receipt that comes again meets its own entry; the
//! snapshot is conditional on its version, so two posters of one account never overwrite each other.
//!
//! | file | what |
//! |---|---|
//! | `post` | the receipts of an account are posted |
//! | `give_back` | returns and voided receipts follow their receipt |
//! | `payments` | vouchers that a receipt names are matched |
//! | `settle` | receipts that waited for a card get their account |

mod customer;
mod give_back;
mod payments;
mod post;
mod settle;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::id::Tenant;
use domain::receipt::ReceiptKey;
use messages::PostingMessage;
use runtime::contained;
use runtime::sqs::{Deadline, Delivery, Failed};
use store::account::AccountId;
use store::history::HistoryError;
use store::{Db, StoreError, programme};

/// The function with what it holds on to between batches.
#[derive(Debug)]
pub struct App {
    db: Db,
    programmes: programme::Cache,
}

/// Why a message must come again, or cannot be worked off at all. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum WorkError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the receipt of the message is not in the table")]
    NoReceipt,
    #[error("an entry names a return that is not in the table")]
    NoReturn,
    #[error("the receipt is stamped with another account than the message says")]
    OtherAccount,
    #[error("the version of the programme that the receipt was accepted under is not in the table")]
    NoProgramme,
    #[error("a sum of the account leaves the range of the books")]
    OutOfRange,
    #[error("other writers kept winning the race for the account or voucher")]
    Contended,
    #[error("the time of the invocation is nearly over")]
    OutOfTime,
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl From<HistoryError> for WorkError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Store(error) => Self::Store(error),
            HistoryError::OutOfRange(_) => Self::OutOfRange,
            HistoryError::NoReturn => Self::NoReturn,
        }
    }
}

impl WorkError {
    /// Whether the same work may succeed later without anybody mending anything.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Contended | Self::OutOfTime => true,
            _ => false,
        }
    }
}

/// A receipt to be worked off, and the messages that ask for it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) receipt: ReceiptKey,
    /// Returns and voidings that the receipt must know of.
    pub(crate) taken_back: usize,
    pub(crate) messages: Vec<String>,
}

/// A batch, sorted by what it asks for.
#[derive(Debug, Default)]
struct Batch {
    accounts: BTreeMap<AccountId, BTreeMap<ReceiptKey, (usize, Vec<String>)>>,
    returns: BTreeMap<(AccountId, ReceiptKey), Vec<String>>,
    unmatched: BTreeMap<(Tenant, ReceiptKey), Vec<String>>,
    cards: Vec<(String, Tenant, domain::id::LookupKey)>,
}

impl App {
    /// The function over a table.
    pub fn new(db: Db) -> Self {
        Self {
            db,
            programmes: programme::Cache::default(),
        }
    }

    /// Works off a batch; returns the messages that must come again. What fails or panics for one account leaves the others
    /// alone, and what the time does not suffice for comes again.
    pub async fn work_off(
        &self,
        deliveries: Vec<Delivery<PostingMessage>>,
        deadline: Deadline,
        now: DateTime<Utc>,
    ) -> Failed {
        let batch = sort(deliveries);
        let mut failed = Failed::new();
        for (account, receipts) in batch.accounts {
            let messages: Vec<_> = receipts.values().flat_map(|(_, messages)| messages).cloned().collect();
            let asked = receipts
                .into_iter()
                .map(|(receipt, (taken_back, messages))| Asked {
                    receipt,
                    taken_back,
                    messages,
                })
                .collect();
            let work = async { Ok(self.post(&account, asked, now).await) };
            match within(deadline, Box::pin(work)).await {
                Ok(again) => failed.extend(again),
                Err(error) => fail(&mut failed, &error, messages),
            }
        }
        for ((tenant, receipt), messages) in batch.unmatched {
            if let Err(error) = within(deadline, Box::pin(self.match_unposted(&tenant, &receipt, now))).await {
                fail(&mut failed, &error, messages);
            }
        }
        for ((account, back), messages) in batch.returns {
            if let Err(error) = within(deadline, Box::pin(self.give_back_unnamed(&account, &back, now))).await {
                fail(&mut failed, &error, messages);
            }
        }
        for (message, tenant, card) in batch.cards {
            if let Err(error) = within(deadline, Box::pin(self.settle(&tenant, &card, deadline, now))).await {
                fail(&mut failed, &error, vec![message]);
            }
        }
        failed
    }
}

/// Does a part of the batch, unless the time is nearly over; a panic in it is its own.
async fn within<T>(deadline: Deadline, work: impl Future<Output = Result<T, WorkError>>) -> Result<T, WorkError> {
    if deadline.is_near() {
        return Err(WorkError::OutOfTime);
    }
    contained(work).await?
}

fn fail(failed: &mut Failed, error: &WorkError, messages: Vec<String>) {
    report(error, messages.len());
    failed.extend(messages);
}

fn sort(deliveries: Vec<Delivery<PostingMessage>>) -> Batch {
    let mut batch = Batch::default();
    for Delivery { id, message } in deliveries {
        match message {
            PostingMessage::PostReceipt {
                tenant,
                receipt,
                party: Some(party),
                programme,
                taken_back,
            } => {
                let account = AccountId {
                    tenant,
                    party,
                    programme,
                };
                let (most, messages) = batch.accounts.entry(account).or_default().entry(receipt).or_default();
                *most = taken_back.max(*most);
                messages.push(id);
            }
            PostingMessage::PostReturn {
                tenant,
                back,
                party,
                programme,
            } => {
                let account = AccountId {
                    tenant,
                    party,
                    programme,
                };
                batch.returns.entry((account, back)).or_default().push(id);
            }
            PostingMessage::PostReceipt {
                tenant,
                receipt,
                party: None,
                ..
            } => {
                batch.unmatched.entry((tenant, receipt)).or_default().push(id);
            }
            PostingMessage::SettleCard { tenant, card } => batch.cards.push((id, tenant, card)),
        }
    }
    batch
}

/// Logs a failure once, here at the boundary that handles it.
pub(crate) fn report(error: &WorkError, messages: usize) {
    if error.is_transient() {
        tracing::warn!(%error, messages, "messages come again");
    } else {
        tracing::error!(%error, messages, "messages cannot be worked off");
    }
}
