//! The day of workflows.

use serde_json::{Value, json};

use super::{done, listed, read};
use crate::delivery::Delivering;
use crate::till;
use crate::world::World;

/// Whoever pays late is called, classified and announced; what is won is announced; whoever moves is looked for.
pub fn workflows() -> Value {
    json!([
        {
            "id": "late", "name": "Whoever pays late", "on": "invoice",
            "when": "invoice.days_overdue > 10 && invoice.open > 0 && invoice.dunning_level >= 2",
            "then": [
                {"do": "open_task", "queue": "billing", "title": "Call about an invoice", "due_days": 3},
                {"do": "classify", "classification": "blacklist", "reason": "An invoice is overdue", "days": 90},
                {"do": "publish", "event": "payment-overdue"},
            ],
        },
        {
            "id": "won", "name": "What is won", "on": "opportunity",
            "when": r#"opportunity.stage == "deal" && opportunity.stage_before == "offer""#,
            "then": [{"do": "publish", "event": "deal"}],
        },
        {
            "id": "listed", "name": "Whoever is on the blacklist", "on": "party",
            "when": r#""blacklist" in party.classifications"#,
            "then": [{"do": "open_task", "queue": "circles", "title": "Never opened"}],
        },
        {
            "id": "moved", "name": "Whoever moved", "on": "party",
            "when": r#""/contacts/c1" in change.fields && !party.has_address && !change.created"#,
            "then": [{"do": "classify", "classification": "vip", "reason": "Letters come back"}],
        },
    ])
}

pub(super) async fn tell(world: &World, delivering: &mut Delivering) {
    let before = read(world, "GET /v1/workflows", &[]).await;
    let body = json!({"expected_version": before["version"], "workflows": workflows()});
    let after = done(world, "PUT /v1/workflows", &[], &body).await;
    assert_eq!((&before["version"], &after["version"]), (&json!(0), &json!(1)));

    let party = world.party(1).await;
    let path = [("party_id", party.as_str())];
    let invoice = |revision: u32, level: u8| {
        json!({
            "number": "R-1", "revision": revision, "party_id": party, "date": "2026-10-01", "due_date": "2026-11-01",
            "total": till::chf(20_000), "dunning_level": level, "status": "open",
        })
    };
    for level in [0, 2] {
        done(
            world,
            "POST /v1/erp/invoices",
            &[],
            &invoice(u32::from(level) + 1, level),
        )
        .await;
    }
    let stand = |stage: &str| {
        json!({
            "stage": stage, "outcome": "open", "value": till::chf(90_000), "probability": 50, "close_on": "2026-12-15",
        })
    };
    let mut body = stand("offer");
    (body["title"], body["client_token"]) = (json!("Shirts"), json!("opp-1"));
    let made = done(world, "POST /v1/parties/{party_id}/opportunities", &path, &body).await;
    let chance = made["opportunity_id"].as_str().expect("an id");
    let mut body = stand("deal");
    body["expected_version"] = json!(1);
    let route = "PUT /v1/parties/{party_id}/opportunities/{opportunity_id}";
    done(world, route, &[path[0], ("opportunity_id", chance)], &body).await;
    // The others meet the party as it is when nobody classifies it at the same time: its versions count what happened to it.
    delivering.until_rest(world).await;

    let tasks = read(world, "GET /v1/tasks?queue=billing", &[]).await;
    assert_eq!(listed(&tasks, "due"), ["2026-11-25"]);
    let shown = read(world, "GET /v1/parties/{party_id}", &path).await;
    assert_eq!(shown["classifications"][0]["classification"], "blacklist", "{shown}");
    let body = json!({"party_id": party, "from": "2026-11-01", "until": "2026-11-30"});
    let tried = done(world, "POST /v1/workflows/trial", &[], &body).await;
    let acts = tried["events"].as_array().into_iter().flatten();
    let acts = acts.flat_map(|event| event["outcomes"].as_array().into_iter().flatten());
    assert_eq!(acts.filter(|said| said["outcome"] == "acts").count(), 2, "{tried}");
    let circles = read(world, "GET /v1/tasks?queue=circles", &[]).await;
    assert_eq!(listed(&circles, "task_id").len(), 0);
}
