//! What became of runs and campaigns (R5): counts as they are now, and revenue as it was measured last.

use std::collections::BTreeMap;

use ::campaign::{Group, Terms, effect, terms};
use chrono::{DateTime, NaiveDate, Utc};
use domain::calendar;
use domain::id::LocationId;
use domain::tally::{Counts, Tally};
use futures::stream::{self, StreamExt, TryStreamExt};
use http_edge::api::campaign_results::{
    BranchResults, CampaignResults, DayResults, GroupRevenue, Redeemed, ResultCost, ResultSums, RunResults, RunRevenue,
    Uplift,
};
use http_edge::api::campaigns::manifest;
use http_edge::{Caller, Code, Problem, Request, Response, Scope, page};
use lettershop::manifest::Acknowledgement;
use messages::CampaignMessage;
use serde::Deserialize;
use store::run::{self, Issued, Measured, Run, Stage};
use store::{Record, Site, returned_mail, tally};

use crate::App;
use http_edge::runs::stage;

use crate::runs::id;

/// Runs of a page of a campaign: a year of monthly ones.
const PAGE: i32 = 12;
/// Runs that are read at the same time.
const AT_ONCE: usize = 4;

/// A run's results with the counts that they are made of.
struct Read {
    results: RunResults,
    tally: Tally,
}

