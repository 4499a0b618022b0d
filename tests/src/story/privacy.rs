//! A person of whom everything is stored asks what that is, and is erased.

use chrono::TimeDelta;
use messages::PrivacyMessage;
use serde_json::{Value, json};

use super::{asked, done, read};
use crate::delivery::Delivering;
use crate::till::{self, receipt};
use crate::world::{IF_MATCH, PROGRAMME, TENANT, World, card, second_person};

/// What leads to the person: none of it may be left after the erasure. Texts that no other part of the system writes.
pub const IDENTIFIERS: [&str; 20] = [
    "Quirina",
    "Zellweger-Abt",
    "Zellweger-Ledig",
    "quirina.zellweger@example.ch",
    "791230517",
    "Rosshaldenweg",
    "Oberwilerthal",
    "1971-03-29",
    "KD-558-ERASE",
    "KD-559-ERASE",
    "Lieblingsfarbe Türkis",
    "Formular 7781",
    "Hausverbot Filiale",
    "Abteilung Quellwasser",
    "Rückruf wegen Kinderwagen",
    "Frau Zellweger bittet um Rückruf",
    "Sommerfest von Quirina",
    "Gravur für Quirina",
    "Kulanz für Frau Z.",
    "Irrtum von Frau Z.",
];

/// The person's card.
pub fn card_number() -> String {
    card(77)
}

/// The person, as a caller stores her.
pub fn body() -> Value {
    json!({
        "kind": "person", "given_name": "Quirina", "family_name": "Zellweger-Ledig", "language": "de",
        "gender": "female", "birth_date": "1971-03-29", "external_id": {"system": "erp", "id": "KD-558-ERASE"},
        "contacts": [
            {
                "kind": "postal", "street": "Rosshaldenweg", "house_number": "7", "postcode": "6013",
                "town": "Oberwilerthal", "country": "CH",
            },
            {"kind": "email", "email": "quirina.zellweger@example.ch"},
            {"kind": "phone", "phone": "+41 79 123 05 17"},
        ],
    })
}

/// Stores the person with everything that can be stored about one. Returns the party's id and that of her sister.
///
/// # Panics
/// When a call is refused.
pub async fn plant(world: &World, delivering: &mut Delivering) -> (String, String) {
    let stored = done(world, "POST /v1/parties", &[], &body()).await;
    let party = stored["party_id"].as_str().expect("an id").to_owned();
    let other = world.party(2).await;
    profile(world, &party, &other).await;
    let cards = json!({"number": card_number(), "party_id": party});
    done(world, "POST /v1/cards", &[], &cards).await;
    let bought = receipt("B01", "1", 60_000, Some(&card_number()));
    done(world, "POST /v1/purchases", &[], &bought).await;
    delivering.until_rest(world).await;
    desk(world, &party).await;
    books(world, &party).await;
    delivering.until_rest(world).await;
    (party, other)
}

async fn profile(world: &World, party: &str, other: &str) {
    let path = [("party_id", party)];
    let mut types = read(world, "GET /v1/party-types", &[]).await["types"].clone();
    types["custom_fields"] = json!([{"name": "note", "kind": "text"}]);
    let types = json!({"expected_version": 0, "types": types});
    done(world, "PUT /v1/party-types", &[], &types).await;
    let named = json!({"family_name": "Zellweger-Abt", "custom_fields": {"note": "Lieblingsfarbe Türkis"}});
    let seen = [path[0], (IF_MATCH, "*")];
    done(world, "PATCH /v1/parties/{party_id}", &seen, &named).await;
    let said = json!({"state": "granted", "source": "shop", "text_version": "v1", "proof": "Formular 7781"});
    let letter = [path[0], ("channel", "letter")];
    done(world, "PUT /v1/parties/{party_id}/consents/{channel}", &letter, &said).await;
    let id = json!({"system": "shop", "id": "KD-559-ERASE"});
    done(world, "POST /v1/parties/{party_id}/identifiers", &path, &id).await;
    let class = json!({"classification": "vip", "reason": "Hausverbot Filiale"});
    done(world, "POST /v1/parties/{party_id}/classifications", &path, &class).await;
    let related = json!({"relationship": "household", "other": other, "department": "Abteilung Quellwasser"});
    done(world, "POST /v1/parties/{party_id}/relationships", &path, &related).await;
    let segments = json!({"segments": ["segment-of-one"]});
    done(world, "PUT /v1/parties/{party_id}/segments", &path, &segments).await;
}

