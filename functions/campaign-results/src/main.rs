//! Wires the function: settings, table, then batches of its queue.

use campaign_results::App;
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME"])?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    runtime::aws::warm(&db, "HEARD#-").await;
    let app = &App::new(db.clone());
    runtime::sqs::serve(&db, |deliveries, deadline| {
        app.work_off(deliveries, deadline, runtime::now())
    })
    .await
}
