//! Why an entry of the ledger has its points (X4): counted again from what is stored, under the version that it names.

use std::sync::Arc;

use domain::account::{Cause, Entry};
use domain::earning::{self, Circumstances, Earning};
use domain::id::{PartyId, ProgrammeId};
use domain::money::OutOfRange;
use domain::programme::Programme;
use domain::receipt::{Receipt, ReceiptKey};
use http_edge::api::customers::{CircumstancesView, Counted, ExplainAnswer, Explanation, RoundingView};
use http_edge::api::purchases::Expected;
use http_edge::{Code, Problem, Request, Response, Scope, page};
use store::Site;
use store::account::{self, AccountId};
use store::db::Read;
use store::history::{self, HistoryError, Sites, TakingBack};
use store::receipt::{self, StoredReceipt};
use store::returned;

use crate::App;
use crate::points::{entry_name, point_entry};

fn missing(what: &str) -> Problem {
    Problem::new(Code::Internal, format!("{what} of the entry is not in the table"))
}

const SITES: Sites = Sites {
    entries: Site::PartyLedger,
    returns: Site::PartyReceipt,
};

fn told(error: HistoryError) -> Problem {
    match error {
        HistoryError::Store(error) => error.into(),
        HistoryError::OutOfRange(error) => out_of_range(error),
        HistoryError::NoReturn => missing("a return"),
    }
}

fn out_of_range(_: OutOfRange) -> Problem {
    Problem::new(Code::Internal, "the stored amounts leave the range of the books")
}

impl App {
    /// `GET /v1/parties/{party_id}/points/{entry_id}`.
    pub(crate) async fn explain_points(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let id = AccountId {
            tenant: caller.tenant.clone(),
            party: request.path::<PartyId>("party_id")?,
            programme: request.required_query::<ProgrammeId>("programme")?,
        };
        let token: String = request.path("entry_id")?;
        let name = entry_name("entry_id", page::position("entry_id", &token)?)?;
        let found = account::entries(&self.db, Site::PartyLedger, &id, &[name]).await?;
        let record = found.into_iter().next().ok_or_else(|| {
            let detail = "the account has no such entry: take the id from its points";
            Problem::new(Code::NotFound, detail)
        })?;
        let programme = self.version(&id, record.d.programme_version).await?;
        let explanation = self.explanation(&id, &record.d, &programme).await?;
        let answer = ExplainAnswer {
            reproduced: explanation.1,
            entry: point_entry(record, programme.currency),
            explanation: explanation.0,
        };
        Response::json(200, &answer)
    }

    async fn version(&self, id: &AccountId, version: u32) -> Result<Arc<Programme>, Problem> {
        let site = Site::CustomerProgramme;
        let found = self
            .programmes
            .version(&self.db, site, &id.tenant, &id.programme, version);
        found.await?.ok_or_else(|| missing("the programme's version"))
    }

    /// The explanation, and whether it comes to the same points as the entry.
    async fn explanation(
        &self,
        id: &AccountId,
        entry: &Entry,
        programme: &Programme,
    ) -> Result<(Explanation, bool), Problem> {
        match &entry.cause {
            Cause::Receipt { receipt, .. } => {
                let stored = self.sold(id, receipt).await?;
                let counted = Counting::of(&stored.receipt, programme, &stored.counted_with(entry))?;
                let same = counted.earning.points == entry.points;
                Ok((
                    Explanation::Receipt {
                        counted: counted.view(programme),
                    },
                    same,
                ))
            }
            Cause::Return {
                receipt,
                original: Some(original),
                void,
                ..
            } => {
                let name = if *void { None } else { Some(receipt) };
                self.returned(id, entry, original, name, programme).await
            }
            Cause::Return {
                receipt,
                original: None,
                ..
            } => self.unnamed(id, entry, receipt, programme).await,
            Cause::Recalculation { receipt, day_left, .. } => {
                self.recounted(id, entry, receipt, *day_left, programme).await
            }
            cause => Ok(plain(entry, cause)),
        }
    }

    async fn sold(&self, id: &AccountId, key: &ReceiptKey) -> Result<StoredReceipt, Problem> {
        let found = receipt::read(&self.db, Site::PartyReceipt, &id.tenant, key, Read::Strong).await?;
        Ok(found.ok_or_else(|| missing("the receipt"))?.d)
    }

    /// What remained of the receipt before and after a return, or a voiding when it has no name of its own.
    async fn returned(
        &self,
        id: &AccountId,
        entry: &Entry,
        original: &ReceiptKey,
        name: Option<&ReceiptKey>,
        programme: &Programme,
    ) -> Result<(Explanation, bool), Problem> {
        let stored = self.sold(id, original).await?;
        let history = history::read(&self.db, SITES, id, &stored, Some(entry.version)).await;
        let history = history
            .map_err(told)?
            .ok_or_else(|| missing("the receipt's own entry"))?;
        let known = &history.known;
        let taking = match name {
            None => TakingBack::Void,
            Some(name) => {
                let back = returned::read(&self.db, Site::PartyReceipt, &id.tenant, name).await?;
                TakingBack::Return(Box::new(back.ok_or_else(|| missing("the return"))?.d))
            }
        };
        let remaining = taking.off(&history.remaining).map_err(out_of_range)?.remaining;
        let before = Counting::of(&history.remaining.receipt, programme, known)?;
        let after = Counting::of(&remaining.receipt, programme, known)?;
        let same = reproduces(entry, history.points, after.earning.points);
        let explanation = Explanation::Return {
            before: before.view(programme),
            after: Some(after.view(programme)),
        };
        Ok((explanation, same))
    }

