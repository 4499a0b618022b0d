//! Finance's books of a month are computed again from the table and compared with the report that stands.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest::{SHA256, digest};
use chrono_tz::Tz;
use domain::id::ProgrammeId;
use domain::liability::{Companies, Month, Row, companies_csv, liability_csv, settlement_csv};
use domain::money::Money;
use futures::future::try_join_all;
use serde::Serialize;
use store::finance::{self, Books, BooksError, Bounds, ReportId, Run, RunResult, Scope, Sites};
use store::scan::Segment;
use store::{Site, location, programme};

use super::{System, Walk};

/// Segments walked through at the same time, as for the other tools.
const SEGMENTS: i32 = 4;
/// Rows named at most when they differ.
const ROWS_NAMED_MAX: usize = 20;

/// Figures of a month, computed or stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Accounts that had entries up to the end of the month.
    pub accounts: u64,
    /// Rows of the roll-forward.
    pub rows: u64,
    /// Sums of its columns, in points.
    pub total: BTreeMap<&'static str, i64>,
    /// Redeemed vouchers.
    pub vouchers: u64,
    /// Their face values, by currency.
    pub redeemed: Vec<Money>,
    /// SHA-256 of the files, by name; without the manifest.
    pub sha256: BTreeMap<String, String>,
}

/// A month of a programme, computed again and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The programme.
    pub programme: ProgrammeId,
    /// The month.
    pub month: Month,
    /// The last revision; `None` when there is no report.
    pub revision: Option<u32>,
    /// What the table says now.
    pub computed: Figures,
    /// What the report says; `None` as long as it is not done.
    pub stored: Option<Figures>,
    /// What differs, for people; empty when everything agrees.
    pub differences: Vec<String>,
}

/// The programmes of the tenant.
///
/// # Errors
/// [`BooksError::Store`].
pub async fn programmes(system: &System) -> Result<Vec<ProgrammeId>, BooksError> {
    let all = programme::list(&system.db, Site::ToolRead).await?;
    let own = all.into_iter().filter(|(tenant, _)| *tenant == system.tenant);
    Ok(own.map(|(_, programme)| programme).collect())
}

/// The zone of a programme; `None` when there is no such programme.
///
/// # Errors
/// [`BooksError::Store`].
pub async fn zone(system: &System, programme: &ProgrammeId) -> Result<Option<Tz>, BooksError> {
    let current = programme::read_current(&system.db, Site::ToolRead, &system.tenant, programme).await?;
    Ok(current.map(|record| record.d.programme.zone))
}

/// Computes a month from the ledger and compares it with the last revision of its report. `zone` decides what day it is as long
/// as there is no report.
///
/// # Errors
/// [`BooksError`] when the books cannot be read, or do not fold.
pub async fn compare(system: &System, programme: &ProgrammeId, month: Month, zone: Tz) -> Result<Compared, BooksError> {
    let id = ReportId {
        tenant: system.tenant.clone(),
        programme: programme.clone(),
        month,
    };
    let run = finance::latest(&system.db, Site::ToolRead, &id).await?.map(|run| run.d);
    let books = compute(system, &id, run.as_ref().map_or(zone, |run| run.zone)).await?;
    let companies = match &run {
        Some(run) => run.companies.clone(),
        None => location::companies(&system.db, Site::ToolRead, &system.tenant).await?,
    };
    let mut computed = figures(month, &books, &companies)?;
    let stored = run.as_ref().and_then(|run| run.result.as_ref()).map(of_result);
    if let Some(stored) = &stored {
        // Reports of before a file was added do not have it.
        computed.sha256.retain(|name, _| stored.sha256.contains_key(name));
    }
    let differences = match (&run, &stored) {
        (None, _) => vec!["there is no report of this month".to_owned()],
        (Some(run), None) => vec![format!("revision {} is not done yet", run.revision)],
        (Some(run), Some(stored)) if *stored != computed => {
            let mut found = differing(stored, &computed);
            found.extend(differing_rows(system, &id, run, &books).await?);
            found
        }
        _ => Vec::new(),
    };
    Ok(Compared {
        programme: programme.clone(),
        month,
        revision: run.map(|run| run.revision),
        computed,
        stored,
        differences,
    })
}

