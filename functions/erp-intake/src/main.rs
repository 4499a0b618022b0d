//! Wires the function: settings, table, pepper, then requests and batches of its queue.

use erp_intake::App;
use runtime::{Aws, Pace, Settings, secrets};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), runtime::Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "LOOKUP_PEPPER_SECRET_ARN", "ERP_TENANTS"])?;
    let queue_of = erp_intake::tenants(settings.get("ERP_TENANTS"))?;
    let aws = Aws::connect(Pace::Till).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let (pepper, ()) = tokio::join!(
        secrets::pepper(&aws, &settings, "LOOKUP_PEPPER_SECRET_ARN"),
        runtime::aws::warm(&db, "ERP#-"),
    );
    let app = &App::new(db.clone(), pepper?, queue_of);
    runtime::mixed::serve(
        &db,
        // On the heap: the loop around it would carry the room for the largest answer with every call.
        |request| async move { Box::pin(app.handle(&request, runtime::now())).await },
        |deliveries, deadline| app.work_off(deliveries, deadline, runtime::now()),
    )
    .await
}
