//! Calls of campaigns and their runs.

use serde_json::{Value, json};

use super::campaign_results::{measure, of_campaign, of_one_run};
use super::operation::{Answer, Body, Operation, Parameter, optional, path};
use crate::api::campaigns::{
    ApproveRequest, CampaignContext, CampaignPage, CampaignRequest, CampaignRunPage, CampaignRunView, CampaignView,
    DryRunRequest, MemberView, StopRequest,
};
use crate::problem::Code;

pub(super) const CAMPAIGNS: &str = "Campaigns";
const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";
pub(super) const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        list(),
        context(),
        show(),
        put(),
        dry_run(),
        approve(),
        start(),
        close(),
        of_campaign(),
        runs(),
        run(),
        stop(),
        of_one_run(),
        measure(),
        member(),
    ]
}

pub(super) fn which() -> Parameter {
    path(
        "campaign_id",
        "The campaign: 1 to 40 characters from a-z, 0-9 and `-`.",
        "bonus-2026",
    )
}

pub(super) fn which_run() -> Parameter {
    path(
        "run_id",
        "The run: the campaign, `~`, and the period; its last choice of members.",
        "bonus-2026~2026-12",
    )
}

fn campaign() -> Value {
    json!({
        "id": "bonus-2026", "name": "Bonus vouchers", "programme": "treue", "kind": {"type": "bonus"},
        "segment": "activity.revenue_minor_3m >= 10000 && party.country == \"CH\"",
        "voucher": {
            "worth": {"type": "amount", "value_minor": 1_000}, "min_basket_minor": 5_000,
            "validity": {"type": "days", "after_start": 10, "days": 60}, "bearer": "bearer", "consideration": "free",
            "vat_kind": "value", "per_member": 1,
        },
        "texts": {"de": "{salutation}, dieser Gutschein ist {value} wert und gilt bis {valid_until}."},
        "letter_variant": "bonus-a", "budget_minor": 50_000_000, "control_per_cent": 5, "one_per_household": false,
        "needs_acknowledgement": true, "letter_cost": {"printing_minor": 22, "postage_minor": 53},
        "schedule": {"type": "monthly", "day": 1},
    })
}

fn view(edition: u64, status: &Value) -> Value {
    json!({
        "edition": edition, "campaign": campaign(),
        "standing": {"author": "olga@example.ch", "last_editor": "olga@example.ch", "status": status},
        "created_at": "2026-11-24T09:00:00Z", "updated_at": "2026-11-24T09:00:00Z",
    })
}

fn sums() -> Value {
    json!({
        "totals": {
            "members": 200_000, "out": {"not_in_segment": 150_000, "no_address": 1_200, "letter_objected": 800}, "control": 2_400,
            "letters": 45_600, "vouchers": 45_600, "unlimited_vouchers": 0, "face_value_minor": 45_600_000,
            "printing_minor": 1_003_200, "postage_minor": 2_416_800,
        },
        "digest": DIGEST,
    })
}

pub(super) fn chosen() -> Value {
    json!({
        "run_id": "bonus-2026~2026-12", "revision": 1, "campaign": "bonus-2026", "edition": 1, "day": "2026-12-01", "stage": "chosen",
        "currency": "CHF", "budget_minor": 50_000_000, "dry_run": sums(), "begun_at": "2026-11-24T09:05:00Z",
    })
}

fn choosing() -> Value {
    json!({
        "run_id": "bonus-2026~2026-12", "revision": 1, "campaign": "bonus-2026", "edition": 1, "day": "2026-12-01",
        "stage": "choosing", "currency": "CHF", "budget_minor": 50_000_000,
        "progress": {
            "segments_done": 0, "segments": 16, "shards_done": 0, "shards": 64, "members": 0, "vouchers": 0, "kept_back": 0,
        },
        "begun_at": "2026-11-24T09:05:00Z",
    })
}

fn list() -> Operation {
    Operation {
        route: "GET /v1/campaigns",
        id: "listCampaigns",
        tag: CAMPAIGNS,
        summary: "List campaigns",
        description: "In the order of their ids.",
        parameters: vec![optional("next", "Where the page begins: `next` of the page before.")],
        request: None,
        answers: vec![Answer::json::<CampaignPage>(
            200,
            "A page.",
            json!({"items": [view(1, &json!({"status": "draft"}))]}),
        )],
        codes: &[],
    }
}

