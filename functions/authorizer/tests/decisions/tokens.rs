//! Operators' tokens.

use std::sync::atomic::Ordering;

use aws_lc_rs::rand::SystemRandom;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use faults::Probe;
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn an_operators_token_lets_its_subject_through() {
    let table = Table::start(Probe::none()).await;
    let signing = SigningKey::new("k1");
    let issuer = TestIssuer::start(vec![json!({"kty": "XYZ"}), signing.jwk()]).await;
    let app = app(&table, Some(&issuer));
    let answer = app
        .handle(event(&bearer(&signing.token(&claims(&issuer))), ROUTE), now())
        .await
        .unwrap();
    assert_eq!(
        serde_json::to_value(&answer).unwrap(),
        json!({"isAuthorized": true, "context": {
            "tenant": "demo", "client": "operator", "subject": "auth0|42",
            "scopes": "purchases:write clients:admin", "locations": "*",
        }})
    );
    let mut narrow = changed(&issuer, "locations", json!("B01 B07"));
    narrow["azp"] = json!("back-office");
    let answer = app
        .handle(event(&bearer(&signing.token(&narrow)), ROUTE), now())
        .await
        .unwrap();
    assert_eq!(answer.context["locations"], "B01 B07");
    assert_eq!(answer.context["client"], "back-office");
    narrow["azp"] = json!("workflow");
    let answer = app
        .handle(event(&bearer(&signing.token(&narrow)), ROUTE), now())
        .await
        .unwrap();
    assert_eq!(answer.context["client"], "operator", "that one is the system's own");
    assert_eq!(issuer.asked(), 1, "the keys are kept");
}

#[tokio::test]
async fn a_token_with_a_wrong_claim_is_refused() {
    let table = Table::start(Probe::none()).await;
    let signing = SigningKey::new("k1");
    let issuer = TestIssuer::start(vec![signing.jwk()]).await;
    let app = app(&table, Some(&issuer));
    let seconds = |offset: i64| json!(now().timestamp() + offset);
    for (field, value) in [
        ("iss", json!("https://id.example.com")),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("exp", seconds(-60)),
        ("exp", Value::Null),
        ("exp", json!("tomorrow")),
        ("exp", json!(i64::MAX)),
        ("nbf", seconds(61)),
        ("sub", Value::Null),
        ("sub", json!("Max Muster")),
        ("tenant", Value::Null),
        ("tenant", json!("De Mo")),
        ("locations", Value::Null),
        ("locations", json!("")),
        ("locations", json!(" ")),
        ("locations", json!("* B01")),
        ("locations", json!("B01 B/2")),
        ("scope", json!("purchases:read")),
        ("scope", Value::Null),
    ] {
        let token = signing.token(&changed(&issuer, field, value.clone()));
        assert!(!allowed(&app, &bearer(&token), ROUTE).await, "{field} {value}");
    }
    for (field, value) in [
        ("exp", seconds(-59)),
        ("nbf", seconds(60)),
        ("aud", json!("treue")),
        ("nbf", Value::Null),
    ] {
        let token = signing.token(&changed(&issuer, field, value.clone()));
        assert!(allowed(&app, &bearer(&token), ROUTE).await, "{field} {value}");
    }
}

#[tokio::test]
async fn a_token_with_a_wrong_header_or_signature_is_refused() {
    let table = Table::start(Probe::none()).await;
    let (signing, stranger) = (SigningKey::new("k1"), SigningKey::new("k1"));
    let issuer = TestIssuer::start(vec![signing.jwk()]).await;
    let app = app(&table, Some(&issuer));
    let claims = claims(&issuer);
    let unsigned = |algorithm: &str| format!("{}.{}.", part(&json!({"alg": algorithm, "kid": "k1"})), part(&claims));
    let good = signing.token(&claims);
    let (message, _) = good.rsplit_once('.').unwrap();
    for (what, token) in [
        ("another's signature", stranger.token(&claims)),
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("no signature", unsigned("ES256")),
        (
            "another's algorithm",
            signing.sign(&json!({"alg": "RS256", "kid": "k1"}), &claims),
        ),
        (
            "a symmetric algorithm",
            signing.sign(&json!({"alg": "HS256", "kid": "k1"}), &claims),
        ),
        ("no key id", signing.sign(&json!({"alg": "ES256"}), &claims)),
        (
            "critical extension",
            signing.sign(&json!({"alg": "ES256", "kid": "k1", "crit": ["b64"]}), &claims),
        ),
        ("cut signature", message.to_owned() + ".AAAA"),
        (
            "other claims",
            format!(
                "{}.{}.{}",
                part(&json!({"alg": "ES256", "kid": "k1"})),
                part(&claims),
                "AAAA"
            ),
        ),
    ] {
        assert!(!allowed(&app, &bearer(&token), ROUTE).await, "{what}");
    }
    assert!(allowed(&app, &bearer(&good), ROUTE).await);
}

