//! Threshold vouchers (N4), issued by whoever finds that an account may be worth some.
//!
//! How many is decided from the account itself. Each step of at most twenty vouchers is one transaction: the ledger debit, the
//! snapshot under its version, the vouchers and the party's references. Asking twice, late or never matters not: the snapshot
//! says what is due.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use domain::account::{Account, Issue};
use domain::calendar;
use domain::code::VoucherCode;
use domain::programme::Programme;
use domain::voucher::{Parts, State, Voucher};
use runtime::secrets::{CodeKeys, Pepper};
use runtime::sqs::Deadline;
use store::account::{self, AccountId};
use store::db::Read;
use store::voucher::{self, Issued, NewVoucher};
use store::{Db, Record, Site, StoreError, party, programme};

/// Steps done for one call; the last one's change of the snapshot asks for the rest.
const STEPS_MAX: u32 = 100;
/// Rounds against other writers of the account before the call is given back.
const ROUNDS_MAX: u32 = 25;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

/// Issues vouchers into one table.
#[derive(Debug)]
pub struct Issuer {
    db: Db,
    pepper: Pepper,
    code_keys: CodeKeys,
}

/// Why vouchers were not issued. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IssueError {
    /// The table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The account names a programme that is not stored.
    #[error("the programme of the account is not in the table")]
    NoProgramme,
    /// A sum is too large.
    #[error("a sum of the account leaves the range of the books")]
    OutOfRange,
    /// The key that new codes are made with is not known.
    #[error("the current code key is missing")]
    NoKey,
    /// Others kept changing the account.
    #[error("other writers kept winning the race for the account")]
    Contended,
    /// The invocation ends before the next step could.
    #[error("the time of the invocation is nearly over")]
    OutOfTime,
}

impl IssueError {
    /// Whether the same call may succeed later without anybody mending anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Contended | Self::OutOfTime => true,
            _ => false,
        }
    }
}

impl Issuer {
    /// An issuer over a table and its keys.
    pub fn new(db: Db, pepper: Pepper, code_keys: CodeKeys) -> Self {
        Self { db, pepper, code_keys }
    }

    /// Issues what is due on the account, step by step; returns how many vouchers there were.
    ///
    /// # Errors
    /// [`IssueError`]; what was issued until then stands, and the same call issues the rest.
    pub async fn issue(&self, id: &AccountId, deadline: Deadline, now: DateTime<Utc>) -> Result<u64, IssueError> {
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
            // Asked anew before each step: a party that was just put on a blacklist gets none from here on. Its points stay,
            // and become vouchers with its next entry after that.
            if party::is_stopped(&self.db, Site::IssueParty, &id.tenant, &id.party, now).await? {
                tracing::info!("the party gets no vouchers");
                break;
            }
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
            Ok(issued)
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
            number: sequence.into(),
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
            partial: programme.voucher.partial.then(Parts::default),
            campaign: None,
        }
    }
}
