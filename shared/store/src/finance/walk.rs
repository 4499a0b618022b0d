//! The sums of accounts and vouchers between two positions of the table.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono_tz::Tz;
use domain::account::{Entry, FoldError};
use domain::id::PartyId;
use domain::liability::{Posted, Settlement, roll_forward, voucher_parcels};
use domain::money::{Money, OutOfRange};
use domain::voucher::{Taking, Voucher, VoucherNumber};
use faults::Site;

use super::{Books, Position, ReportId};
use crate::account::{self, ACCOUNT, AccountId};
use crate::db::{Db, Key};
use crate::error::StoreError;
use crate::record::{Item, Record};
use crate::scan::{self, Segment};
use crate::{party, voucher};

/// Rows after which a part ends, before the account or voucher that would add more. Parts are read again to finish a run: with
/// many rows in each there are some dozens of them, which end by time, and not thousands.
pub const PART_ROWS_MAX: usize = 20_000;
/// Entries of one account that are folded in memory: a company that buys a hundred times a day, for nine years.
const ENTRIES_MAX: usize = 330_000;
/// Entries of one page of a ledger.
const LEDGER_PAGE: i32 = 500;

/// Books cannot be summed. Carries no personal data.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BooksError {
    /// The table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entries of an account contradict themselves.
    #[error("the ledger of the party {party} does not fold: {error}")]
    Fold {
        /// Holder of the account.
        party: PartyId,
        /// What is wrong.
        error: FoldError,
    },
    /// A redeemed voucher has no entry that issued it.
    #[error("the ledger of the party {party} has no issue of the voucher {number}")]
    NoIssue {
        /// Holder of the account.
        party: PartyId,
        /// Number of the voucher within it.
        number: VoucherNumber,
    },
    /// An account has more entries than can be folded.
    #[error("the ledger of the party {party} has more entries than can be folded at once")]
    TooManyEntries {
        /// Holder of the account.
        party: PartyId,
    },
    /// More rows than can be brought together.
    #[error("the books have more rows than can be brought together")]
    TooManyRows,
    /// A sum is too large.
    #[error("a sum leaves the range of the books")]
    OutOfRange,
}

impl From<OutOfRange> for BooksError {
    fn from(_: OutOfRange) -> Self {
        Self::OutOfRange
    }
}

/// The call sites of whoever walks.
#[derive(Debug, Clone, Copy)]
pub struct Sites {
    /// Pages of the table.
    pub scan: Site,
    /// Pages of a ledger.
    pub ledger: Site,
}

/// What is walked through.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Whose books of which month.
    pub id: ReportId,
    /// Zone of the month's days.
    pub zone: Tz,
    /// The part of the table.
    pub segment: Segment,
    /// Call sites.
    pub sites: Sites,
}

/// Where a walk begins and ends. `stop` is asked after each account and voucher, so that every walk gets on.
pub struct Bounds<'a> {
    /// Behind this position; from the beginning of the segment when `None`.
    pub after: Option<Position>,
    /// Whether the walk ends here; told how many rows there are.
    pub stop: &'a (dyn Fn(usize) -> bool + Sync),
}

impl std::fmt::Debug for Bounds<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bounds").finish_non_exhaustive()
    }
}

/// Sums the accounts and redeemed vouchers from a position on; returns them with where to go on, `None` at the end of the
/// segment.
///
/// # Errors
/// [`BooksError`].
pub async fn walk(db: &Db, scope: &Scope, bounds: Bounds<'_>) -> Result<(Books, Option<Position>), BooksError> {
    let mut books = Books::default();
    let mut after = bounds.after.map(|at| Key { pk: at.pk, sk: at.sk });
    // What is summed; a long ledger behind it is left to the next walk when the time is over.
    let mut done: Option<Position> = None;
    loop {
        let types = [ACCOUNT, voucher::VOUCHER];
        let page = scan::page(db, scope.sites.scan, scope.segment, &types, after.as_ref()).await?;
        for item in page.items {
            let position = position(scope.sites.scan, &item)?;
            if !scope.concerns(&position) {
                continue;
            }
            let give_up = || done.is_some() && (bounds.stop)(0);
            if !scope.add(db, &mut books, &position, item, &give_up).await? {
                return Ok((books, done));
            }
            done = Some(position.clone());
            let rows = books.liability.rows.len().saturating_add(books.settlement.pairs.len());
            if (bounds.stop)(rows) {
                return Ok((books, Some(position)));
            }
        }
        let Some(next) = page.next else {
            return Ok((books, None));
        };
        let position = Position {
            pk: next.pk.clone(),
            sk: next.sk.clone(),
        };
        if (bounds.stop)(books.liability.rows.len().saturating_add(books.settlement.pairs.len())) {
            return Ok((books, Some(position)));
        }
        after = Some(next);
    }
}

