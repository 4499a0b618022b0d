//! What is left of somebody: everything that is stored, searched for texts.

use crate::world::World;

/// Most rounds of a walk through a queue or a listing.
const ROUNDS_MAX: usize = 1_000;

/// Every item of the table, every message of the queues and every object of the bucket, each as a text that names where it
/// stands.
///
/// # Panics
/// When something cannot be read.
pub async fn everything(world: &World) -> Vec<String> {
    let mut all = items(world).await;
    let queues = &world.queues;
    for url in [
        &queues.posting,
        &queues.issuance,
        &queues.pos_voucher,
        &queues.recalculation,
        &queues.party_feed,
        &queues.search_index,
        &queues.privacy,
        &world.day_close_queue,
        &world.finance_queue,
        &world.import_queue,
        &world.campaign_queue,
        &world.lettershop_queue,
        &world.inbox_queue,
    ] {
        all.extend(messages(world, url).await);
    }
    all.extend(objects(world).await);
    all
}

/// Where any of the texts stands.
///
/// # Panics
/// When something cannot be read.
pub async fn of(world: &World, texts: &[&str]) -> Vec<String> {
    let all = everything(world).await;
    let holds = |place: &&String| texts.iter().any(|text| place.contains(text));
    all.iter().filter(holds).cloned().collect()
}

async fn items(world: &World) -> Vec<String> {
    let (mut found, mut start) = (Vec::new(), None);
    for _ in 0..ROUNDS_MAX {
        let scan = world.place.dynamodb().scan().table_name(world.place.table());
        let page = scan.consistent_read(true).set_exclusive_start_key(start);
        let page = page.send().await.expect("a page");
        found.extend(page.items().iter().map(|item| format!("{item:?}")));
        start = page.last_evaluated_key;
        if start.is_none() {
            return found;
        }
    }
    panic!("the table does not end");
}

/// The messages of a queue; they stay there, unseen for a minute.
async fn messages(world: &World, url: &str) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..ROUNDS_MAX {
        let receive = world.place.sqs().receive_message().queue_url(url);
        let page = receive.max_number_of_messages(10).send().await.expect("messages");
        let page = page.messages.unwrap_or_default();
        if page.is_empty() {
            return found;
        }
        found.extend(
            page.iter()
                .map(|message| format!("{url}: {}", message.body().unwrap_or_default())),
        );
    }
    panic!("the queue does not end");
}

async fn objects(world: &World) -> Vec<String> {
    let list = world.place.s3().list_objects_v2().bucket(world.place.bucket());
    let listed = list.send().await.expect("the bucket");
    assert_ne!(listed.is_truncated(), Some(true), "all objects are on one page");
    let mut found = Vec::new();
    for key in listed.contents().iter().filter_map(|object| object.key()) {
        let text = world.file(key).await.unwrap_or_default();
        found.push(format!("{key}: {text}"));
    }
    found
}
