//! Wiring of the administration.

use administration::{App, REPORT_TIME};
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME"])?;
    let db = Aws::connect(Pace::Till).await.db(settings.get("TABLE_NAME"));
    runtime::aws::warm(&db, "CLIENT#warm").await;
    let app = &App {
        db,
        report_time: REPORT_TIME,
    };
    runtime::http::serve(Some(&app.db), |request| app.handle(request, runtime::now())).await
}
