//! Wires the function: settings, table, then batches of the posting queue.

use point_calculation::App;
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init_default_subscriber();
    let settings = Settings::read(&["TABLE_NAME"])?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    runtime::aws::warm(&db, "PROGRAMME#-").await;
    let app = &App::new(db.clone());
    runtime::sqs::serve(&db, |deliveries| app.work_off(deliveries, runtime::now())).await
}
