//! Wires the function: settings, table, keys, then batches of the issuance queue.

use runtime::{Aws, Error, Pace, Settings, secrets};
use voucher_issuance::App;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "CODE_KEYS_SECRET_ARN", "LOOKUP_PEPPER_SECRET_ARN"])?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let (pepper, code_keys, ()) = tokio::join!(
        secrets::pepper(&aws, &settings, "LOOKUP_PEPPER_SECRET_ARN"),
        secrets::code_keys(&aws, &settings, "CODE_KEYS_SECRET_ARN"),
        runtime::aws::warm(&db, "PROGRAMME#-"),
    );
    let app = &App::new(db.clone(), pepper?, code_keys?);
    runtime::sqs::serve(&db, |deliveries, deadline| {
        app.work_off(deliveries, deadline, runtime::now())
    })
    .await
}
