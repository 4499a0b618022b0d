//! Wires the function: settings, table, queue, buckets, keys, then requests and batches of its queue.

use faults::Probe;
use privacy::{App, Buckets, Files};
use runtime::signing::{self, Signer};
use runtime::{Aws, Pace, Settings, secrets};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::init();
    let settings = Settings::read(&[
        "TABLE_NAME",
        "PRIVACY_QUEUE_URL",
        "PRIVACY_BUCKET",
        "IMPORT_BUCKET",
        "RELAY_FAILURES_BUCKET",
        "STATEMENT_KEYS_SECRET_ARN",
    ])?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let (keys, ()) = tokio::join!(
        secrets::code_keys(&aws, &settings, "STATEMENT_KEYS_SECRET_ARN"),
        runtime::aws::warm(&db, "PARTY#-"),
    );
    let buckets = Buckets {
        statements: settings.get("PRIVACY_BUCKET").to_owned(),
        imports: settings.get("IMPORT_BUCKET").to_owned(),
        failures: settings.get("RELAY_FAILURES_BUCKET").to_owned(),
    };
    let files = Files::new(aws.buckets(), buckets, Probe::none());
    let queue_url = settings.get("PRIVACY_QUEUE_URL").to_owned();
    let signer = Signer::new(&keys?, signing::STATEMENTS)?;
    let app = &App::new(db.clone(), aws.sender(), queue_url, files, signer);
    runtime::mixed::serve(
        &db,
        // On the heap: the loop around it would carry the room for the largest answer with every call.
        |request| async move { Box::pin(app.handle(&request, runtime::now())).await },
        |deliveries, deadline| app.work_off(deliveries, deadline, runtime::now()),
    )
    .await
}
