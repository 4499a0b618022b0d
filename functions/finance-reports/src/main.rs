//! Wires the function: settings, table, queue, bucket, then the days of the schedule and batches of its queue.

use faults::Probe;
use finance_reports::{App, Files};
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "FINANCE_QUEUE_URL", "FINANCE_BUCKET"])?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    runtime::aws::warm(&db, "PROGRAMME#-").await;
    let queue = settings.get("FINANCE_QUEUE_URL").to_owned();
    let files = Files::new(aws.buckets(), settings.get("FINANCE_BUCKET").to_owned(), Probe::none());
    let app = &App::new(db.clone(), aws.sender(), queue, files);
    runtime::sqs::serve_with_schedule(
        &db,
        || app.ask(runtime::now()),
        |deliveries, deadline| app.work_off(deliveries, deadline, runtime::now()),
    )
    .await
}
