//! Calls of the results of campaigns.

use serde_json::{Value, json};

use super::campaigns::{CAMPAIGNS, which, which_run};
use super::operation::{Answer, Operation, Parameter, optional};
use crate::api::campaign_results::{CampaignResults, RunResults};
use crate::problem::Code;

fn store() -> Parameter {
    optional("store", "Only redemptions of this location, by day.")
}

fn sums() -> Value {
    json!({
        "chosen": 48_000, "letters": 45_600, "control": 2_400, "kept_back": 12, "issued": 45_588, "printed": 45_590, "planted": 2,
        "sent": 45_590, "returned": 310, "redeemed": {"vouchers": 9_120, "value_minor": 9_120_000},
        "reversed": {"vouchers": 14, "value_minor": 14_000}, "voided": 0, "blocked": 0, "open": 36_468,
        "expired": 0,
        "cost": {
            "printing_minor": 1_002_980, "postage_minor": 2_416_270, "redeemed_minor": 9_120_000, "total_minor": 12_539_250,
        },
    })
}

fn branches() -> Value {
    json!([{
        "store": "B07", "redeemed": {"vouchers": 512, "value_minor": 512_000}, "reversed": {"vouchers": 1, "value_minor": 1_000},
    }])
}

fn days() -> Value {
    json!([{
        "day": "2026-12-03", "redeemed": {"vouchers": 301, "value_minor": 301_000},
        "reversed": {"vouchers": 0, "value_minor": 0},
    }])
}

fn of_run(branches: Value, days: Value) -> Value {
    let mut results = json!({
        "run_id": "bonus-2026~2026-12", "revision": 1, "campaign": "bonus-2026", "day": "2026-12-01", "stage": "written",
        "currency": "CHF", "valid_from": "2026-12-11", "valid_until": "2027-02-08", "complete": true, "measuring": false,
        "revenue": {
            "as_of": "2026-12-21T23:17:00Z", "from": "2026-12-11", "through": "2026-12-22",
            "letters": {"members": 45_600, "buyers": 18_900, "revenue_minor": 246_240_000, "per_head_minor": 5_400},
            "control": {"members": 2_400, "buyers": 890, "revenue_minor": 11_400_000, "per_head_minor": 4_750},
            "uplift": {
                "per_head_minor": 650, "least_per_head_minor": 210, "most_per_head_minor": 1_090, "revenue_minor": 29_640_000,
                "certainty": "more",
            },
        },
    });
    for (name, value) in sums().as_object().into_iter().flatten() {
        results[name] = value.clone();
    }
    results["by_branch"] = branches;
    results["by_day"] = days;
    results
}

pub(super) fn of_campaign() -> Operation {
    Operation {
        route: "GET /v1/campaigns/{campaign_id}/results",
        id: "getCampaignResults",
        tag: CAMPAIGNS,
        summary: "Read what became of a campaign",
        description: "Its started runs, twelve a page, and sums over these. Redemptions are counted within seconds. Revenue is not \
                      summed over runs: their days overlap, and a member may be in several.",
        parameters: vec![
            which(),
            store(),
            optional("next", "Where the page begins: `next` of the page before."),
        ],
        request: None,
        answers: vec![Answer::json::<CampaignResults>(
            200,
            "The results.",
            json!({
                "campaign": "bonus-2026", "total": sums(), "by_branch": branches(), "by_day": days(),
                "items": [of_run(json!([]), json!([]))],
            }),
        )],
        codes: &[Code::LocationForbidden, Code::NotFound, Code::MalformedParameter],
    }
}

pub(super) fn of_one_run() -> Operation {
    Operation {
        route: "GET /v1/runs/{run_id}/results",
        id: "getRunResults",
        tag: CAMPAIGNS,
        summary: "Read what became of a run",
        description: "Issued, printed, sent, returned, redeemed by location and day, expired, cost; and the revenue of its members \
                      against that of its control group, as it was measured last.",
        parameters: vec![which_run(), store()],
        request: None,
        answers: vec![Answer::json::<RunResults>(
            200,
            "The results.",
            of_run(branches(), days()),
        )],
        codes: &[Code::LocationForbidden, Code::NotFound, Code::MalformedParameter],
    }
}

pub(super) fn measure() -> Operation {
    Operation {
        route: "POST /v1/runs/{run_id}/measurements",
        id: "measureRun",
        tag: CAMPAIGNS,
        summary: "Measure what the members of a run buy",
        description: "Asks for a measurement now; every day asks for one by itself while the vouchers are valid, and for a month \
                      after. A run is measured from the first day of its vouchers on, for about a year. `as_of` of its results tells \
                      when it was done. A measurement that is under way goes on.",
        parameters: vec![which_run()],
        request: None,
        answers: vec![Answer::json::<RunResults>(
            202,
            "Asked for; the results as they are.",
            of_run(branches(), days()),
        )],
        codes: &[Code::NotFound, Code::CampaignState],
    }
}
