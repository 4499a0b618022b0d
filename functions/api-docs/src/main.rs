//! Wiring of the documentation.

use api_docs::App;
use runtime::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let app = &App::default();
    runtime::http::serve(None, |request| async move { app.handle(&request) }).await
}
