//! Runs of campaigns as callers see them.

use store::Record;
use store::run::{Run, Stage};

use crate::api::campaigns::{CampaignRunStage, CampaignRunView};

/// A run as lists show it.
pub fn view(run: &Record<Run>) -> CampaignRunView {
    let stored = &run.d;
    CampaignRunView {
        run_id: stored.run.to_string(),
        revision: stored.revision,
        campaign: stored.campaign.id.clone(),
        edition: stored.edition,
        day: stored.day,
        stage: match stored.stage {
            Stage::Choosing => CampaignRunStage::Choosing,
            Stage::Chosen => CampaignRunStage::Chosen,
            Stage::Issuing => CampaignRunStage::Issuing,
            Stage::Writing => CampaignRunStage::Writing,
            Stage::Written => CampaignRunStage::Written,
            Stage::Stopped => CampaignRunStage::Stopped,
        },
        stopped: stored.stopped.clone(),
        stop_reason: stored.stop_reason.as_ref().map(|reason| reason.as_str().to_owned()),
        dry_run: stored.chosen.clone(),
        difference: None,
        progress: None,
        gaps: stored.file.as_ref().map(|file| file.gaps),
        shortened: stored.file.as_ref().map(|file| file.shortened),
        returned: None,
        acknowledgement_due_at: None,
        acknowledged_at: stored.acknowledged.as_ref().map(|acknowledged| acknowledged.at),
        begun_at: run.created_at,
    }
}
