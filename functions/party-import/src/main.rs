//! Wires the function: settings, table, queue, bucket, then files that were put and batches of its queue.

use faults::Probe;
use party_import::{App, Objects};
use runtime::{Aws, Error, Pace, Settings, secrets};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "IMPORT_QUEUE_URL", "LOOKUP_PEPPER_SECRET_ARN"])?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let pepper = secrets::pepper(&aws, &settings, "LOOKUP_PEPPER_SECRET_ARN").await?;
    runtime::aws::warm(&db, "IMPORT#-").await;
    let objects = Objects::new(aws.buckets(), Probe::none());
    let queue = settings.get("IMPORT_QUEUE_URL").to_owned();
    let app = &App::new(db.clone(), aws.sender(), queue, objects, pepper);
    runtime::sqs::serve_with_bucket(
        &db,
        |put| app.begin(put, runtime::now()),
        |deliveries, deadline| app.work_off(deliveries, deadline, runtime::now()),
    )
    .await
}
