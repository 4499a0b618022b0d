//! Wiring of the routes of campaigns.

use campaigns::App;
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "CAMPAIGN_QUEUE_URL"])?;
    let aws = Aws::connect(Pace::Till).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    runtime::aws::warm(&db, "CAMPAIGNS#-").await;
    let app = &App::new(db, aws.sender(), settings.get("CAMPAIGN_QUEUE_URL").to_owned());
    runtime::http::serve(Some(app.db()), |request| app.handle(request, runtime::now())).await
}
