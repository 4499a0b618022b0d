//! Runs of campaigns as callers see them.

use store::Record;
use store::run::{Blocked, Blocking, Run, Stage};

use crate::api::campaigns::{CampaignRunBlocking, CampaignRunStage, CampaignRunView};

/// What the least RFMR score of the campaign saves. A sum that leaves the range is not shown.
fn saved(run: &Run) -> Option<i64> {
    run.campaign.rfmr_minimum?;
    let cost = run.campaign.letter_cost;
    let each = cost.printing_minor.checked_add(cost.postage_minor)?;
    run.chosen.as_ref()?.totals.saved_minor(each).ok()
}

/// How far a run is, as the API says it.
pub const fn stage(stage: Stage) -> CampaignRunStage {
    match stage {
        Stage::Choosing => CampaignRunStage::Choosing,
        Stage::Chosen => CampaignRunStage::Chosen,
        Stage::Issuing => CampaignRunStage::Issuing,
        Stage::Writing => CampaignRunStage::Writing,
        Stage::Written => CampaignRunStage::Written,
        Stage::Stopped => CampaignRunStage::Stopped,
    }
}

/// How far the vouchers of a stopped run are blocked: what is known of them, and how many shards are done.
pub fn blocking(blocking: &Blocking, (known, shards_done): (Blocked, u8)) -> CampaignRunBlocking {
    let Blocked {
        blocked,
        redeemed,
        voided,
        unblocked,
        erased,
        held,
    } = known;
    CampaignRunBlocking {
        asked_at: blocking.at,
        shards_done,
        shards: blocking.shards,
        blocked,
        redeemed,
        voided,
        unblocked,
        erased,
        held,
        done_at: blocking.done_at,
    }
}

/// A run as lists show it.
pub fn view(run: &Record<Run>) -> CampaignRunView {
    let stored = &run.d;
    CampaignRunView {
        run_id: stored.run.to_string(),
        revision: stored.revision,
        campaign: stored.campaign.id.clone(),
        edition: stored.edition,
        day: stored.day,
        stage: stage(stored.stage),
        stopped: stored.stopped.clone(),
        stop_reason: stored.stop_reason.as_ref().map(|reason| reason.as_str().to_owned()),
        blocking: stored.blocking.as_ref().and_then(|asked| {
            let result = asked.result?;
            Some(blocking(asked, (result, asked.shards)))
        }),
        currency: stored.currency.to_string(),
        budget_minor: stored.campaign.budget_minor,
        dry_run: stored.chosen.clone(),
        saved_by_rfmr_minor: saved(stored),
        difference: None,
        forecast: None,
        progress: None,
        written_at: stored.file.as_ref().map(|file| file.at),
        gaps: stored.file.as_ref().map(|file| file.gaps),
        shortened: stored.file.as_ref().map(|file| file.shortened),
        returned: None,
        acknowledgement_due_at: None,
        acknowledged_at: stored.acknowledged.as_ref().map(|acknowledged| acknowledged.at),
        begun_at: run.created_at,
    }
}
