//! Wires the function: settings, table, pepper, then batches of its queue.

use runtime::{Aws, Error, Pace, Settings, secrets};
use workflow_runner::App;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "LOOKUP_PEPPER_SECRET_ARN"])?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let pepper = secrets::pepper(&aws, &settings, "LOOKUP_PEPPER_SECRET_ARN").await?;
    let app = &App::new(db.clone(), pepper);
    runtime::sqs::serve(&db, |deliveries, deadline| {
        app.work_off(deliveries, deadline, runtime::now())
    })
    .await
}
