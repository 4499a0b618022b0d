//! Crashes, lost answers and a busy table: the same call again brings every command to the end it would have had.

use std::collections::BTreeSet;
use std::sync::{Arc, Once};

use faults::{Crash, Fault, Site};

use crate::plan::{Moment, Plan};
use crate::support::*;

/// A command that can be repeated, and what must be there before.
#[derive(Debug, Clone, Copy)]
enum Command {
    Correct,
    KeepCorrection,
    Transfer,
    ApproveCorrection,
    ApproveTransfer,
    Reject,
    VoidVoucher,
    BlockVoucher,
    ExtendVoucher,
    ReissueVoucher,
}

const COMMANDS: [Command; 10] = [
    Command::Correct,
    Command::KeepCorrection,
    Command::Transfer,
    Command::ApproveCorrection,
    Command::ApproveTransfer,
    Command::Reject,
    Command::VoidVoucher,
    Command::BlockVoucher,
    Command::ExtendVoucher,
    Command::ReissueVoucher,
];

impl Command {
    /// What must be there before; the id of what is to be decided.
    async fn prepare(self, api: &Api) -> String {
        for token in ["first", "second"] {
            api.correct(400, token).await.must(201);
        }
        match self {
            Self::Correct | Self::KeepCorrection | Self::Transfer => String::new(),
            Self::VoidVoucher | Self::BlockVoucher | Self::ExtendVoucher | Self::ReissueVoucher => String::new(),
            Self::ApproveCorrection | Self::Reject => api.correct(900, "waits").await.must(202).id(),
            Self::ApproveTransfer => api.transfer(700, "waits").await.must(202).id(),
        }
    }

    async fn run(self, api: &Api, id: &str) -> Answer {
        match self {
            Self::Correct => api.correct(-100, "case").await,
            Self::KeepCorrection => api.correct(900, "case").await,
            Self::Transfer => api.transfer(200, "case").await,
            Self::ApproveCorrection | Self::ApproveTransfer => api.by("urs").approve(id).await,
            Self::Reject => api.by("urs").reject(id).await,
            Self::VoidVoucher => api.void(1, "case").await,
            Self::BlockVoucher => api.on_voucher("block", "1", "case").await,
            Self::ExtendVoucher => api.extend("1", "2027-12-31", "case").await,
            Self::ReissueVoucher => api.on_voucher("reissue", "1", "case").await,
        }
    }

    const fn is_about_a_voucher(self) -> bool {
        matches!(
            self,
            Self::VoidVoucher | Self::BlockVoucher | Self::ExtendVoucher | Self::ReissueVoucher
        )
    }
}

/// Injected crashes are panics by design; their traces would bury the one that matters.
fn silence_crashes() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Crash>() {
                usual(info);
            }
        }));
    });
}

/// A prepared table, and the function over it under a plan.
async fn under(command: Command, plan: Arc<Plan>) -> (Table, Api, String) {
    let table = Table::start().await;
    let id = command.prepare(&table.api()).await;
    if command.is_about_a_voucher() {
        assert_eq!(table.issue().await, 1);
    }
    let api = table.api_with(plan);
    (table, api, id)
}

/// Runs the command in a task of its own, as a process that can die; `None` when it did.
async fn in_a_process(command: Command, api: &Api, id: &str) -> Option<Answer> {
    let (api, id) = (api.clone(), id.to_owned());
    tokio::spawn(async move { command.run(&api, &id).await }).await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_at_any_call_the_same_command_again_ends_as_if_nothing_had() {
    silence_crashes();
    let mut visited = BTreeSet::new();
    for command in COMMANDS {
        let plan = Arc::new(Plan::default());
        let (table, api, id) = under(command, plan.clone()).await;
        let answer = command.run(&api, &id).await;
        assert!(answer.status < 300, "{command:?}: {answer:?}");
        let (expected, moments) = (table.shape().await, plan.passed.lock().unwrap().clone());
        visited.extend(moments.iter().map(|moment| moment.site));
        for moment in moments {
            for fault in [Fault::Crash, Fault::Timeout, Fault::Throttle, Fault::Conflict] {
                let (end, again) = disturbed(command, moment, fault).await;
                assert_eq!(end, expected, "{command:?} with {fault:?} at {moment:?}");
                assert_eq!(again.body, answer.body, "{command:?} with {fault:?} at {moment:?}");
            }
        }
    }
    let all = [
        Site::AdjustProgramme,
        Site::AdjustParty,
        Site::AdjustRead,
        Site::AdjustAccount,
        Site::AdjustKeep,
        Site::AdjustCommit,
        Site::AdjustVoucher,
        Site::AdjustIssue,
        Site::AdjustVoucherCommit,
    ];
    assert!(all.iter().all(|site| visited.contains(site)), "{visited:?}");
}

/// The table after the command met the fault and was sent again, and its last answer.
async fn disturbed(command: Command, moment: Moment, fault: Fault) -> (Vec<String>, Answer) {
    let (table, api, id) = under(command, Plan::failing(moment, fault)).await;
    let first = in_a_process(command, &api, &id).await;
    assert_eq!(
        first.is_none(),
        fault == Fault::Crash,
        "{command:?} with {fault:?} at {moment:?}: {first:?}"
    );
    if let Some(answer) = first {
        assert!(answer.status < 300, "one fault is got over at once: {answer:?}");
    }
    let second = in_a_process(command, &api, &id).await.expect("the fault comes once");
    assert!(
        second.status < 300,
        "{command:?} with {fault:?} at {moment:?}: {second:?}"
    );
    (table.shape().await, second)
}

#[tokio::test]
async fn a_table_that_stays_silent_is_reported_and_nothing_is_half_done() {
    #[derive(Debug)]
    struct Silent;
    impl faults::FaultPlan for Silent {
        fn before(&self, site: Site) -> Fault {
            if site == Site::AdjustCommit {
                Fault::Timeout
            } else {
                Fault::None
            }
        }
        fn after(&self, _: Site) -> Fault {
            Fault::None
        }
    }
    let table = Table::start().await;
    let before = table.shape().await;
    table
        .api_with(Arc::new(Silent))
        .correct(10, "a")
        .await
        .refused(503, "unavailable");
    assert_eq!(table.shape().await, before);
    table.api().correct(10, "a").await.must(201);
}
