//! Points over the threshold become vouchers (N4).
//!
//! The message only says that an account may be worth vouchers; how many is decided from the account itself. Each step of at
//! most twenty vouchers is one transaction: the ledger debit, the snapshot under its version, the vouchers and the party's
//! references. A message that comes twice, late or never matters not: the snapshot says what is due, and as long as
//! something is due every change of it asks again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{Account, Issue};
use domain::calendar;
use domain::code::VoucherCode;
use domain::programme::Programme;
use domain::voucher::{State, Voucher};
use messages::IssuanceMessage;
use runtime::contained;
use runtime::secrets::{CodeKeys, Pepper};
use runtime::sqs::{Deadline, Delivery, Failed};
use store::account::{self, AccountId};
use store::db::Read;
use store::voucher::{self, Issued, NewVoucher};
use store::{Db, Record, Site, StoreError, programme};

/// Steps done for one message; the last one's change of the snapshot asks for the rest.
const STEPS_MAX: u32 = 100;
/// Rounds against other writers of the account before the message is given back.
const ROUNDS_MAX: u32 = 25;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

/// The function with what it holds on to between batches.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
    code_keys: CodeKeys,
}

/// Why a message must come again, or cannot be worked off at all. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
enum IssueError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the programme of the account is not in the table")]
    NoProgramme,
    #[error("a sum of the account leaves the range of the books")]
    OutOfRange,
    #[error("the current code key is missing")]
    NoKey,
    #[error("other writers kept winning the race for the account")]
    Contended,
    #[error("the time of the invocation is nearly over")]
    OutOfTime,
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl IssueError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Contended | Self::OutOfTime => true,
            _ => false,
        }
    }
}

impl App {
    /// The function over a table and its keys.
    pub fn new(db: Db, pepper: Pepper, code_keys: CodeKeys) -> Self {
        Self { db, pepper, code_keys }
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
            if let Err(error) = contained(self.issue(&id, deadline, now))
                .await
                .unwrap_or_else(|e| Err(e.into()))
            {
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

    /// Issues what is due on the account, step by step.
    async fn issue(&self, id: &AccountId, deadline: Deadline, now: DateTime<Utc>) -> Result<(), IssueError> {
        // Not a kept one: with a threshold that was lowered a moment ago, the message would be thought done.
        let programme = programme::read_current(&self.db, Site::IssueProgramme, &id.tenant, &id.programme).await?;
        let programme = programme.ok_or(IssueError::NoProgramme)?.d.programme;
        let today = calendar::business_day(now, programme.zone);
        let (mut steps, mut lost, mut issued) = (0, 0, 0);
        let mut taken = BTreeSet::new();
        while steps < STEPS_MAX && lost < ROUNDS_MAX {
            let before = account::read(&self.db, Site::IssueAccount, id, Read::Strong).await?;
            let Some(before) = before else { break };
            if deadline.is_near() {
                return Err(IssueError::OutOfTime);
            }
            let issue = before
                .d
                .issue(&programme, today, &taken)
                .map_err(|_| IssueError::OutOfRange)?;
            let Some(issue) = issue else { break };
            // Only the last step of this message announces what is still due; a message that breaks off comes again.
            let announce = steps + 1 == STEPS_MAX;
            match self.step(id, &programme, &before, &issue, announce, now).await? {
                Issued::Done => {
                    steps += 1;
                    issued += issue.count;
                }
                Issued::Stale => {
                    lost += 1;
                    tokio::time::sleep(PAUSE.saturating_mul(lost).mul_f64(fastrand::f64())).await;
                }
                Issued::Taken(sequences) => {
                    lost += 1;
                    tracing::warn!(count = sequences.len(), "the codes of some sequence numbers are taken");
                    taken.extend(sequences);
                }
            }
        }
        if issued > 0 {
            tracing::info!(vouchers = issued, steps, "vouchers issued");
        }
        if lost < ROUNDS_MAX {
            Ok(())
        } else {
            Err(IssueError::Contended)
        }
    }

    async fn step(
        &self,
        id: &AccountId,
        programme: &Programme,
        before: &Record<Account>,
        issue: &Issue,
        announce: bool,
        now: DateTime<Utc>,
    ) -> Result<Issued, IssueError> {
        let key = self.code_keys.key(self.code_keys.current).ok_or(IssueError::NoKey)?;
        let today = issue.entry.business_date;
        let vouchers: Vec<_> = (issue.first..issue.first.saturating_add(issue.count))
            .map(|sequence| {
                let voucher = self.voucher(id, programme, before, sequence, today, now);
                let lookup = VoucherCode::derive(key, &voucher.id()).lookup_key(self.pepper.bytes());
                NewVoucher { voucher, lookup }
            })
            .collect();
        let more_due = announce && issue.account.vouchers_due(programme) > 0;
        Ok(voucher::commit_issue(&self.db, id, before, issue, &vouchers, more_due, now).await?)
    }

    /// The voucher with all its terms, so that no later call needs the programme.
    fn voucher(
        &self,
        id: &AccountId,
        programme: &Programme,
        before: &Record<Account>,
        sequence: u64,
        today: NaiveDate,
        now: DateTime<Utc>,
    ) -> Voucher {
        Voucher {
            party: id.party.clone(),
            programme: id.programme.clone(),
            sequence,
            value_minor: programme.voucher.value_minor,
            currency: programme.currency,
            min_basket_minor: programme.voucher.min_basket_minor,
            valid_from: today,
            valid_until: calendar::plus_days(today, programme.voucher.valid_days),
            zone: programme.zone,
            reservation_seconds: programme.reservation_seconds,
            origin: before.d.last_store.clone(),
            issued_at: now,
            code_key_version: self.code_keys.current,
            state: State::Open,
            version: 1,
            state_version: 1,
            reversed: Vec::new(),
            payment: None,
        }
    }
}
