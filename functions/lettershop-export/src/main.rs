//! Wires the function: settings, table, queue, bucket, keys, then batches of its queue.

use faults::Probe;
use lettershop_export::{App, Objects};
use runtime::{Aws, Error, Pace, Settings, secrets};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let names = [
        "TABLE_NAME",
        "LETTERSHOP_QUEUE_URL",
        "LETTERSHOP_BUCKET",
        "CODE_KEYS_SECRET_ARN",
        "LOOKUP_PEPPER_SECRET_ARN",
    ];
    let settings = Settings::read(&names)?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let (pepper, code_keys, ()) = tokio::join!(
        secrets::pepper(&aws, &settings, "LOOKUP_PEPPER_SECRET_ARN"),
        secrets::code_keys(&aws, &settings, "CODE_KEYS_SECRET_ARN"),
        runtime::aws::warm(&db, "LETTERSHOP#-"),
    );
    let queue = settings.get("LETTERSHOP_QUEUE_URL").to_owned();
    let objects = Objects::new(
        aws.buckets(),
        settings.get("LETTERSHOP_BUCKET").to_owned(),
        Probe::none(),
    );
    let app = &App::new(db.clone(), aws.sender(), queue, objects, pepper?, code_keys?);
    runtime::sqs::serve(&db, |deliveries, deadline| {
        app.work_off(deliveries, deadline, runtime::now())
    })
    .await
}
