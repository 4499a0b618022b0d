//! Nothing personal and nothing secret in any log, whatever goes wrong (X17): a day with planted names, cards, codes and keys,
//! with every kind of mistake, and then a search through the logs of all functions and through what the stack itself tells.

#[path = "http_privacy/day.rs"]
mod day;
#[path = "http_privacy/letters.rs"]
mod letters;

use std::collections::BTreeMap;

use end_to_end::running::Running;
use end_to_end::told;

use day::Planted;

/// What the logs must hold, so that silence means something: each function has worked, and each kind of mistake was made.
const HEARD: [(&str, &str); 37] = [
    ("AdministrationFunction", "answered"),
    ("ApiDocsFunction", "answered"),
    ("AuthorizerFunction", "unknown_key"),
    ("AuthorizerFunction", "malformed_credential"),
    ("CampaignResultsFunction", "changes of runs' vouchers are counted"),
    ("CampaignRunFunction", "the vouchers of a run are issued"),
    ("CampaignsFunction", "malformed_body"),
    ("CustomerFunction", "malformed_parameter"),
    ("ErpIntakeFunction", "a document of the ERP is refused and listed"),
    ("ErpIntakeFunction", "a message cannot be read"),
    ("EventRelayFunction", "a stream record cannot be understood"),
    ("FinanceFunction", "malformed_parameter"),
    ("FinanceFunction", "malformed_body"),
    ("FinanceReportsFunction", "the books of a month are written"),
    ("LettershopExportFunction", "the file of a run stands"),
    ("LettershopIntakeFunction", "a file in the inbox is done"),
    ("LettershopIntakeFunction", "a file in the inbox was refused"),
    (
        "LettershopIntakeFunction",
        "an acknowledgement does not agree with the file",
    ),
    ("LettershopIntakeFunction", "letters came back"),
    ("OfflineRedemptionFunction", "allowance_not_genuine"),
    ("OfflineRedemptionFunction", "asks for many unknown codes or cards"),
    ("PartySearchFunction", "searched"),
    ("PartySearchFunction", "malformed_parameter"),
    ("ImportsFunction", "answered"),
    ("PartyImportFunction", "a file is imported"),
    ("PointCalculationFunction", "a message cannot be read"),
    ("PointCalculationFunction", "a voucher payment fits no voucher"),
    ("PointsDeskFunction", "adjustment_contradiction"),
    ("PrivacyFunction", "erasure_state"),
    ("PurchaseIngestionFunction", "a receipt came again with other content"),
    ("RecalculationFunction", "worked off"),
    ("ServiceDeskFunction", "desk_contradiction"),
    ("SearchIndexFunction", "listed"),
    ("VoucherIssuanceFunction", "a message cannot be read"),
    ("VoucherRedemptionFunction", "too_many_unknown"),
    ("WorkflowRunnerFunction", "workflows asked"),
    (STACK, "every message of the batch failed"),
];
/// What the stack itself tells, its functions' output included.
const STACK: &str = "the stack";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_holds_a_name_a_card_a_code_or_a_key() {
    let told = told::listen();
    let stack = Running::start_with(|options| options.visibility_timeout_seconds = Some(1)).await;
    let planted = day::play(&stack).await;
    let mut logs = BTreeMap::new();
    for pool in stack.stack.functions().iter() {
        let name = pool.settings().id.clone();
        let text = stack.stack.function_log(&name).expect("a log");
        assert!(text.lines().count() > 1, "{name} has worked and logged: {text:?}");
        logs.insert(name, text);
    }
    stack.stop().await;
    logs.insert(STACK.to_owned(), told.text());
    for (name, words) in HEARD {
        let log = logs.get(name).expect("a log");
        assert!(log.contains(words), "{name} tells: {words}");
    }
    assert_silent(&planted, &logs);
}

/// No log holds anything planted, as it was written or without spaces, dashes and case.
fn assert_silent(planted: &Planted, logs: &BTreeMap<String, String>) {
    let compact = |text: &str| -> String {
        let kept = text.chars().filter(|c| !matches!(c, ' ' | '-'));
        kept.flat_map(char::to_lowercase).collect()
    };
    assert!(planted.all().count() > 20, "there is something to look for");
    for (name, log) in logs {
        let compact_log = compact(log);
        for (what, secret) in planted.all() {
            let line = log
                .lines()
                .find(|line| line.contains(secret) || compact(line).contains(&compact(secret)));
            assert_eq!(line, None, "{name} tells {what} {secret}");
            assert!(
                !compact_log.contains(&compact(secret)),
                "{name} tells {what} {secret} over several lines"
            );
        }
    }
}
