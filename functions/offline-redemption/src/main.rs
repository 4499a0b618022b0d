//! Wires the function: settings, table, keys, then requests.

use offline_redemption::App;
use runtime::signing::{self, Signer};
use runtime::{Aws, Pace, Settings, secrets};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "LOOKUP_PEPPER_SECRET_ARN", "ALLOWANCE_KEYS_SECRET_ARN"])?;
    let aws = Aws::connect(Pace::Till).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let (pepper, keys, ()) = tokio::join!(
        secrets::pepper(&aws, &settings, "LOOKUP_PEPPER_SECRET_ARN"),
        secrets::code_keys(&aws, &settings, "ALLOWANCE_KEYS_SECRET_ARN"),
        runtime::aws::warm(&db, "LOCATIONS#-"),
    );
    let app = App::new(db.clone(), pepper?, Signer::new(&keys?, signing::ALLOWANCES)?);
    runtime::http::serve(Some(&db), |request| {
        let app = &app;
        // On the heap: the loop around it would carry the room for the largest answer with every call.
        async move { Box::pin(app.handle(&request, runtime::now())).await }
    })
    .await
}