    /// What a receipt was worth before it was counted again, and what it was after it.
    async fn recounted(
        &self,
        id: &AccountId,
        entry: &Entry,
        receipt: &ReceiptKey,
        day_left: Option<i64>,
        programme: &Programme,
    ) -> Result<(Explanation, bool), Problem> {
        let stored = self.sold(id, receipt).await?;
        let history = history::read(&self.db, SITES, id, &stored, Some(entry.version)).await;
        let history = history
            .map_err(told)?
            .ok_or_else(|| missing("the receipt's own entry"))?;
        let was = self.version(id, history.programme_version).await?;
        let left = &history.remaining.receipt;
        let before = Counting::of(left, &was, &history.known)?;
        let mut known = history.known.clone();
        known.day_left = day_left;
        let after = Counting::of(left, programme, &known)?;
        let same = reproduces(entry, history.points, after.earning.points);
        let explanation = Explanation::Recalculation {
            before: before.view(&was),
            after: after.view(programme),
        };
        Ok((explanation, same))
    }

    /// Goods without their receipt: their points at the base rate.
    async fn unnamed(
        &self,
        id: &AccountId,
        entry: &Entry,
        receipt: &ReceiptKey,
        programme: &Programme,
    ) -> Result<(Explanation, bool), Problem> {
        let back = returned::read(&self.db, Site::PartyReceipt, &id.tenant, receipt).await?;
        let back = back.ok_or_else(|| missing("the return"))?.d;
        let sold = back.back.as_sold();
        let known = back.circumstances();
        let earning = earning::earn_simple(&sold, programme, &known).map_err(out_of_range)?;
        let counted = Counting { earning, known };
        let same = reproduces(entry, counted.earning.points, 0);
        let explanation = Explanation::Return {
            before: counted.view(programme),
            after: None,
        };
        Ok((explanation, same))
    }
}

/// A receipt, or what remains of one, counted again.
struct Counting {
    earning: Earning,
    known: Circumstances,
}

impl Counting {
    fn of(receipt: &Receipt, programme: &Programme, known: &Circumstances) -> Result<Self, Problem> {
        Ok(Self {
            earning: earning::earn(receipt, programme, known).map_err(out_of_range)?,
            known: known.clone(),
        })
    }

    fn view(&self, programme: &Programme) -> Box<Counted> {
        let earning = &self.earning;
        let customer = self.known.customer.as_ref();
        Box::new(Counted {
            points: Expected::of(earning, programme),
            points_of_rate: programme.earning.points,
            per_minor: programme.earning.per_minor,
            basis: programme.basis,
            rounding: RoundingView {
                numerator: earning.rounding.numerator.to_string(),
                denominator: earning.rounding.denominator.to_string(),
                floor: earning.base_points,
            },
            not_evaluated: earning.not_evaluated.clone(),
            circumstances: CircumstancesView {
                channel: self.known.channel,
                first_purchase: customer.is_some_and(|customer| customer.first_purchase),
                segments: customer.map(|customer| customer.segments.clone()).unwrap_or_default(),
                day_left: self.known.day_left,
            },
        })
    }
}

/// Whether the entry of a return or a recount follows from the points before and after, the policy and what was forgiven.
fn reproduces(entry: &Entry, before: i64, after: i64) -> bool {
    let (points_before, points_after, forgiven, uncollected) = match entry.cause {
        Cause::Return {
            points_before,
            points_after,
            forgiven,
            uncollected,
            ..
        } => (points_before, points_after, forgiven, uncollected),
        Cause::Recalculation {
            points_before,
            points_after,
            forgiven,
            ..
        } => (points_before, points_after, forgiven, 0),
        _ => return false,
    };
    let taken = i128::from(after) - i128::from(before) + i128::from(forgiven) + i128::from(uncollected);
    (points_before, points_after) == (before, after) && i128::from(entry.points) == taken
}

/// Entries whose cause says everything: what they must come to.
fn plain(entry: &Entry, cause: &Cause) -> (Explanation, bool) {
    let expected = match cause {
        Cause::VoucherIssue {
            count,
            threshold_points,
            ..
        } => Some(-(i128::from(*count) * i128::from(*threshold_points))),
        Cause::Activation => Some(0),
        Cause::Expiry { .. } => Some(entry.lots.iter().map(|change| i128::from(change.points)).sum()),
        // What somebody asked for stands in the request that the cause names.
        Cause::VoucherVoid { .. }
        | Cause::Correction { .. }
        | Cause::Transfer { .. }
        | Cause::Receipt { .. }
        | Cause::Return { .. }
        | Cause::Recalculation { .. } => None,
    };
    let same = expected.is_none_or(|expected| expected == i128::from(entry.points));
    (Explanation::Cause, same)
}
