//! Changes whose answer from the table is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use faults::{Fault, FaultPlan, Probe, Site};
use serde_json::json;

use crate::support::*;

/// Loses the answer of every second write: the write was made, and nobody was told.
#[derive(Debug, Default)]
struct Losing {
    writes: AtomicU32,
}

impl FaultPlan for Losing {
    fn before(&self, _: Site) -> Fault {
        Fault::None
    }

    fn after(&self, site: Site) -> Fault {
        let write = matches!(site, Site::LocationWrite | Site::ProgrammeWrite | Site::ClientWrite);
        if write && self.writes.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            Fault::Timeout
        } else {
            Fault::None
        }
    }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_made_once_and_answered() {
    let plan = Arc::new(Losing::default());
    let api = Api::start_with(Probe::with(plan.clone())).await;

    let programme = api.send(put_programme(0, &settings())).await;
    assert!(matches!(programme.status, 200 | 201), "{programme:?}");
    assert_eq!(programme.body["version"], 1);
    let location = api.send(put_location("B01", &branch("Bern"))).await;
    assert!(matches!(location.status, 200 | 201), "{location:?}");

    let client = |route| call(route).path("client_id", "pos");
    let body = json!({"name": "Tills", "scopes": ["purchases:write"], "locations": ["*"]});
    let put = api.send(client("PUT /v1/clients/{client_id}").body(&body)).await;
    assert!(matches!(put.status, 200 | 201), "{put:?}");
    let made = api.send(client("POST /v1/clients/{client_id}/keys")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let listed = api.send(call("GET /v1/clients")).await.body;
    assert_eq!(listed["items"][0]["keys"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["keys"][0]["key_id"], made.body["key_id"]);

    let withdraw = client("DELETE /v1/clients/{client_id}/keys/{key_id}");
    let gone = api
        .send(withdraw.path("key_id", made.body["key_id"].as_str().unwrap()))
        .await;
    assert_eq!((gone.status, &gone.body["keys"]), (200, &json!([])), "{gone:?}");
    assert!(
        plan.writes.load(Ordering::SeqCst) >= 10,
        "every write was made and repeated"
    );
}
