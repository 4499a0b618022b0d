//! Callers who may not, and paths that lead nowhere.

use end_to_end::shared::alone_on_the_stack;
use http_edge::Scope;
use serde_json::json;

use crate::refusal::{Bad, assert_refused};

const POST: (&str, &str) = ("POST", "/v1/purchases");

#[test]
fn a_call_without_the_right_key_is_refused_by_the_gateway_and_leaves_no_trace() {
    alone_on_the_stack(async |stack| {
        let receipt = stack.receipt("B01", 1_000, None).to_string();
        let nobody = stack.admin.with_key(None);
        let stranger = treue_local::operations::bootstrap::new_key().expect("random bytes");
        let stranger = stack.admin.with_key(Some(stranger.reveal()));
        let garbled = stack.admin.with_key(Some("treue_abc"));
        let reader = stack.client(&[Scope::PurchasesRead], &["B01"]).await;
        let forbidden = (403, "Forbidden");
        let calls = [
            Bad::new("no key", &nobody, POST, receipt.clone(), (401, "Unauthorized")),
            Bad::new("nobody's key", &stranger, POST, receipt.clone(), forbidden),
            Bad::new("no key of ours", &garbled, POST, receipt.clone(), forbidden),
            Bad::new("a key without the scope", &reader, POST, receipt, forbidden),
            Bad::new(
                "not an operator",
                &reader,
                ("GET", "/v1/exceptions?from=2026-01-01&to=2026-01-01"),
                "",
                forbidden,
            ),
            Bad::new("not an administrator", &reader, ("GET", "/v1/clients"), "", forbidden),
            Bad::new(
                "no such path",
                &stack.admin,
                ("GET", "/v1/nothing"),
                "",
                (404, "Not Found"),
            ),
            Bad::new(
                "no such method",
                &stack.admin,
                ("DELETE", "/v1/purchases"),
                "",
                (404, "Not Found"),
            ),
            Bad::new(
                "over 10 MB",
                &stack.admin,
                POST,
                vec![b' '; 11_000_000],
                (413, "Request Entity Too Large"),
            ),
        ];
        assert_refused(stack, &calls, &[stranger.key(), reader.key()]).await;
    });
}

#[test]
fn a_bad_question_is_refused_and_leaves_no_trace() {
    alone_on_the_stack(async |stack| {
        let unknown = stack.unknown_card();
        let misread = "2500000000018";
        let desk = |card: &str, query: &str| format!("/v1/cash-desk/{card}{query}");
        let here = "?store=B01&till=1";
        let parameter = (400, "malformed_parameter");
        let admin = &stack.admin;
        let nameless = json!({"kind": "person"}).to_string();
        let misspelt = json!({"kind": "person", "familyname": "Muster"}).to_string();
        let branch = json!({"name": "Vaduz", "kind": "branch", "programme": "none"}).to_string();
        let calls = [
            Bad::new(
                "nobody's card",
                admin,
                ("GET", &desk(&unknown, here)),
                "",
                (404, "card_unknown"),
            ),
            Bad::new("a misread card", admin, ("GET", &desk(misread, here)), "", parameter)
                .says("read or type the card again"),
            Bad::new("no till", admin, ("GET", &desk(&unknown, "?store=B01")), "", parameter)
                .says("the query parameter till is missing"),
            Bad::new(
                "no receipt",
                admin,
                ("GET", "/v1/purchases/B01~1~2026-01-01~x"),
                "",
                (404, "not_found"),
            ),
            Bad::new(
                "no page of that size",
                admin,
                ("GET", "/v1/locations?limit=0"),
                "",
                parameter,
            )
            .says("1 to 200"),
            Bad::new(
                "no cursor of ours",
                admin,
                ("GET", "/v1/vouchers/feed?cursor=xyz"),
                "",
                parameter,
            )
            .says("cursor"),
            Bad::new(
                "a person without a name",
                admin,
                ("POST", "/v1/parties"),
                nameless,
                (422, "invalid"),
            )
            .at("/family_name", "missing"),
            Bad::new(
                "a misspelt field",
                admin,
                ("POST", "/v1/parties"),
                misspelt,
                (400, "malformed_body"),
            )
            .says("unknown field"),
            Bad::new(
                "no programme",
                admin,
                ("PUT", "/v1/locations/B26"),
                branch,
                (422, "programme_unknown"),
            ),
        ];
        assert_refused(stack, &calls, &[&unknown, misread, "Muster"]).await;
    });
}