impl App {
    /// `GET /v1/runs/{run_id}/results`.
    pub(crate) async fn run_results(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsRead)?;
        let shown = shown(caller, request)?;
        let run = self.counted_run(caller, request).await?;
        let found = self.read_results(caller, &run, now).await?;
        Response::json(200, &with_places(found, &shown))
    }

    /// `GET /v1/campaigns/{campaign_id}/results`.
    pub(crate) async fn campaign_results(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsRead)?;
        let shown = shown(caller, request)?;
        let after = request
            .query::<String>("next")?
            .map(|token| page::position("next", &token).and_then(|key| page::sort_key("next", key)))
            .transpose()?;
        let campaign = self.stored(caller, request).await?.d.campaign;
        let (site, tenant) = (Site::CampaignsRuns, &caller.tenant);
        let (runs, next) = run::page(&self.db, site, tenant, Some(&campaign.id), after, PAGE).await?;
        let started = runs.into_iter().filter(|run| run.d.started_at.is_some());
        let read = stream::iter(started)
            .map(|run| async move {
                // What it gave before it was stopped is counted with the revision that made it on: their vouchers are the same.
                if self.is_made_on(caller, &run).await? {
                    return Ok(None);
                }
                self.read_results(caller, &run, now).await.map(Some)
            })
            .buffered(AT_ONCE);
        let found: Vec<Option<Read>> = read.try_collect().await?;
        let found: Vec<Read> = found.into_iter().flatten().collect();
        let (mut total, mut all) = (ResultSums::default(), Tally::new());
        for one in &found {
            total = plus(&total, &one.results.sums);
            domain::tally::add(&mut all, one.tally.iter().map(|(cell, counts)| (cell.clone(), *counts)));
        }
        let (by_branch, by_day) = places(&all, &shown);
        let answer = CampaignResults {
            campaign: campaign.id,
            total,
            by_branch,
            by_day,
            items: found.into_iter().map(|one| one.results).collect(),
            next: next.map(|key| page::token(&key)),
        };
        Response::json(200, &answer)
    }

    /// `POST /v1/runs/{run_id}/measurements`.
    pub(crate) async fn measure(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::CampaignsWrite)?;
        let run = self.counted_run(caller, request).await?;
        if run::measurable(&run, now).is_none() {
            let detail = "a run is measured once it is started and its vouchers are valid, and for as long as its members are kept";
            return Err(Problem::new(Code::CampaignState, detail));
        }
        let measure = CampaignMessage::Measure {
            tenant: caller.tenant.clone(),
            run: run.d.run.clone(),
            revision: run.d.revision,
            asked_at: now,
        };
        self.send(&[measure]).await?;
        let found = self.read_results(caller, &run, now).await?;
        Response::json(202, &with_places(found, &Shown { caller, store: None }))
    }

    /// The revision of the run of the path whose members have its vouchers: not one that is only tried since that was stopped.
    async fn counted_run(&self, caller: &Caller, request: &Request) -> Result<Record<Run>, Problem> {
        let latest = self.run(caller, request).await?;
        if latest.d.started_at.is_some() || latest.d.revision == 1 {
            return Ok(latest);
        }
        let (site, tenant) = (Site::CampaignsResults, &caller.tenant);
        let started = run::last_started(&self.db, site, tenant, &latest.d.run).await?;
        Ok(started.unwrap_or(latest))
    }

    /// Whether a run was stopped and a later revision of it was started. One that was not stopped is the last that is.
    async fn is_made_on(&self, caller: &Caller, run: &Record<Run>) -> Result<bool, Problem> {
        if run.d.stage != Stage::Stopped {
            return Ok(false);
        }
        let (site, tenant) = (Site::CampaignsResults, &caller.tenant);
        let started = run::last_started(&self.db, site, tenant, &run.d.run).await?;
        Ok(started.is_some_and(|started| started.d.revision > run.d.revision))
    }

    async fn read_results(&self, caller: &Caller, run: &Record<Run>, now: DateTime<Utc>) -> Result<Read, Problem> {
        let (site, id) = (Site::CampaignsResults, id(caller, run));
        let counts = tally::of_run(&self.db, site, &caller.tenant, &run.d.run);
        let measuring = run::measuring(&self.db, site, &id);
        let returned = returned_mail::of_run(&self.db, site, &id);
        let (counts, measuring, returned) = futures::try_join!(counts, measuring, returned)?;
        let ((tally, counted), (returned, all_returned)) = (counts, returned);
        let issued = match run.d.issued {
            Some(issued) => issued,
            // Under way, or stopped before all were given.
            None if run.d.started_at.is_some() => run::shards_work(&self.db, site, &id).await?.0,
            None => Issued::default(),
        };
        let today = calendar::business_day(now, run.d.zone);
        let terms = of_terms(run);
        let mut sums = sums(
            run,
            issued,
            &tally,
            terms.as_ref().is_none_or(|terms| today > terms.valid_until),
        )?;
        sums.returned = returned.values().sum();
        let at_work = measuring.as_ref().is_some_and(|measuring| measuring.d.at_work);
        let last = measuring.and_then(|measuring| measuring.d.last);
        let results = RunResults {
            run_id: run.d.run.to_string(),
            revision: run.d.revision,
            campaign: run.d.campaign.id.clone(),
            day: run.d.day,
            stage: stage(run.d.stage),
            currency: run.d.currency.as_str().to_owned(),
            valid_from: terms.as_ref().map(|terms| terms.valid_from),
            valid_until: terms.as_ref().map(|terms| terms.valid_until),
            sums,
            by_branch: Vec::new(),
            by_day: Vec::new(),
            complete: counted && all_returned,
            revenue: last.as_ref().map(revenue).transpose()?,
            measuring: at_work,
        };
        Ok(Read { results, tally })
    }
}

/// The terms of a run's vouchers; `None` when they would be over before the run.
fn of_terms(run: &Record<Run>) -> Option<Terms> {
    terms(&run.d.campaign, run.d.day).ok()
}

fn out_of_range() -> Problem {
    Problem::new(Code::Internal, "the results of a run leave the range of the books")
}

/// What stands of redemptions, and what was taken back of them.
fn of(counts: Counts) -> (Redeemed, Redeemed) {
    let reversed = Redeemed {
        vouchers: counts.reversed,
        value_minor: counts.reversed_minor,
    };
    let redeemed = Redeemed {
        vouchers: counts.redeemed.saturating_sub(counts.reversed),
        value_minor: counts.redeemed_minor.saturating_sub(counts.reversed_minor),
    };
    (redeemed, reversed)
}