fn context() -> Operation {
    let field = json!({
        "name": "activity.revenue_minor_12m", "type": "an int", "description": "Revenue of twelve calendar months in minor units.",
    });
    Operation {
        route: "GET /v1/campaign-context",
        id: "getCampaignContext",
        tag: CAMPAIGNS,
        summary: "What segments can read",
        description: "A segment is a condition in CEL (Common Expression Language) over these fields. A field that is not given \
                      reads as `\"\"`, `0`, `false` or an empty list; `has(party.age)` tells.",
        parameters: vec![],
        request: None,
        answers: vec![Answer::json::<CampaignContext>(
            200,
            "The fields.",
            json!({"fields": [field], "cost_max": 1_000, "source_max": 1_000, "calendars": ["zurich", "geneva", "ticino"]}),
        )],
        codes: &[],
    }
}

fn show() -> Operation {
    Operation {
        route: "GET /v1/campaigns/{campaign_id}",
        id: "getCampaign",
        tag: CAMPAIGNS,
        summary: "Read a campaign",
        description: "With where it stands: draft, tried, approved, executing, closed.",
        parameters: vec![which()],
        request: None,
        answers: vec![Answer::json::<CampaignView>(
            200,
            "The campaign.",
            view(1, &json!({"status": "draft"})),
        )],
        codes: &[Code::NotFound],
    }
}

fn put() -> Operation {
    Operation {
        route: "PUT /v1/campaigns/{campaign_id}",
        id: "putCampaign",
        tag: CAMPAIGNS,
        summary: "Store a campaign",
        description: "Each edition is kept. A change makes it a draft again, whatever was tried or approved. Every wrong field is \
                      named at once, a condition's flaw with its character.",
        parameters: vec![which()],
        request: Some(Body::of::<CampaignRequest>(
            json!({"expected_edition": 0, "campaign": campaign()}),
        )),
        answers: vec![
            Answer::json::<CampaignView>(201, "Stored for the first time.", view(1, &json!({"status": "draft"}))),
            Answer::json::<CampaignView>(200, "Changed, or as it was.", view(2, &json!({"status": "draft"}))),
        ],
        codes: &[
            Code::Invalid,
            Code::ProgrammeUnknown,
            Code::CampaignState,
            Code::ConcurrentChange,
        ],
    }
}

fn dry_run() -> Operation {
    Operation {
        route: "POST /v1/campaigns/{campaign_id}/dry-runs",
        id: "dryRunCampaign",
        tag: CAMPAIGNS,
        summary: "Choose the members of a run",
        description: "Chooses and freezes the members of the campaign's next run, with the reason of each, and sums up letters, \
                      face value, postage and what keeps members from a letter. Nothing is issued. A run that is being chosen goes \
                      on; one that was chosen gets another revision.",
        parameters: vec![which()],
        request: Some(Body::of::<DryRunRequest>(json!({}))),
        answers: vec![Answer::json::<CampaignRunView>(202, "It is under way.", choosing())],
        codes: &[
            Code::Invalid,
            Code::NotFound,
            Code::CampaignState,
            Code::ConcurrentChange,
        ],
    }
}

fn approve() -> Operation {
    let status = json!({
        "status": "approved", "by": "urs@example.ch", "at": "2026-11-24T10:00:00Z", "run": "bonus-2026~2026-12", "digest": DIGEST,
    });
    Operation {
        route: "POST /v1/campaigns/{campaign_id}/approve",
        id: "approveCampaign",
        tag: CAMPAIGNS,
        summary: "Approve a dry run",
        description: "By somebody else than who created or last changed the campaign, and of the dry run with this digest only.",
        parameters: vec![which()],
        request: Some(Body::of::<ApproveRequest>(json!({"digest": DIGEST}))),
        answers: vec![Answer::json::<CampaignView>(200, "Approved.", view(1, &status))],
        codes: &[
            Code::Invalid,
            Code::NotFound,
            Code::CampaignState,
            Code::ApprovalByAuthor,
            Code::ConcurrentChange,
        ],
    }
}

