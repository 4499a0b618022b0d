//! Finance's books of a month: runs, and the partial sums of their segments.
//!
//! A run walks through the table in segments. What a segment has summed so far is a chain of parts that are written once and
//! numbered without a gap: each begins where the one before ended, and its number is free for one writer only. However often a
//! segment is worked on, at the same time or again, every account is in exactly one part.
//!
//! | file | what |
//! |---|---|
//! | `walk` | the sums of accounts and vouchers between two positions of the table |

mod walk;

pub use walk::{BooksError, Bounds, PART_ROWS_MAX, Scope, Sites, walk};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::id::{ProgrammeId, Tenant};
use domain::liability::{Companies, Month, Origin, Pair, Rollforward, Row, Settled, Settlement};
use domain::money::Money;
use faults::Site;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::db::{Condition, Db, Key, Leg, Range, Read, Written};
use crate::error::StoreError;
use crate::record::{Made, Record};

/// Segments of the table that a run walks through at the same time.
pub const SEGMENTS: u8 = 16;
/// Rows of all parts that can be brought together: with their keys some 100 MB. Beyond that a run fails, and says so.
pub const ROWS_MAX: usize = 300_000;
/// Rows of one stored item: with the longest keys and figures well below its 400 KB.
const ITEM_ROWS_MAX: usize = 1_500;
/// Parts of one page; each may be as large as an item.
const PARTS_PAGE: i32 = 2;
/// Seconds after which partial sums may be dropped: 400 days, so that a report can be looked into until the next year's audit.
const PART_SECONDS: i64 = 400 * 24 * 60 * 60;

/// Whose books of which month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportId {
    /// Tenant.
    pub tenant: Tenant,
    /// Programme.
    pub programme: ProgrammeId,
    /// The month.
    pub month: Month,
}

impl ReportId {
    fn partition(&self) -> String {
        format!("FINANCE#{}#{}#{}", self.tenant, self.programme, self.month)
    }

    fn run_key(&self, revision: u32) -> Key {
        Key {
            pk: self.partition(),
            sk: format!("RUN#{revision:04}"),
        }
    }

    fn part_key(&self, revision: u32, segment: u8, number: u32) -> Key {
        Key {
            pk: self.partition(),
            sk: format!("{}{number:06}", part_prefix(revision, segment)),
        }
    }
}

fn part_prefix(revision: u32, segment: u8) -> String {
    format!("PART#{revision:04}#{segment:02}#")
}

/// A run of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which run of the month, from 1.
    pub revision: u32,
    /// Zone of the month's days, as the programme had it when the run began.
    pub zone: Tz,
    /// The companies of the branches when the run began, so that whoever writes its files writes the same.
    #[serde(default, skip_serializing_if = "Companies::is_empty")]
    pub companies: Companies,
    /// Segments it is worked off in.
    pub segments: u8,
    /// Counts the writes of the item, from 1.
    pub version: u64,
    /// What it came to; `None` while it is at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<RunResult>,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunResult {
    /// Accounts that had entries up to the end of the month.
    pub accounts: u64,
    /// Rows of the roll-forward.
    pub rows: u64,
    /// Sum of all rows, in points.
    pub total: Row,
    /// Redeemed vouchers.
    pub vouchers: u64,
    /// Their face values, by currency.
    pub redeemed: Vec<Money>,
    /// The files, the manifest last.
    pub files: Vec<FileFacts>,
}

/// A file of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Its name.
    pub name: String,
    /// Its key in the bucket.
    pub key: String,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// The books of some or of all accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Books {
    /// Accounts that had entries up to the end of the month.
    pub accounts: u64,
    /// The roll-forward.
    pub liability: Rollforward,
    /// Redeemed vouchers.
    pub settlement: Settlement,
}

/// What a segment has summed between two positions. Written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number within the segment, from 0.
    pub number: u32,
    /// Where the next part begins; `None` when the segment is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Position>,
    accounts: u64,
    vouchers: u64,
    rows: Vec<(Origin, Row)>,
    pairs: Vec<(Pair, Settled)>,
    /// Sort keys of items with the rows that this one has no room for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more: Vec<String>,
}