/// The counts of a run, letters that came back aside.
fn sums(run: &Record<Run>, issued: Issued, tally: &Tally, over: bool) -> Result<ResultSums, Problem> {
    let all = tally.values().fold(Counts::default(), |sum, counts| sum.plus(*counts));
    let (redeemed, reversed) = of(all);
    let gone = all.spent.saturating_add(all.voided);
    let usable = |gone: i64| issued.vouchers.saturating_sub(u64::try_from(gone).unwrap_or_default());
    // One that is stopped cannot be redeemed, and is over with the others.
    let (open, expired) = if over {
        (0, usable(gone))
    } else {
        (usable(gone.saturating_add(all.blocked)), 0)
    };
    let (printed, planted) = printed(run)?;
    let chosen = run.d.chosen.as_ref().map(|chosen| &chosen.totals);
    let (letters, control) = chosen.map_or((0, 0), |totals| (totals.letters, totals.control));
    Ok(ResultSums {
        chosen: letters.saturating_add(control),
        letters,
        control,
        kept_back: issued.kept_back,
        issued: issued.vouchers,
        printed,
        planted,
        sent: sent(run)?,
        returned: 0,
        redeemed,
        reversed,
        voided: all.voided,
        blocked: all.blocked,
        open,
        expired,
        cost: cost(run, printed, redeemed.value_minor).ok_or_else(out_of_range)?,
    })
}

/// Rows of the printer's file, and those among them that go to planted addresses.
fn printed(run: &Record<Run>) -> Result<(u64, u64), Problem> {
    let Some(file) = &run.d.file else { return Ok((0, 0)) };
    let unreadable = |_| Problem::new(Code::Internal, "the manifest of the run cannot be read");
    let totals = manifest(&file.manifest).map_err(unreadable)?.totals;
    Ok((totals.all.rows, totals.control.rows))
}

/// Letters that the printer has confirmed.
fn sent(run: &Record<Run>) -> Result<u64, Problem> {
    let Some(acknowledged) = &run.d.acknowledged else {
        return Ok(0);
    };
    let unreadable = |_| Problem::new(Code::Internal, "the acknowledgement of the run cannot be read");
    let said = Acknowledgement::deserialize(&acknowledged.document).map_err(unreadable)?;
    let rejected = u64::try_from(said.rejected.len()).unwrap_or(u64::MAX);
    Ok(said.rows.saturating_sub(rejected))
}

fn cost(run: &Record<Run>, printed: u64, redeemed_minor: i64) -> Option<ResultCost> {
    let letters = i64::try_from(printed).ok()?;
    let each = run.d.campaign.letter_cost;
    let printing_minor = each.printing_minor.checked_mul(letters)?;
    let postage_minor = each.postage_minor.checked_mul(letters)?;
    Some(ResultCost {
        printing_minor,
        postage_minor,
        redeemed_minor,
        total_minor: printing_minor.checked_add(postage_minor)?.checked_add(redeemed_minor)?,
    })
}

/// Whose redemptions are shown by location and day: those of the locations that the caller speaks for, or of one of them.
struct Shown<'a> {
    caller: &'a Caller,
    store: Option<LocationId>,
}

impl Shown<'_> {
    fn has(&self, location: &LocationId) -> bool {
        self.store.as_ref().is_none_or(|store| store == location) && self.caller.at(location).is_ok()
    }
}

fn shown<'a>(caller: &'a Caller, request: &Request) -> Result<Shown<'a>, Problem> {
    let store = request.query::<LocationId>("store")?;
    store.as_ref().map_or(Ok(()), |store| caller.at(store))?;
    Ok(Shown { caller, store })
}