async fn compute(system: &System, id: &ReportId, zone: Tz) -> Result<Books, BooksError> {
    let of = match system.walk {
        Walk::Whole => 1,
        Walk::Segments => SEGMENTS,
    };
    let parts = try_join_all((0..of).map(|index| async move {
        let scope = Scope {
            id: id.clone(),
            zone,
            segment: Segment { index, of },
            sites: Sites {
                scan: Site::ToolRead,
                ledger: Site::ToolRead,
            },
        };
        let bounds = Bounds {
            after: None,
            stop: &|_| false,
        };
        finance::walk(&system.db, &scope, bounds).await.map(|(books, _)| books)
    }))
    .await?;
    let mut books = Books::default();
    for part in parts {
        books.accounts = books.accounts.saturating_add(part.accounts);
        books.liability.add(&part.liability)?;
        books.settlement.add(&part.settlement)?;
    }
    Ok(books)
}

fn figures(month: Month, books: &Books, companies: &Companies) -> Result<Figures, BooksError> {
    let files = [
        ("liability.csv", liability_csv(month, &books.liability)?),
        ("settlement.csv", settlement_csv(month, &books.settlement, companies)),
        ("companies.csv", companies_csv(month, &books.settlement, companies)?),
    ];
    let hash = |text: &str| {
        let hash = digest(&SHA256, text.as_bytes());
        hash.as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let values = books.settlement.values()?;
    Ok(Figures {
        accounts: books.accounts,
        rows: u64::try_from(books.liability.rows.len()).unwrap_or(u64::MAX),
        total: columns(&books.liability.total()?),
        vouchers: books.settlement.vouchers,
        redeemed: values
            .into_iter()
            .map(|(currency, value)| Money::new(value, currency))
            .collect(),
        sha256: files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), hash(text)))
            .collect(),
    })
}

fn of_result(result: &RunResult) -> Figures {
    let files = result.files.iter().filter(|file| file.name != "manifest.json");
    Figures {
        accounts: result.accounts,
        rows: result.rows,
        total: columns(&result.total),
        vouchers: result.vouchers,
        redeemed: result.redeemed.clone(),
        sha256: files.map(|file| (file.name.clone(), file.sha256.clone())).collect(),
    }
}

fn columns(row: &Row) -> BTreeMap<&'static str, i64> {
    row.columns().into_iter().collect()
}

fn differing(stored: &Figures, computed: &Figures) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, stored: String, computed: String| {
        if stored != computed {
            found.push(format!("{what}: the report says {stored}, the table says {computed}"));
        }
    };
    compare("accounts", stored.accounts.to_string(), computed.accounts.to_string());
    compare("rows", stored.rows.to_string(), computed.rows.to_string());
    for (column, points) in &computed.total {
        let stored = stored.total.get(column).copied().unwrap_or(0);
        compare(column, stored.to_string(), points.to_string());
    }
    compare("vouchers", stored.vouchers.to_string(), computed.vouchers.to_string());
    let money = |all: &[Money]| all.iter().map(Money::to_string).collect::<Vec<_>>().join(", ");
    compare("redeemed", money(&stored.redeemed), money(&computed.redeemed));
    for (name, hash) in &computed.sha256 {
        let stored = stored.sha256.get(name).cloned().unwrap_or_default();
        compare(&format!("SHA-256 of {name}"), stored, hash.clone());
    }
    found
}

/// The rows that differ from the partial sums of the run, as long as the table keeps those.
async fn differing_rows(system: &System, id: &ReportId, run: &Run, books: &Books) -> Result<Vec<String>, BooksError> {
    let stored = finance::merged(&system.db, Site::ToolRead, id, run).await?;
    if stored == Books::default() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let (stored, computed) = (&stored.liability.rows, &books.liability.rows);
    let origins: BTreeSet<_> = stored.keys().chain(computed.keys()).collect();
    for origin in origins
        .into_iter()
        .filter(|origin| stored.get(origin) != computed.get(origin))
    {
        let branch = origin.branch.as_ref().map_or("-", |branch| branch.as_str());
        let rate = origin
            .vat_rate_bp
            .map_or_else(|| "-".to_owned(), |rate| rate.to_string());
        let closing = |rows: &BTreeMap<_, Row>| rows.get(origin).map_or(0, |row| row.closing);
        found.push(format!(
            "row {} {rate} {branch}: closing {} in the report, {} in the table",
            origin.month,
            closing(stored),
            closing(computed)
        ));
        if found.len() == ROWS_NAMED_MAX {
            found.push("… and perhaps more rows".to_owned());
            break;
        }
    }
    Ok(found)
}