fn position(site: Site, item: &Item) -> Result<Position, StoreError> {
    let text = |name: &str| match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text.clone()),
        _ => Err(StoreError::Unreadable {
            site,
            reason: format!("`{name}` is no text"),
        }),
    };
    Ok(Position {
        pk: text("pk")?,
        sk: text("sk")?,
    })
}

impl Scope {
    /// Whether it is an account of the programme, or a voucher of the tenant.
    fn concerns(&self, at: &Position) -> bool {
        self.holder(at).is_some()
            || voucher::parse_partition(&at.pk).is_some_and(|(tenant, _)| tenant == self.id.tenant)
    }

    fn holder(&self, at: &Position) -> Option<PartyId> {
        let programme = at.sk.strip_prefix(account::PREFIX)?;
        if programme != self.id.programme.as_str() {
            return None;
        }
        let (tenant, party) = party::parse_partition(&at.pk)?;
        (tenant == self.id.tenant).then_some(party)
    }

    /// Adds an account or a voucher; `false` when it was given up for lack of time.
    async fn add(
        &self,
        db: &Db,
        books: &mut Books,
        at: &Position,
        item: Item,
        give_up: GiveUp<'_>,
    ) -> Result<bool, BooksError> {
        if let Some(party) = self.holder(at) {
            return self.add_account(db, books, party, give_up).await;
        }
        let record: Record<Voucher> = Record::from_item(self.sites.scan, item)?;
        let voucher = record.d;
        if voucher.programme != self.id.programme {
            return Ok(true);
        }
        let taken = voucher.takings().into_iter();
        let taken: Vec<_> = taken
            .filter(|taking| self.id.month.holds(taking.booked_at, self.zone))
            .collect();
        if taken.is_empty() {
            return Ok(true);
        }
        if voucher.paid_by().is_none() {
            for taking in taken {
                let value = Money::new(taking.amount_minor, voucher.currency);
                books.settlement.redeem_given(value, &taking.receipt.store)?;
            }
            return Ok(true);
        };
        let Some(posted) = self.ledger(db, &voucher.party, give_up).await? else {
            return Ok(false);
        };
        redeemed(&mut books.settlement, posted, &voucher, &taken)?;
        Ok(true)
    }

    async fn add_account(
        &self,
        db: &Db,
        books: &mut Books,
        party: PartyId,
        give_up: GiveUp<'_>,
    ) -> Result<bool, BooksError> {
        let Some(posted) = self.ledger(db, &party, give_up).await? else {
            return Ok(false);
        };
        let (rows, parcels) = roll_forward(posted, self.id.month, self.zone).map_err(|error| match error {
            FoldError::OutOfRange(_) => BooksError::OutOfRange,
            error => BooksError::Fold { party, error },
        })?;
        if parcels.account().version > 0 {
            books.accounts = books.accounts.saturating_add(1);
        }
        books.liability.add(&rows)?;
        Ok(true)
    }

    /// All entries of an account, with the instants at which they were stored; `None` when it was given up.
    async fn ledger(&self, db: &Db, party: &PartyId, give_up: GiveUp<'_>) -> Result<Option<Vec<Posted>>, BooksError> {
        let id = AccountId {
            tenant: self.id.tenant.clone(),
            party: party.clone(),
            programme: self.id.programme.clone(),
        };
        let (mut posted, mut after) = (Vec::new(), None);
        loop {
            let page: (Vec<Record<Entry>>, _) =
                account::ledger(db, self.sites.ledger, &id, after.take(), LEDGER_PAGE).await?;
            posted.extend(page.0.into_iter().map(|record| Posted {
                at: record.created_at,
                entry: record.d,
            }));
            if posted.len() > ENTRIES_MAX {
                return Err(BooksError::TooManyEntries { party: party.clone() });
            }
            after = page.1;
            if after.is_none() {
                return Ok(Some(posted));
            }
            if give_up() {
                return Ok(None);
            }
        }
    }
}

/// Whether a ledger is to be left to another walk.
type GiveUp<'a> = &'a (dyn Fn() -> bool + Sync);

/// Settles what was taken of a voucher with the entries of its holder.
fn redeemed(
    settlement: &mut Settlement,
    posted: Vec<Posted>,
    voucher: &Voucher,
    taken: &[Taking<'_>],
) -> Result<(), BooksError> {
    let party = voucher.party.clone();
    let parcels = voucher_parcels(posted, &voucher.number.first()).map_err(|error| BooksError::Fold {
        party: party.clone(),
        error,
    })?;
    let parcels = parcels.ok_or(BooksError::NoIssue {
        party,
        number: voucher.number.clone(),
    })?;
    let face = Money::new(voucher.value_minor, voucher.currency);
    for taking in taken {
        // One that is taken at once goes with its face value, as all its points do, whatever the goods came to.
        let taken = match voucher.partial {
            Some(_) => (taking.before_minor, taking.amount_minor),
            None => (0, voucher.value_minor),
        };
        settlement.redeem(&parcels, face, taken, &taking.receipt.store)?;
    }
    Ok(())
}
