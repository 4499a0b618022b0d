//! Wires the function: settings, table, queue, buckets, then requests, files that were put, and batches of its queue.

use faults::Probe;
use lettershop_intake::{App, Objects, Place};
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let names = [
        "TABLE_NAME",
        "LETTERSHOP_INBOX_QUEUE_URL",
        "LETTERSHOP_QUEUE_URL",
        "LETTERSHOP_BUCKET",
    ];
    let settings = Settings::read(&names)?;
    let aws = Aws::connect(Pace::Till).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    runtime::aws::warm(&db, "LETTERSHOP#-").await;
    let place = Place {
        queue_url: settings.get("LETTERSHOP_INBOX_QUEUE_URL").to_owned(),
        files_queue_url: settings.get("LETTERSHOP_QUEUE_URL").to_owned(),
        bucket: settings.get("LETTERSHOP_BUCKET").to_owned(),
    };
    let app = &App::new(
        db.clone(),
        aws.sender(),
        Objects::new(aws.buckets(), Probe::none()),
        place,
    );
    runtime::mixed::serve_with_bucket(
        &db,
        // On the heap: the loop around it would carry the room for the largest answer with every call.
        |request| async move { Box::pin(app.handle(request, runtime::now())).await },
        |put| app.begin(put),
        |deliveries, deadline| app.work_off(deliveries, deadline, runtime::now()),
    )
    .await
}
