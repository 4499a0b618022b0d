//! Wires the function: settings, table, keys, then requests.

use points_desk::App;
use runtime::{Aws, Pace, Settings, secrets};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "CODE_KEYS_SECRET_ARN", "LOOKUP_PEPPER_SECRET_ARN"])?;
    let aws = Aws::connect(Pace::Till).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let (pepper, code_keys, ()) = tokio::join!(
        secrets::pepper(&aws, &settings, "LOOKUP_PEPPER_SECRET_ARN"),
        secrets::key_ring(&aws, &settings, "CODE_KEYS_SECRET_ARN"),
        runtime::aws::warm(&db, "ADJUST#-"),
    );
    let app = App::new(db.clone(), pepper?, code_keys?);
    runtime::http::serve(Some(&db), |request| {
        let app = &app;
        // On the heap: the loop around it would carry the room for the largest answer with every call.
        async move { Box::pin(app.handle(&request, runtime::now())).await }
    })
    .await
}