async fn desk(world: &World, party: &str) {
    let path = [("party_id", party)];
    let call = json!({
        "kind": "call", "direction": "inbound", "subject": "Rückruf wegen Kinderwagen",
        "text": "Frau Zellweger bittet um Rückruf", "at": world.now, "client_token": "talk-1",
    });
    done(world, "POST /v1/parties/{party_id}/communications", &path, &call).await;
    let case = json!({"title": "Rückruf wegen Kinderwagen", "party_id": party, "client_token": "case-9"});
    let case = done(world, "POST /v1/cases", &[], &case).await;
    for (token, title) in [
        ("task-8", "Rückruf wegen Kinderwagen"),
        ("task-9", "Gravur für Quirina"),
    ] {
        let mut task = json!({
            "title": title, "text": "Frau Zellweger bittet um Rückruf", "queue": "support", "assignee": "olga",
            "client_token": token, "case_id": case["case_id"],
        });
        if token == "task-9" {
            task["party_id"] = json!(party);
        }
        done(world, "POST /v1/tasks", &[], &task).await;
    }
    let alone =
        json!({"title": "Sommerfest von Quirina", "queue": "support", "party_id": party, "client_token": "task-7"});
    done(world, "POST /v1/tasks", &[], &alone).await;
    let chance = json!({
        "stage": "offer", "outcome": "open", "value": till::chf(90_000), "probability": 50, "close_on": "2026-12-15",
        "title": "Sommerfest von Quirina", "client_token": "chance-9",
    });
    done(world, "POST /v1/parties/{party_id}/opportunities", &path, &chance).await;
}

async fn books(world: &World, party: &str) {
    let path = [("party_id", party)];
    let correct = async |points: i64, reason: &str, token: &str| {
        let body = json!({"programme": PROGRAMME, "points": points, "reason": reason, "client_token": token});
        asked(world, "POST /v1/parties/{party_id}/points/corrections", &path, &body).await
    };
    assert_eq!(correct(40, "Kulanz für Frau Z.", "by-hand-1").await["status"], "posted");
    assert_eq!(
        correct(-600, "Irrtum von Frau Z.", "by-hand-2").await["status"],
        "awaiting_approval"
    );
    let of_party = json!({"system": "erp", "id": "KD-558-ERASE"});
    let total = till::chf(20_000);
    let order = json!({
        "number": "A-7", "revision": 1, "external_id": of_party, "date": "2026-10-01", "status": "open", "total": total,
        "lines": [{"article": "TS", "text": "Gravur für Quirina", "quantity_milli": 1_000, "amount": total}],
    });
    done(world, "POST /v1/erp/orders", &[], &order).await;
    let invoice = json!({
        "number": "R-7", "revision": 1, "external_id": of_party, "date": "2026-10-02", "due_date": "2026-11-01",
        "total": total, "dunning_level": 0, "status": "open",
    });
    done(world, "POST /v1/erp/invoices", &[], &invoice).await;
}

/// Asks for the erasure of a party, has it approved by a second person, and delivers until it is done.
///
/// # Panics
/// When it does not come to its end.
pub async fn erase(world: &mut World, delivering: &mut Delivering, party: &str) -> Value {
    let path = [("party_id", party)];
    let body = json!({"reason": "on_request"});
    done(world, "POST /v1/parties/{party_id}/erasure", &path, &body).await;
    let approve = "POST /v1/parties/{party_id}/erasure/approval";
    let (status, answer) = world.call_as(&second_person(), approve, &path, &Value::Null).await;
    assert!(matches!(status, 200 | 202), "{status} {answer}");
    delivering.until_rest(world).await;
    go_on(world, delivering, party).await;
    let erased = read(world, "GET /v1/parties/{party_id}/erasure", &path).await;
    assert_eq!(erased["status"], "erased", "{erased}");
    erased
}

/// The messages that were put off come: twenty minutes later, twice, for those that wait for earlier writers.
pub async fn go_on(world: &mut World, delivering: &mut Delivering, party: &str) {
    for _ in 0..2 {
        world.now += TimeDelta::minutes(20);
        let message = PrivacyMessage::Erase {
            tenant: TENANT.parse().expect("a tenant"),
            party: party.parse().expect("a party"),
        };
        delivering.erase(world, vec![message]).await;
        delivering.until_rest(world).await;
    }
}

pub(super) async fn tell(world: &mut World, delivering: &mut Delivering) {
    let (party, _) = plant(world, delivering).await;
    let path = [("party_id", party.as_str())];
    let statement = done(world, "POST /v1/parties/{party_id}/statements", &path, &Value::Null).await;
    assert!(
        statement["bytes"].as_u64().is_some_and(|bytes| bytes > 1_000),
        "{statement}"
    );
    let ask = "POST /v1/parties/{party_id}/erasure";
    let body = json!({"reason": "no_longer_needed"});
    done(world, ask, &path, &body).await;
    let listed = read(world, "GET /v1/erasures", &[]).await;
    assert_eq!(listed["items"][0]["findings"]["open_vouchers"], 1, "{listed}");
    let withdrawn = done(
        world,
        "POST /v1/parties/{party_id}/erasure/withdrawal",
        &path,
        &Value::Null,
    )
    .await;
    assert_eq!(withdrawn["status"], "withdrawn");
    let old = "external_id,given_name,family_name\nKD-558-ERASE,Quirina,Zellweger-Abt\n";
    world.put_only("erp.old.csv", old).await;
    erase(world, delivering, &party).await;
    // What comes late keeps its revenue, and brings nobody back.
    let late = receipt("B01", "2", 5_000, Some(&card_number()));
    let told = done(world, "POST /v1/purchases", &[], &late).await;
    assert_eq!(told["matched"], false);
    world.notify_import("erp.old.csv", "1").await;
    delivering.until_rest(world).await;
}