fn with_places(found: Read, shown: &Shown<'_>) -> RunResults {
    let (by_branch, by_day) = places(&found.tally, shown);
    RunResults {
        by_branch,
        by_day,
        ..found.results
    }
}

/// Redemptions by location and by day, of the locations that are shown.
fn places(tally: &Tally, shown: &Shown<'_>) -> (Vec<BranchResults>, Vec<DayResults>) {
    let mut branches: BTreeMap<LocationId, Counts> = BTreeMap::new();
    let mut days: BTreeMap<NaiveDate, Counts> = BTreeMap::new();
    for (cell, counts) in tally {
        let (Some(at), Some(day)) = (&cell.store, cell.day) else {
            continue;
        };
        if !shown.has(at) || counts.redeemed == 0 {
            continue;
        }
        let branch = branches.entry(at.clone()).or_default();
        *branch = branch.plus(*counts);
        let of_day = days.entry(day).or_default();
        *of_day = of_day.plus(*counts);
    }
    let by_branch = branches.into_iter().map(|(store, counts)| {
        let (redeemed, reversed) = of(counts);
        BranchResults {
            store: store.to_string(),
            redeemed,
            reversed,
        }
    });
    let by_day = days.into_iter().map(|(day, counts)| {
        let (redeemed, reversed) = of(counts);
        DayResults {
            day,
            redeemed,
            reversed,
        }
    });
    (by_branch.collect(), by_day.collect())
}

fn revenue(measured: &Measured) -> Result<RunRevenue, Problem> {
    let found = effect(&measured.letters, &measured.control).map_err(|_| out_of_range())?;
    let group = |group: &Group| GroupRevenue {
        members: group.members,
        buyers: group.buyers,
        revenue_minor: group.revenue_minor,
        per_head_minor: group.per_head_minor(),
    };
    Ok(RunRevenue {
        as_of: measured.asked_at,
        from: measured.from,
        through: measured.through,
        letters: group(&measured.letters),
        control: group(&measured.control),
        uplift: found.map(|found| Uplift {
            per_head_minor: found.per_head_minor,
            least_per_head_minor: found.interval_minor.map(|(least, _)| least),
            most_per_head_minor: found.interval_minor.map(|(_, most)| most),
            revenue_minor: found.revenue_minor,
            certainty: found.certainty,
        }),
    })
}

/// The sums of both.
const fn plus(one: &ResultSums, other: &ResultSums) -> ResultSums {
    ResultSums {
        chosen: one.chosen.saturating_add(other.chosen),
        letters: one.letters.saturating_add(other.letters),
        control: one.control.saturating_add(other.control),
        kept_back: one.kept_back.saturating_add(other.kept_back),
        issued: one.issued.saturating_add(other.issued),
        printed: one.printed.saturating_add(other.printed),
        planted: one.planted.saturating_add(other.planted),
        sent: one.sent.saturating_add(other.sent),
        returned: one.returned.saturating_add(other.returned),
        redeemed: both(one.redeemed, other.redeemed),
        reversed: both(one.reversed, other.reversed),
        voided: one.voided.saturating_add(other.voided),
        blocked: one.blocked.saturating_add(other.blocked),
        open: one.open.saturating_add(other.open),
        expired: one.expired.saturating_add(other.expired),
        cost: ResultCost {
            printing_minor: one.cost.printing_minor.saturating_add(other.cost.printing_minor),
            postage_minor: one.cost.postage_minor.saturating_add(other.cost.postage_minor),
            redeemed_minor: one.cost.redeemed_minor.saturating_add(other.cost.redeemed_minor),
            total_minor: one.cost.total_minor.saturating_add(other.cost.total_minor),
        },
    }
}

const fn both(one: Redeemed, other: Redeemed) -> Redeemed {
    Redeemed {
        vouchers: one.vouchers.saturating_add(other.vouchers),
        value_minor: one.value_minor.saturating_add(other.value_minor),
    }
}
