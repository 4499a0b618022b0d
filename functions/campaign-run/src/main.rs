//! Wires the function: settings, table, queues, keys, then the hours of the schedule and batches of its queue.

use campaign_run::{App, Queues};
use runtime::{Aws, Error, Pace, Settings, secrets};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let names = [
        "TABLE_NAME",
        "CAMPAIGN_QUEUE_URL",
        "LETTERSHOP_QUEUE_URL",
        "CODE_KEYS_SECRET_ARN",
        "LOOKUP_PEPPER_SECRET_ARN",
    ];
    let settings = Settings::read(&names)?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let (pepper, code_keys, ()) = tokio::join!(
        secrets::pepper(&aws, &settings, "LOOKUP_PEPPER_SECRET_ARN"),
        secrets::code_keys(&aws, &settings, "CODE_KEYS_SECRET_ARN"),
        runtime::aws::warm(&db, "CAMPAIGNS#-"),
    );
    let queues = Queues {
        campaign: settings.get("CAMPAIGN_QUEUE_URL").to_owned(),
        lettershop: settings.get("LETTERSHOP_QUEUE_URL").to_owned(),
    };
    let app = &App::new(db.clone(), aws.sender(), queues, pepper?, code_keys?);
    runtime::sqs::serve_with_schedule(
        &db,
        || app.ask(runtime::now()),
        |deliveries, deadline| app.work_off(deliveries, deadline, runtime::now()),
    )
    .await
}
