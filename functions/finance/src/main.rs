//! Wiring of the finance routes.

use finance::{App, Place};
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "FINANCE_QUEUE_URL", "FINANCE_BUCKET"])?;
    let aws = Aws::connect(Pace::Till).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    runtime::aws::warm(&db, "FINANCE#warm").await;
    let place = Place {
        queue_url: settings.get("FINANCE_QUEUE_URL").to_owned(),
        bucket: settings.get("FINANCE_BUCKET").to_owned(),
    };
    let app = &App::new(db, aws.sender(), aws.buckets(), place);
    runtime::http::serve(Some(app.db()), |request| app.handle(request, runtime::now())).await
}