#[tokio::test]
async fn without_an_issuer_no_token_works() {
    let table = Table::start(Probe::none()).await;
    let signing = SigningKey::new("k1");
    let issuer = TestIssuer::start(vec![signing.jwk()]).await;
    assert!(!allowed(&app(&table, None), &bearer(&signing.token(&claims(&issuer))), ROUTE).await);
}

#[tokio::test]
async fn unknown_key_ids_make_us_ask_the_issuer_once_a_minute_and_a_rotated_key_is_found() {
    let table = Table::start(Probe::none()).await;
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    let issuer = TestIssuer::start(vec![old.jwk()]).await;
    let app = app(&table, Some(&issuer));
    let mut claims = claims(&issuer);
    claims["exp"] = json!(now().timestamp() + 3_600);
    let at = |key: &SigningKey, seconds: i64| {
        let event = event(&bearer(&key.token(&claims)), ROUTE);
        let app = &app;
        async move {
            app.handle(event, now() + TimeDelta::seconds(seconds))
                .await
                .unwrap()
                .is_authorized
        }
    };
    assert!(at(&old, 0).await);
    for second in 0..60 {
        assert!(!at(&new, second).await);
    }
    assert_eq!(issuer.asked(), 1);
    issuer.keys.lock().unwrap().push(new.jwk());
    assert!(at(&new, 60).await, "a minute later the new key is found");
    assert!(at(&old, 61).await);
    assert_eq!(issuer.asked(), 2);
    issuer.keys.lock().unwrap().remove(0);
    assert!(!at(&old, 660).await, "after ten minutes a withdrawn key is gone");
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn an_issuer_that_fails_is_an_error_until_its_keys_are_known_and_then_they_serve_for_an_hour() {
    let table = Table::start(Probe::none()).await;
    let signing = SigningKey::new("k1");
    let issuer = TestIssuer::start(vec![signing.jwk()]).await;
    let app = app(&table, Some(&issuer));
    let mut claims = claims(&issuer);
    claims["exp"] = json!(now().timestamp() + 9_000);
    let token = bearer(&signing.token(&claims));
    let at = |seconds: i64| {
        let (app, event) = (&app, event(&token, ROUTE));
        async move {
            app.handle(event, now() + TimeDelta::seconds(seconds))
                .await
                .map(|answer| answer.is_authorized)
        }
    };
    let fail = |status| issuer.status.store(status, Ordering::SeqCst);
    fail(503);
    assert!(at(0).await.is_err());
    assert!(at(1).await.is_err(), "nobody knows yet");
    assert_eq!(issuer.asked(), 1, "and the issuer is spared");
    fail(200);
    assert!(at(5).await.unwrap());
    fail(302);
    assert!(at(5 + 601).await.unwrap(), "the known keys serve on");
    assert!(at(5 + 4_199).await.unwrap());
    assert!(at(5 + 4_200).await.is_err(), "but not for ever");
}

#[tokio::test]
async fn an_rsa_key_of_the_issuer_verifies_rs256_and_nothing_else() {
    let table = Table::start(Probe::none()).await;
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    // PKCS #1: a sequence of the modulus, 256 bytes from the ninth on, and the exponent 65537.
    let public = aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref().to_vec();
    let jwk = |kid: &str, algorithm: Value| json!({"kty": "RSA", "kid": kid, "alg": algorithm, "n": URL_SAFE_NO_PAD.encode(&public[9..265]), "e": "AQAB"});
    let mut encryption = jwk("k4", json!("RS256"));
    encryption["use"] = json!("enc");
    let published = vec![
        jwk("k1", json!("RS256")),
        jwk("k2", Value::Null),
        jwk("k3", json!("RS512")),
        encryption,
    ];
    let issuer = TestIssuer::start(published).await;
    let app = app(&table, Some(&issuer));
    let token = |kid: &str, algorithm: &str| {
        let message = format!(
            "{}.{}",
            part(&json!({"alg": algorithm, "kid": kid})),
            part(&claims(&issuer))
        );
        let mut signature = vec![0; pair.public_modulus_len()];
        let padding = &aws_lc_rs::signature::RSA_PKCS1_SHA256;
        pair.sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .unwrap();
        bearer(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    };
    for (kid, algorithm, expected) in [
        ("k1", "RS256", true),
        ("k2", "RS256", true),
        ("k3", "RS256", false),
        ("k4", "RS256", false),
        ("k1", "RS384", false),
        ("k1", "PS256", false),
        ("k1", "ES256", false),
    ] {
        assert_eq!(
            allowed(&app, &token(kid, algorithm), ROUTE).await,
            expected,
            "{kid} {algorithm}"
        );
    }
}