/// A position in the table: behind this key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// Rows that a part had no room for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct More {
    rows: Vec<(Origin, Row)>,
    pairs: Vec<(Pair, Settled)>,
}

/// A run; `None` when it was not begun.
///
/// # Errors
/// [`StoreError`].
pub async fn run(db: &Db, site: Site, id: &ReportId, revision: u32) -> Result<Option<Record<Run>>, StoreError> {
    db.get(site, &id.run_key(revision), Read::Strong).await
}

/// The last run of the month; `None` before the first.
///
/// # Errors
/// [`StoreError`].
pub async fn latest(db: &Db, site: Site, id: &ReportId) -> Result<Option<Record<Run>>, StoreError> {
    let mut range = Range::prefix(id.partition(), "RUN#", 1);
    range.descending = true;
    let (runs, _) = db.query(site, &range, Read::Strong).await?;
    Ok(runs.into_iter().next())
}

/// Begins a run. What stands in its place when another one of the revision was begun before.
///
/// # Errors
/// [`StoreError`].
pub async fn begin(
    db: &Db,
    site: Site,
    id: &ReportId,
    revision: u32,
    (zone, companies): (Tz, Companies),
    made: impl Into<Made>,
) -> Result<Option<Record<Run>>, StoreError> {
    let run = Run {
        revision,
        zone,
        companies,
        segments: SEGMENTS,
        version: 1,
        result: None,
    };
    let record = Record::new(id.run_key(revision), "finance_run", made, run);
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    match db.write(site, put).await? {
        Written::Done => Ok(None),
        Written::Refused(Some(before)) => Ok(Some(*before)),
        Written::Refused(None) => Err(StoreError::Unknown(site)),
    }
}

/// Stores what a run came to. `false` when somebody else did before.
///
/// # Errors
/// [`StoreError`].
pub async fn complete(
    db: &Db,
    site: Site,
    before: &Record<Run>,
    result: RunResult,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let mut record = before.clone();
    record.updated_at = now;
    record.d.version = before.d.version.saturating_add(1);
    record.d.result = Some(result);
    let put = Leg::put(site, &record, Some(Condition::version(before.d.version)))?;
    Ok(matches!(db.write::<Run>(site, put).await?, Written::Done))
}

/// The last part of a segment; `None` before the first.
///
/// # Errors
/// [`StoreError`].
pub async fn last_part(
    db: &Db,
    site: Site,
    id: &ReportId,
    revision: u32,
    segment: u8,
) -> Result<Option<Part>, StoreError> {
    let mut range = Range::prefix(id.partition(), &part_prefix(revision, segment), 1);
    range.descending = true;
    let (parts, _) = db.query::<Part>(site, &range, Read::Strong).await?;
    Ok(parts.into_iter().next().map(|record| record.d))
}

/// How many segments of a run are done.
///
/// # Errors
/// [`StoreError`].
pub async fn segments_done(db: &Db, site: Site, id: &ReportId, run: &Run) -> Result<u8, StoreError> {
    let mut done = 0u8;
    for segment in 0..run.segments {
        let last = last_part(db, site, id, run.revision, segment).await?;
        done = done.saturating_add(u8::from(last.is_some_and(|part| part.next.is_none())));
    }
    Ok(done)
}

/// Stores the part of a segment that follows `number - 1`. `false` when another one stands there: the caller's sums are of no
/// use then.
///
/// # Errors
/// [`StoreError`].
pub async fn store_part(
    db: &Db,
    site: Site,
    (id, revision, segment): (&ReportId, u32, u8),
    number: u32,
    books: &Books,
    next: Option<Position>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let ttl = now.timestamp().saturating_add(PART_SECONDS);
    let mut chunks = chunks(books);
    let first = chunks.next().unwrap_or(More {
        rows: Vec::new(),
        pairs: Vec::new(),
    });
    let mut more = Vec::new();
    for chunk in chunks {
        // Under a name that nobody else has: only the part that is stored in the end leads to it.
        let key = Key {
            pk: id.partition(),
            sk: format!("MORE#{revision:04}#{segment:02}#{}", Uuid::new_v4().simple()),
        };
        more.push(key.sk.clone());
        let mut record = Record::new(key, "finance_rows", now, chunk);
        record.ttl = Some(ttl);
        let put = Leg::put(site, &record, None)?;
        db.write::<More>(site, put).await?;
    }
    let part = Part {
        number,
        next,
        accounts: books.accounts,
        vouchers: books.settlement.vouchers,
        rows: first.rows,
        pairs: first.pairs,
        more,
    };
    let mut record = Record::new(id.part_key(revision, segment, number), "finance_part", now, part);
    record.ttl = Some(ttl);
    let put = Leg::put(site, &record, Some(Condition::absent()))?;
    Ok(db.write_item(site, put).await?.is_none())
}

