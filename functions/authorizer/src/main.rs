//! Wiring of the authorizer.

use authorizer::App;
use authorizer::issuer::Issuer;
use authorizer::token::Tokens;
use lambda_runtime::{LambdaEvent, service_fn};
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&["TABLE_NAME", "OIDC_AUDIENCE"])?;
    // Empty or absent where operators have no identity provider: then only API keys work.
    let issuer = std::env::var("OIDC_ISSUER").unwrap_or_default();
    let tokens =
        (!issuer.is_empty()).then(|| Tokens::new(Issuer::new(issuer), settings.get("OIDC_AUDIENCE").to_owned()));
    let db = Aws::connect(Pace::Till).await.db(settings.get("TABLE_NAME"));
    runtime::aws::warm(&db, "APIKEY#warm").await;
    let app = &App { db, tokens };
    lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        app.handle(event.payload, runtime::now()).await.map_err(Error::from)
    }))
    .await
}
