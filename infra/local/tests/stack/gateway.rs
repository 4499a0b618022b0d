//! The HTTP API as API Gateway would serve it.

use base64::Engine as _;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{http, logged, start, start_with};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test(flavor = "multi_thread")]
async fn a_function_gets_the_request_in_payload_format_2() {
    let stack = start().await;
    let headers = [
        ("authorization", "allow me"),
        ("X-Many", "a"),
        ("x-many", "b"),
        ("cookie", "c=1; d=2"),
        ("user-agent", "test"),
    ];
    let path = "/things/M%C3%BCller/parts/1/2?tag=a&tag=b&q=x%20y";
    let answer = http(&stack.urls().api, "GET", path, &headers, b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let event = answer.json();
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "GET /things/{id}/parts/{rest+}");
    assert_eq!(event["rawPath"], "/things/Müller/parts/1/2");
    assert_eq!(event["rawQueryString"], "tag=a&tag=b&q=x%20y");
    assert_eq!(event["queryStringParameters"], json!({"tag": "a,b", "q": "x y"}));
    assert_eq!(event["pathParameters"], json!({"id": "Müller", "rest": "1/2"}));
    assert_eq!(event["headers"]["x-many"], "a,b");
    assert_eq!(event["headers"]["cookie"], Value::Null);
    assert_eq!(event["cookies"], json!(["c=1", "d=2"]));
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event.get("body"), None);
    let context = &event["requestContext"];
    assert_eq!(context["http"]["method"], "GET");
    assert_eq!(context["http"]["path"], "/things/Müller/parts/1/2");
    assert_eq!(context["http"]["protocol"], "HTTP/1.1");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["http"]["userAgent"], "test");
    assert_eq!(
        (&context["stage"], &context["accountId"]),
        (&json!("$default"), &json!("000000000000"))
    );
    assert_eq!(context["requestId"], answer.header("apigw-requestid"));
    assert!(context["timeEpoch"].as_i64().is_some_and(|ms| ms > 1_700_000_000_000));
    assert_eq!(context["authorizer"]["lambda"]["credential"], "allow me");
    assert_eq!(
        context["authorizer"]["lambda"]["identity"],
        json!(["allow me", "GET /things/{id}/parts/{rest+}"])
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_text_when_they_are_declared_so_and_base64_otherwise() {
    let stack = start().await;
    let api = stack.urls().api;
    let text = http(&api, "POST", "/open", &[JSON], "{\"a\":\"ü\"}".as_bytes())
        .await
        .json();
    assert_eq!(
        (&text["body"], &text["isBase64Encoded"]),
        (&json!("{\"a\":\"ü\"}"), &json!(false))
    );
    let binary = http(
        &api,
        "POST",
        "/open",
        &[("content-type", "application/octet-stream")],
        &[0, 255],
    )
    .await
    .json();
    let encoded = base64::engine::general_purpose::STANDARD.encode([0, 255]);
    assert_eq!(
        (&binary["body"], &binary["isBase64Encoded"]),
        (&json!(encoded), &json!(true))
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_functions_answer_becomes_the_response() {
    let stack = start().await;
    let api = stack.urls().api;
    let respond = |response: Value| {
        let text: String = response
            .to_string()
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        format!("/open?respond={text}")
    };
    let full = respond(
        json!({"statusCode": 201, "headers": {"X-A": "b"}, "cookies": ["a=1", "b=2"], "body": "AP8=", "isBase64Encoded": true}),
    );
    let answer = http(&api, "GET", &full, &[], b"").await;
    assert_eq!(
        (answer.status, answer.header("x-a"), &answer.body[..]),
        (201, "b", &[0, 255][..])
    );
    assert_eq!(answer.headers["set-cookie"], ["a=1", "b=2"]);
    let implicit = http(&api, "GET", &respond(json!({"plain": true})), &[], b"").await;
    assert_eq!(
        (implicit.status, implicit.header("content-type")),
        (200, "application/json")
    );
    assert_eq!(implicit.json(), json!({"plain": true}));
    let impossible = http(&api, "GET", &respond(json!({"statusCode": "many"})), &[], b"").await;
    assert_eq!(
        (impossible.status, impossible.json()),
        (500, json!({"message": "Internal Server Error"}))
    );
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_own_errors_are_api_gateways() {
    let stack = start().await;
    let api = stack.urls().api;
    let message = |text: &str| json!({ "message": text });
    let unknown = http(&api, "GET", "/nowhere", &[], b"").await;
    assert_eq!((unknown.status, unknown.json()), (404, message("Not Found")));
    let failed = http(&api, "GET", "/open?do=fail", &[], b"").await;
    assert_eq!((failed.status, failed.json()), (500, message("Internal Server Error")));
    let crashed = http(&api, "GET", "/open?do=exit", &[], b"").await;
    assert_eq!(
        (crashed.status, crashed.json()),
        (500, message("Internal Server Error"))
    );
    let slow = http(&api, "GET", "/quick?do=sleep&ms=1500", &[], b"").await;
    assert_eq!((slow.status, slow.json()), (503, message("Service Unavailable")));
    let large = http(&api, "POST", "/open", &[], &vec![b'x'; 10 * 1024 * 1024 + 1]).await;
    assert_eq!((large.status, large.json()), (413, message("Request Entity Too Large")));
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authorizer_decides_and_its_answers_are_cached_by_identity() {
    let stack = start().await;
    let api = stack.urls().api;
    let asked = |text: &str| logged(&stack, "GateFunction", text);
    let post =
        async |credential: &str| http(&api, "POST", "/closed", &[("authorization", credential), JSON], b"{}").await;

    let nobody = http(&api, "POST", "/closed", &[JSON], b"{}").await;
    assert_eq!(
        (nobody.status, nobody.json()),
        (401, json!({"message": "Unauthorized"}))
    );
    assert_eq!(asked("authorizing"), 0);

    assert_eq!(post("allow a").await.status, 200);
    assert_eq!(post("allow a").await.status, 200);
    assert_eq!(asked("authorizing allow a POST /closed"), 1);
    // The route is part of the identity.
    let get = http(&api, "GET", "/things/1/parts/2", &[("authorization", "allow a")], b"").await;
    assert_eq!((get.status, asked("authorizing allow a")), (200, 2));

    let refused = post("deny").await;
    assert_eq!((refused.status, refused.json()), (403, json!({"message": "Forbidden"})));
    assert_eq!(post("deny").await.status, 403);
    assert_eq!(asked("authorizing deny"), 1);

    // A failure is no answer and is not cached.
    assert_eq!((post("fail").await.status, post("fail").await.status), (500, 500));
    assert_eq!(asked("authorizing fail"), 2);
    assert_eq!(post("nonsense").await.status, 500);

    stack.forget_authorizer_answers();
    assert_eq!(post("allow a").await.status, 200);
    assert_eq!(asked("authorizing allow a POST /closed"), 2);
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_declared_burst_is_refused() {
    let stack = start_with(|options| {
        options.parameters.insert("ThrottleBurst".to_owned(), "1".to_owned());
    })
    .await;
    let api = stack.urls().api;
    // The rate of the fixture gives back one request a millisecond: of many at once some must be refused.
    let answers = join_all((0..200).map(|_| http(&api, "POST", "/closed", &[], b""))).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(!refused.is_empty() && refused.len() < 200, "{} refused", refused.len());
    assert_eq!(refused[0].json(), json!({"message": "Too Many Requests"}));
    stack.stop().await;
}
