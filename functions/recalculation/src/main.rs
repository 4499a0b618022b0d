//! Wires the function: settings, table, queue, then batches of its queue.

use recalculation::App;
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "RECALCULATION_QUEUE_URL"])?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let queue = settings.get("RECALCULATION_QUEUE_URL").to_owned();
    let app = &App::new(db.clone(), aws.sender(), queue);
    runtime::sqs::serve(&db, |deliveries, deadline| {
        app.work_off(deliveries, deadline, runtime::now())
    })
    .await
}
