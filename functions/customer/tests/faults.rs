//! Crashes, lost answers and a busy table: the same call again brings every command to the end it would have had.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use faults::{Fault, Site};
use serde_json::{Value, json};
use support::{Api, Moment, Plan, Table, number};

/// A command that can be repeated, and what must be there before.
#[derive(Debug, Clone, Copy)]
enum Command {
    CreateParty,
    IssueToParty,
    IssueMade,
    Register,
    ReplaceByStock,
    ReplaceByMade,
    Block,
    Unblock,
}

const COMMANDS: [Command; 8] = [
    Command::CreateParty,
    Command::IssueToParty,
    Command::IssueMade,
    Command::Register,
    Command::ReplaceByStock,
    Command::ReplaceByMade,
    Command::Block,
    Command::Unblock,
];

impl Command {
    async fn prepare(self, api: &Api) -> String {
        let party = api.person("Anna").await;
        match self {
            Self::CreateParty | Self::IssueToParty | Self::IssueMade => {}
            Self::Register => api.card(&number(1), None).await,
            Self::Block | Self::ReplaceByMade => api.card(&number(1), Some(&party)).await,
            Self::ReplaceByStock => {
                api.card(&number(1), Some(&party)).await;
                api.card(&number(2), None).await;
            }
            Self::Unblock => {
                api.card(&number(1), Some(&party)).await;
                assert_eq!(api.command(&number(1), "block", json!({"reason": "lost"})).await.0, 200);
            }
        }
        party
    }

    async fn run(self, api: &Api, party: &str) -> (u16, Value) {
        match self {
            Self::CreateParty => {
                let body =
                    json!({"kind": "person", "family_name": "Beat", "external_id": {"system": "erp", "id": "1"}});
                api.call("POST /v1/parties", &[], body).await
            }
            Self::IssueToParty => {
                let body = json!({"number": number(1).as_str(), "party_id": party});
                api.call("POST /v1/cards", &[], body).await
            }
            Self::IssueMade => {
                let body = json!({"client_token": "form-17", "party_id": party});
                api.call("POST /v1/cards", &[], body).await
            }
            Self::Register => api.command(&number(1), "register", json!({"party_id": party})).await,
            Self::ReplaceByStock => {
                let body = json!({"new_number": number(2).as_str()});
                api.command(&number(1), "replace", body).await
            }
            Self::ReplaceByMade => api.command(&number(1), "replace", Value::Null).await,
            Self::Block => api.command(&number(1), "block", json!({"reason": "lost"})).await,
            Self::Unblock => api.command(&number(1), "unblock", Value::Null).await,
        }
    }
}

/// A prepared table, and the function over it under a plan.
async fn under(command: Command, plan: Arc<Plan>) -> (Table, Api, String) {
    let table = Table::start().await;
    let party = command.prepare(&table.api()).await;
    let api = table.api_with(plan);
    (table, api, party)
}

/// Runs the command in a task of its own, as a process that can die; `None` when it did.
async fn in_a_process(command: Command, api: &Api, party: &str) -> Option<(u16, Value)> {
    let (api, party) = (api.clone(), party.to_owned());
    tokio::spawn(async move { command.run(&api, &party).await }).await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_at_any_call_the_same_command_again_ends_as_if_nothing_had() {
    let mut visited = BTreeSet::new();
    for command in COMMANDS {
        let plan = Arc::new(Plan::default());
        let (table, api, party) = under(command, plan.clone()).await;
        let (status, answer) = command.run(&api, &party).await;
        assert!(matches!(status, 200 | 201), "{command:?}: {answer}");
        let (expected, moments) = (table.shape().await, plan.passed.lock().unwrap().clone());
        visited.extend(moments.iter().map(|moment| moment.site));
        for moment in moments {
            for fault in [Fault::Crash, Fault::Timeout, Fault::Throttle, Fault::Conflict] {
                let end = disturbed(command, moment, fault, &mut visited).await;
                assert_eq!(end, expected, "{command:?} with {fault:?} at {moment:?}");
            }
        }
    }
    let expected = [Site::PartyPut, Site::CardRead, Site::CardWrite];
    assert!(expected.iter().all(|site| visited.contains(site)), "{visited:?}");
    assert!(
        visited.contains(&Site::PartyExternalId) && visited.contains(&Site::PartyRead),
        "the second call looks it up"
    );
}

/// The table after the command met the fault and was sent again until it had its answer.
async fn disturbed(command: Command, moment: Moment, fault: Fault, visited: &mut BTreeSet<Site>) -> Vec<String> {
    let plan = Plan::failing(moment, fault);
    let (table, api, party) = under(command, plan.clone()).await;
    let first = in_a_process(command, &api, &party).await;
    assert_eq!(
        first.is_none(),
        fault == Fault::Crash,
        "{command:?} with {fault:?} at {moment:?}: {first:?}"
    );
    if let Some((status, answer)) = &first {
        assert!(matches!(status, 200 | 201), "one fault is got over at once: {answer}");
    }
    let second = in_a_process(command, &api, &party).await;
    let (status, answer) = second.expect("the fault comes once");
    assert!(
        matches!(status, 200 | 201),
        "{command:?} with {fault:?} at {moment:?}: {answer}"
    );
    visited.extend(plan.passed.lock().unwrap().iter().map(|moment| moment.site));
    table.shape().await
}

#[tokio::test]
async fn a_lost_answer_to_a_call_without_a_token_does_not_double_it() {
    for moment in [Site::PartyPut, Site::CardWrite].map(|site| Moment {
        site,
        nth: 0,
        after: true,
    }) {
        let table = Table::start().await;
        let api = table.api_with(Plan::failing(moment, Fault::Timeout));
        api.person("Anna").await;
        let (status, answer) = api.call("POST /v1/cards", &[], json!({})).await;
        assert!(matches!(status, 200 | 201), "{answer}");
        let kinds: Vec<_> = table.shape().await;
        let kinds: Vec<_> = kinds.iter().map(|item| item.split(' ').next().unwrap()).collect();
        assert_eq!(kinds, ["card", "party", "party_change", "till_name"], "{moment:?}");
    }
}

#[tokio::test]
async fn a_table_that_stays_silent_is_reported_and_nothing_is_half_done() {
    #[derive(Debug)]
    struct Silent;
    impl faults::FaultPlan for Silent {
        fn before(&self, _: Site) -> Fault {
            Fault::Timeout
        }
        fn after(&self, _: Site) -> Fault {
            Fault::None
        }
    }
    let table = Table::start().await;
    let api = table.api_with(Arc::new(Silent));
    let body = json!({"kind": "person", "family_name": "Beat"});
    let refused = api.call("POST /v1/parties", &[], body).await;
    support::assert_problem(&refused, 503, "unavailable");
    let refused = api.command(&number(1), "unblock", Value::Null).await;
    support::assert_problem(&refused, 503, "unavailable");
    assert_eq!(table.items().await.len(), 0);
}
