//! A bad call, what must be answered, and the check that nothing else happens.

use std::collections::BTreeMap;

use bytes::Bytes;
use end_to_end::client::{Answer, Client};
use end_to_end::running::Running;
use http_edge::Code;
use serde_json::{Value, json};
use store::record::Item;

/// A bad call and its answer.
#[derive(Debug)]
pub(crate) struct Bad<'a> {
    what: &'static str,
    by: &'a Client,
    method: &'static str,
    path: String,
    body: Bytes,
    status: u16,
    code: &'static str,
    field: Option<(&'static str, &'static str)>,
    says: &'static str,
}

impl<'a> Bad<'a> {
    /// A call that is answered with this status and code, or with this message of the gateway.
    pub(crate) fn new(
        what: &'static str,
        by: &'a Client,
        (method, path): (&'static str, &str),
        body: impl Into<Bytes>,
        (status, code): (u16, &'static str),
    ) -> Self {
        Self {
            what,
            by,
            method,
            path: path.to_owned(),
            body: body.into(),
            status,
            code,
            field: None,
            says: "",
        }
    }

    /// The field that the answer names, and the code of the finding about it.
    pub(crate) fn at(mut self, pointer: &'static str, finding: &'static str) -> Self {
        self.field = Some((pointer, finding));
        self
    }

    /// What the answer tells people.
    pub(crate) fn says(mut self, text: &'static str) -> Self {
        self.says = text;
        self
    }

    fn check(&self, answer: &Answer) {
        let told = format!("{}: {} {}", self.what, answer.status, answer.text);
        assert_eq!(answer.status, self.status, "{told}");
        if answer.header("content-type") != "application/problem+json" {
            self.check_gateways(answer, &told);
            return;
        }
        let problem = &answer.body;
        assert_eq!(problem["code"], self.code, "{told}");
        assert_eq!(problem["status"], self.status, "{told}");
        assert_eq!(problem["type"], format!("/docs#{}", self.code), "{told}");
        let code = Code::ALL.iter().find(|code| code.as_str() == self.code);
        assert_eq!(problem["title"], code.expect("a documented code").title(), "{told}");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(!detail.is_empty() && detail.contains(self.says), "{told}");
        let id = answer.header("x-request-id");
        assert!(!id.is_empty(), "{told}");
        assert_eq!(problem["request_id"], id, "{told}");
        assert_eq!(answer.header("apigw-requestid"), id, "{told}");
        assert_eq!(answer.header("cache-control"), "no-store", "{told}");
        if self.status == 429 || self.status == 503 {
            assert!(!answer.header("retry-after").is_empty(), "{told}");
        }
        self.check_field(problem, &told);
    }

    fn check_field(&self, problem: &Value, told: &str) {
        let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        match self.field {
            None => assert!(errors.is_empty(), "{told}"),
            Some((pointer, finding)) => {
                let named = errors.iter().find(|e| e["pointer"] == pointer && e["code"] == finding);
                let named = named.unwrap_or_else(|| panic!("{pointer} {finding}: {told}"));
                let detail = named["detail"].as_str().unwrap_or_default();
                assert!(!detail.is_empty(), "{told}");
            }
        }
    }

    /// The gateway refuses before any function is asked, in its own words.
    fn check_gateways(&self, answer: &Answer, told: &str) {
        assert_eq!(answer.header("content-type"), "application/json", "{told}");
        assert_eq!(answer.body, json!({"message": self.code}), "{told}");
        assert!(!answer.header("apigw-requestid").is_empty(), "{told}");
    }
}

/// Makes each call and sees to it that it is refused as it must be, leaves no trace in the books, and repeats no secret.
pub(crate) async fn assert_refused(stack: &Running, calls: &[Bad<'_>], secrets: &[&str]) {
    stack.rest().await;
    let before = books(stack).await;
    assert!(!before.is_empty(), "there are books to compare");
    for bad in calls {
        let answer = bad.by.send(bad.method, &bad.path, &[], bad.body.clone()).await;
        bad.check(&answer);
        for secret in secrets {
            let compact = secret.replace('-', "");
            let repeated = answer.text.contains(secret) || answer.text.replace(['-', ' '], "").contains(&compact);
            assert!(!repeated, "{} repeats {secret}: {}", bad.what, answer.text);
        }
        let after = books(stack).await;
        assert_eq!(
            changed(&before, &after),
            Vec::<&str>::new(),
            "{} left a trace",
            bad.what
        );
    }
    stack.rest().await;
    let after = books(stack).await;
    assert_eq!(changed(&before, &after), Vec::<&str>::new(), "a trace came later");
    assert_documented(stack, calls).await;
}

/// What each problem means and what to do about it stands where its type points to.
async fn assert_documented(stack: &Running, calls: &[Bad<'_>]) {
    let docs = stack.admin.with_key(None).get("/docs").await;
    assert_eq!(docs.status, 200);
    for code in Code::ALL
        .iter()
        .filter(|code| calls.iter().any(|bad| bad.code == code.as_str()))
    {
        let anchor = format!("id=\"{}\"", code.as_str());
        assert!(docs.text.contains(&anchor), "/docs#{}", code.as_str());
        let remedy = code.remedy().replace('\'', "&#39;");
        assert!(docs.text.contains(&remedy), "what to do about {}", code.as_str());
    }
}

type Books = BTreeMap<(String, String), Item>;

/// The table, without what is kept on purpose: counters of guesses and cases for an operator.
async fn books(stack: &Running) -> Books {
    let text = |item: &Item, name: &str| {
        let value = item.get(name).and_then(|value| value.as_s().ok());
        value.expect("every item has a key of two texts").clone()
    };
    let keyed = |item: Item| ((text(&item, "pk"), text(&item, "sk")), item);
    let kept = |((pk, _), _): &((String, String), Item)| !pk.starts_with("GUESS#") && !pk.starts_with("EXCEPTION#");
    stack.items().await.into_iter().map(keyed).filter(kept).collect()
}

/// Partitions of the items that differ.
fn changed<'b>(before: &'b Books, after: &'b Books) -> Vec<&'b str> {
    let of_either = before.keys().chain(after.keys());
    of_either
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|(pk, _)| pk.as_str())
        .collect()
}
