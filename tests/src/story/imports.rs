//! A file with customers, the same one corrected, walked through again, and one that is no file of customers.

use serde_json::{Value, json};

use super::{done, read};
use crate::delivery::Delivering;
use crate::world::{World, card};

const HEADER: &str = "external_id,given_name,family_name,street,postcode,town,email,card\n";
const FILE: &str = "erp.customers.csv";

/// The import of a file with this many bytes.
pub async fn import_of(world: &World, bytes: usize) -> Value {
    let listed = read(world, "GET /v1/imports", &[]).await;
    let items = listed["items"].as_array().expect("imports");
    let found = items.iter().find(|item| item["bytes"] == json!(bytes));
    let run = found.expect("the import of the file")["run_id"]
        .as_str()
        .expect("an id");
    read(world, "GET /v1/imports/{run_id}", &[("run_id", run)]).await
}

fn counts(import: &Value) -> [u64; 5] {
    ["read", "created", "changed", "unchanged", "rejected"]
        .map(|name| import["counts"][name].as_u64().expect("a count"))
}

pub(super) async fn tell(world: &World, delivering: &mut Delivering) {
    let (taken, _) = world.customer(1).await;
    let (new, waiting) = (card(2), card(3));
    done(world, "POST /v1/cards", &[], &json!({"number": waiting})).await;
    let first = format!(
        "{HEADER}1,Anna,Keller,Gasse,8001,Zürich,anna@example.ch,\n2,Beat,Muster,,,,,{new}\n3,Carla,Weber,,,,,{waiting}\n\
         4,Dora,,,,,,\n5,Emil,Frei,,,,,{taken}\n"
    );
    world.put_only(FILE, &first).await;
    world.notify_import(FILE, "1").await;
    delivering.until_rest(world).await;
    world.notify_import(FILE, "1").await;
    delivering.until_rest(world).await;
    let import = import_of(world, first.len()).await;
    assert_eq!((&import["state"], &import["revision"]), (&json!("complete"), &json!(1)));
    assert_eq!(counts(&import), [5, 3, 0, 0, 2], "{import}");
    let run = import["run_id"].as_str().expect("an id");
    let rejects = world
        .file(&format!("rejects/demo/{run}-1.csv"))
        .await
        .expect("the rejects");
    let rejects: Vec<_> = rejects
        .lines()
        .map(|line| line.split(',').take(3).collect::<Vec<_>>())
        .collect();
    let expected = [
        ["line", "field", "code"],
        ["5", "family_name", "missing"],
        ["6", "card", "card_taken"],
    ];
    assert_eq!(rejects, expected);

    let second = format!(
        "{HEADER}1,Anna,Muster,Neue Gasse,8001,Zürich,,\n2,Beat,Muster,,,,,{new}\n3,Carla,Weber,,,,,{waiting}\n\
         4,Dora,Roth,,,,,\n5,Emil,Frei,,,,,\n"
    );
    world.put_import(FILE, &second).await;
    delivering.until_rest(world).await;
    let import = import_of(world, second.len()).await;
    assert_eq!(counts(&import), [5, 2, 1, 2, 0], "{import}");
    assert_eq!(import["rejects"], Value::Null);

    let run = import["run_id"].as_str().expect("an id");
    let restart = "POST /v1/imports/{run_id}/restart";
    let (status, answer) = world.call(restart, &[("run_id", run)], &Value::Null).await;
    assert_eq!((status, &answer["code"]), (409, &json!("file_gone")), "{answer}");
    assert_eq!(
        world.file(&format!("incoming/demo/{FILE}")).await,
        None,
        "the file is dropped"
    );
    world.put_only(FILE, &second).await;
    world.notify_import(FILE, "3").await;
    delivering.until_rest(world).await;
    let import = import_of(world, second.len()).await;
    assert_eq!((counts(&import), &import["revision"]), ([5, 0, 0, 5, 0], &json!(2)));

    // One that broke off because its file was taken away goes on when it is there again.
    let third = format!("{HEADER}6,Fritz,Graf,,,,,\n");
    world.put_only("erp.third.csv", &third).await;
    world.notify_import("erp.third.csv", "1").await;
    world.take_away("erp.third.csv").await;
    delivering.until_rest(world).await;
    let import = import_of(world, third.len()).await;
    assert_eq!(import["state"], "refused", "{import}");
    world.put_only("erp.third.csv", &third).await;
    let run = import["run_id"].as_str().expect("an id");
    let (status, answer) = world.call(restart, &[("run_id", run)], &Value::Null).await;
    assert_eq!(status, 202, "{answer}");
    delivering.until_rest(world).await;
    assert_eq!(counts(&import_of(world, third.len()).await), [1, 1, 0, 0, 0]);

    let other = "external_id,Anna Keller\n1,2\n";
    world.put_import("erp.other.csv", other).await;
    delivering.until_rest(world).await;
    let import = import_of(world, other.len()).await;
    assert_eq!(import["state"], "refused");
    let run = import["run_id"].as_str().expect("an id");
    let (status, answer) = world.call(restart, &[("run_id", run)], &Value::Null).await;
    assert_eq!((status, &answer["code"]), (409, &json!("import_refused")));
}
