//! Wiring of the routes of campaigns.

use campaigns::{App, Place};
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "CAMPAIGN_QUEUE_URL", "LETTERSHOP_BUCKET"])?;
    let aws = Aws::connect(Pace::Till).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    runtime::aws::warm(&db, "CAMPAIGNS#-").await;
    let place = Place {
        queue_url: settings.get("CAMPAIGN_QUEUE_URL").to_owned(),
        bucket: settings.get("LETTERSHOP_BUCKET").to_owned(),
    };
    let app = &App::new(db, aws.sender(), aws.buckets(), place);
    runtime::http::serve(Some(app.db()), |request| app.handle(request, runtime::now())).await
}
