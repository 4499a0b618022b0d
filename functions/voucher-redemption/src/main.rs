//! Wires the function: settings, table, keys, then requests.

use runtime::{Aws, Pace, Settings, secrets};
use voucher_redemption::App;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "CODE_KEYS_SECRET_ARN", "LOOKUP_PEPPER_SECRET_ARN"])?;
    let aws = Aws::connect(Pace::Till).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let (pepper, code_keys, ()) = tokio::join!(
        secrets::pepper(&aws, &settings, "LOOKUP_PEPPER_SECRET_ARN"),
        secrets::key_ring(&aws, &settings, "CODE_KEYS_SECRET_ARN"),
        runtime::aws::warm(&db, "LOCATIONS#-"),
    );
    let app = App::new(db.clone(), pepper?, code_keys?);
    runtime::http::serve(Some(&db), |request| {
        let app = &app;
        async move { app.handle(&request, runtime::now()).await }
    })
    .await
}
