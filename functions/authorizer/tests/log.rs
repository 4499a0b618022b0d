//! What the authorizer writes. A process of its own: whether a line is written at all is remembered by the process, and
//! other tests write without listening.

#[path = "decisions/support.rs"]
#[expect(dead_code, reason = "made for the decisions; this needs a part")]
mod support;

use std::sync::{Arc, Mutex};

use faults::Probe;
use support::*;

#[tokio::test]
async fn a_key_and_a_token_never_appear_in_the_log() {
    let table = Table::start(Probe::none()).await;
    let key = with_key(&table).await;
    let signing = SigningKey::new("k1");
    let issuer = TestIssuer::start(vec![signing.jwk()]).await;
    let app = app(&table, Some(&issuer));
    let token = signing.token(&claims(&issuer));
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let unknown = support::key(200);
    for credential in [key.reveal(), &token, unknown.reveal(), "treue_mistyped"] {
        allowed(&app, &bearer(credential), ROUTE).await;
        allowed(&app, &bearer(credential), "GET /v1/clients").await;
    }
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("authorised").count(), 8, "{text}");
    let signature = token.rsplit('.').next().unwrap();
    let secrets = [
        &key.reveal()[6..],
        &unknown.reveal()[6..],
        signature,
        "treue_mistyped",
        "auth0|42",
    ];
    for (index, secret) in secrets.iter().enumerate() {
        assert!(!text.contains(secret), "secret {index} is in the log");
    }
}

#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