/// The rows in portions that an item has room for.
fn chunks(books: &Books) -> impl Iterator<Item = More> {
    let rows: Vec<_> = books.liability.rows.iter().map(|(o, r)| (o.clone(), *r)).collect();
    let pairs: Vec<_> = books.settlement.pairs.iter().map(|(p, s)| (p.clone(), *s)).collect();
    let of_rows = rows.chunks(ITEM_ROWS_MAX).map(|rows| More {
        rows: rows.to_vec(),
        pairs: Vec::new(),
    });
    let of_pairs = pairs.chunks(ITEM_ROWS_MAX).map(|pairs| More {
        rows: Vec::new(),
        pairs: pairs.to_vec(),
    });
    let mut all: Vec<More> = of_rows.chain(of_pairs).collect();
    // The common case is one item.
    if let [one, other] = all.as_mut_slice()
        && one.rows.len().saturating_add(other.pairs.len()) <= ITEM_ROWS_MAX
    {
        one.pairs = std::mem::take(&mut other.pairs);
        all.truncate(1);
    }
    all.into_iter()
}

/// All parts of a run, brought together.
///
/// # Errors
/// [`BooksError::Store`]; [`BooksError::TooManyRows`] beyond [`ROWS_MAX`]; [`BooksError::OutOfRange`].
pub async fn merged(db: &Db, site: Site, id: &ReportId, run: &Run) -> Result<Books, BooksError> {
    let mut books = Books::default();
    for segment in 0..run.segments {
        let mut range = Range::prefix(id.partition(), &part_prefix(run.revision, segment), PARTS_PAGE);
        loop {
            let (parts, next) = db.query::<Part>(site, &range, Read::Strong).await?;
            for part in parts {
                add_part(db, site, id, &mut books, part.d).await?;
            }
            range.after = next;
            if range.after.is_none() {
                break;
            }
        }
    }
    Ok(books)
}

async fn add_part(db: &Db, site: Site, id: &ReportId, books: &mut Books, part: Part) -> Result<(), BooksError> {
    books.accounts = books
        .accounts
        .checked_add(part.accounts)
        .ok_or(BooksError::OutOfRange)?;
    let vouchers = books.settlement.vouchers.checked_add(part.vouchers);
    books.settlement.vouchers = vouchers.ok_or(BooksError::OutOfRange)?;
    add_rows(books, &part.rows, part.pairs)?;
    for sk in part.more {
        let key = Key { pk: id.partition(), sk };
        let more: Option<Record<More>> = db.get(site, &key, Read::Strong).await?;
        let more = more.ok_or_else(|| StoreError::Unreadable {
            site,
            reason: "rows that a part leads to are missing".to_owned(),
        })?;
        add_rows(books, &more.d.rows, more.d.pairs)?;
    }
    Ok(())
}

fn add_rows(books: &mut Books, rows: &[(Origin, Row)], pairs: Vec<(Pair, Settled)>) -> Result<(), BooksError> {
    for (origin, row) in rows {
        books.liability.add_row(origin, row)?;
    }
    for (pair, settled) in pairs {
        books.settlement.add_pair(pair, settled)?;
    }
    let size = books.liability.rows.len().saturating_add(books.settlement.pairs.len());
    if size > ROWS_MAX {
        return Err(BooksError::TooManyRows);
    }
    Ok(())
}
