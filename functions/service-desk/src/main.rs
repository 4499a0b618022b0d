//! Wires the function: settings, table, pepper, then requests.

use runtime::{Aws, Pace, Settings, secrets};
use service_desk::App;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "LOOKUP_PEPPER_SECRET_ARN"])?;
    let aws = Aws::connect(Pace::Till).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let (pepper, ()) = tokio::join!(
        secrets::pepper(&aws, &settings, "LOOKUP_PEPPER_SECRET_ARN"),
        runtime::aws::warm(&db, "DESK#-"),
    );
    let app = App::new(db.clone(), pepper?);
    runtime::http::serve(Some(&db), |request| {
        let app = &app;
        // On the heap: the loop around it would carry the room for the largest answer with every call.
        async move { Box::pin(app.handle(&request, runtime::now())).await }
    })
    .await
}
