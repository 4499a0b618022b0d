//! What is to be expected of a run that is only tried yet, by what became of earlier ones (X6).

use ::campaign::{PERMILLE_MAX, Validity, VoucherTemplate, Worth, terms};
use chrono::{DateTime, Utc};
use domain::calendar;
use domain::tally::Counts;
use http_edge::api::campaign_results::RunForecast;
use http_edge::{Caller, Problem};
use store::run::{self, Run};
use store::{Record, Site, tally};

use crate::App;

/// Earlier runs that are looked at.
const RUNS_MAX: usize = 10;
/// Runs, with choices that were tried only, among which they are looked for.
const AMONG: i32 = 50;

/// What became of an earlier run.
struct Earlier {
    name: String,
    issued: u64,
    redeemed: u64,
    redeemed_minor: i64,
    over: bool,
}

impl App {
    /// What is to be expected of a run whose members are chosen; `None` where no earlier run of the campaign gave any voucher.
    pub(crate) async fn forecast(
        &self,
        caller: &Caller,
        run: &Record<Run>,
        now: DateTime<Utc>,
    ) -> Result<Option<RunForecast>, Problem> {
        let Some(chosen) = &run.d.chosen else { return Ok(None) };
        let mut earlier = self.earlier(caller, run, behind(run, now), now).await?;
        earlier.retain(|earlier| earlier.over);
        if earlier.is_empty() {
            // None is over: the last one tells at least something.
            earlier = self.earlier(caller, run, None, now).await?;
            earlier.truncate(1);
        }
        let Some(last) = earlier.first() else { return Ok(None) };
        let (issued, redeemed) = earlier.iter().fold((0u64, 0u64), |(issued, redeemed), one| {
            (issued.saturating_add(one.issued), redeemed.saturating_add(one.redeemed))
        });
        let redeemed_permille = permille(redeemed, issued);
        let consideration = run.d.campaign.voucher.consideration;
        let forecast = chosen.totals.forecast(redeemed_permille, consideration);
        Ok(Some(RunForecast {
            redeemed_permille,
            over: earlier.iter().all(|earlier| earlier.over),
            expected_redemption_minor: forecast.expected_redemption_minor,
            liability_minor: forecast.liability_minor,
            since_last_minor: forecast.expected_redemption_minor.saturating_sub(last.redeemed_minor),
            runs: earlier.into_iter().map(|earlier| earlier.name).collect(),
        }))
    }

    /// Runs before this one that gave vouchers, the last first; those whose names sort before `behind` only.
    async fn earlier(
        &self,
        caller: &Caller,
        run: &Record<Run>,
        behind: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Earlier>, Problem> {
        let after = behind
            .filter(|behind| *behind < run.sk)
            .unwrap_or_else(|| run.sk.clone());
        let (site, tenant) = (Site::CampaignsRuns, &caller.tenant);
        let of = Some(&*run.d.campaign.id);
        let (before, _) = run::page(&self.db, site, tenant, of, Some(after), AMONG).await?;
        let mut found = Vec::new();
        let gave = |other: &&Record<Run>| other.d.run != run.d.run && other.d.issued.is_some();
        for other in before.iter().filter(gave).take(RUNS_MAX) {
            let (tally, _) = tally::of_run(&self.db, Site::CampaignsResults, tenant, &other.d.run).await?;
            let all = tally.values().fold(Counts::default(), |sum, counts| sum.plus(*counts));
            let today = calendar::business_day(now, other.d.zone);
            found.push(Earlier {
                name: other.d.run.to_string(),
                issued: other.d.issued.map_or(0, |issued| issued.vouchers),
                redeemed: redeemed(&other.d.campaign.voucher, &all),
                redeemed_minor: all.redeemed_minor.saturating_sub(all.reversed_minor),
                over: terms(&other.d.campaign, other.d.day).is_ok_and(|terms| terms.valid_until < today),
            });
        }
        found.retain(|earlier| earlier.issued > 0);
        Ok(found)
    }
}

/// Behind which sort key runs whose vouchers are over by now begin, where their validity is counted from their day. A daily
/// campaign has many runs before that.
fn behind(run: &Record<Run>, now: DateTime<Utc>) -> Option<String> {
    let Validity::Days { after_start, days } = run.d.campaign.voucher.validity else {
        return None;
    };
    let today = calendar::business_day(now, run.d.zone);
    let day = calendar::minus_days(today, after_start.saturating_add(days).saturating_sub(1));
    // Behind every revision of that day or month.
    Some(format!("{}#9999", run.d.campaign.run_id(day)))
}

/// How many vouchers were redeemed; of those that are spent in parts, how many whole ones the parts come to, rounded up.
fn redeemed(template: &VoucherTemplate, all: &Counts) -> u64 {
    let whole = match template.worth {
        Worth::Amount { value_minor } if template.partial => value_minor,
        _ => return u64::try_from(all.spent).unwrap_or_default(),
    };
    let parts = u64::try_from(all.redeemed_minor.saturating_sub(all.reversed_minor)).unwrap_or_default();
    parts.div_ceil(u64::try_from(whole).unwrap_or_default().max(1))
}

/// Thousandths of the vouchers, rounded up.
fn permille(redeemed: u64, issued: u64) -> u32 {
    let thousandths = redeemed.saturating_mul(u64::from(PERMILLE_MAX)).div_ceil(issued.max(1));
    u32::try_from(thousandths).unwrap_or(PERMILLE_MAX).min(PERMILLE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x6_the_share_of_earlier_vouchers_is_rounded_up_and_at_most_all() {
        let cases = [
            (0, 0, 0),
            (0, 9, 0),
            (1, 3, 334),
            (1, 2, 500),
            (3, 3, 1_000),
            (4, 3, 1_000),
        ];
        for (redeemed, issued, expected) in cases {
            assert_eq!(permille(redeemed, issued), expected, "{redeemed} of {issued}");
        }
    }
}