fn start() -> Operation {
    Operation {
        route: "POST /v1/campaigns/{campaign_id}/start",
        id: "startCampaign",
        tag: CAMPAIGNS,
        summary: "Start the approved run",
        description: "Before its day, or again when its work was lost. Without this call the schedule starts it on its day. Exactly \
                      the frozen members get vouchers; who was put on a blacklist or erased since, wants no \
                      letters any more, or has an address from which a letter came back gets none.",
        parameters: vec![which()],
        request: None,
        answers: vec![Answer::json::<CampaignRunView>(202, "It is under way.", chosen())],
        codes: &[Code::NotFound, Code::CampaignState],
    }
}

fn close() -> Operation {
    Operation {
        route: "POST /v1/campaigns/{campaign_id}/close",
        id: "closeCampaign",
        tag: CAMPAIGNS,
        summary: "End a campaign",
        description: "For ever. What it has issued stays.",
        parameters: vec![which()],
        request: None,
        answers: vec![Answer::json::<CampaignView>(
            200,
            "Closed.",
            view(1, &json!({"status": "closed", "at": "2026-11-24T10:00:00Z"})),
        )],
        codes: &[Code::NotFound, Code::CampaignState, Code::ConcurrentChange],
    }
}

fn runs() -> Operation {
    Operation {
        route: "GET /v1/runs",
        id: "listRuns",
        tag: CAMPAIGNS,
        summary: "List runs",
        description: "The last by name first, without progress.",
        parameters: vec![
            optional("campaign", "Only runs of this campaign."),
            optional("next", "Where the page begins: `next` of the page before."),
        ],
        request: None,
        answers: vec![Answer::json::<CampaignRunPage>(
            200,
            "A page.",
            json!({"items": [chosen()]}),
        )],
        codes: &[Code::MalformedParameter],
    }
}

fn run() -> Operation {
    Operation {
        route: "GET /v1/runs/{run_id}",
        id: "getRun",
        tag: CAMPAIGNS,
        summary: "Read how far a run is",
        description: "With sums, digest, the difference to the last run, what is to be expected by earlier ones, rate and expected end.",
        parameters: vec![which_run()],
        request: None,
        answers: vec![Answer::json::<CampaignRunView>(200, "The run.", choosing())],
        codes: &[Code::NotFound],
    }
}

fn stop() -> Operation {
    let mut stopped = chosen();
    stopped["stage"] = json!("stopped");
    stopped["stopped"] = json!("by_hand");
    stopped["stop_reason"] = json!("Wrong value on the letters");
    stopped["blocking"] = json!({
        "asked_at": "2026-12-01T09:00:00Z", "shards_done": 0, "shards": 64, "blocked": 0, "redeemed": 0, "voided": 0, "unblocked": 0,
        "erased": 0, "held": 0,
    });
    Operation {
        route: "POST /v1/runs/{run_id}/stop",
        id: "stopRun",
        tag: CAMPAIGNS,
        summary: "Stop a run",
        description: "Before its letters are written. No further voucher is issued, but for those of the members that are at work, \
                      some hundred; what was issued stays. The campaign is a draft again, and its period gives nobody a second \
                      voucher. With `block_vouchers` what was issued is blocked, too, now or later; `blocking` says how far that is, \
                      and the run can no longer be made on. Redeemed vouchers are left, and counted.",
        parameters: vec![which_run()],
        request: Some(Body::of::<StopRequest>(
            json!({"reason": "Wrong value on the letters", "block_vouchers": true}),
        )),
        answers: vec![Answer::json::<CampaignRunView>(200, "Stopped, now or before.", stopped)],
        codes: &[
            Code::Invalid,
            Code::NotFound,
            Code::CampaignState,
            Code::ConcurrentChange,
        ],
    }
}

fn member() -> Operation {
    Operation {
        route: "GET /v1/runs/{run_id}/members/{party_id}",
        id: "getRunMember",
        tag: CAMPAIGNS,
        summary: "Read why a party was chosen or not",
        description: "As it was frozen, for 400 days. Parties outside the segment, without a birthday in the days of the run, or \
                      below its floor are counted and not kept one by one.",
        parameters: vec![which_run(), path("party_id", "The party.", PARTY)],
        request: None,
        answers: vec![Answer::json::<MemberView>(
            200,
            "The decision.",
            json!({
                "party_id": PARTY, "decision": "out", "reason": "letter_objected", "period": "2026-12",
                "decided_at": "2026-11-24T09:06:00Z",
            }),
        )],
        codes: &[Code::NotFound],
    }
}
