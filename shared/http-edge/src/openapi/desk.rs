//! Calls of service-desk.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, optional, paging, path, query};
use crate::api::desk::{
    CasePage, CaseRequest, CaseStatusRequest, CaseView, CommunicationAnswer, CommunicationRequest,
    OpportunityChangeRequest, OpportunityHistory, OpportunityPage, OpportunityRequest, OpportunityView, OverviewAnswer,
    StepPage, TaskClaimRequest, TaskPage, TaskRequest, TaskView, TimelinePage, VersionRequest,
};
use crate::api::rfmr::RfmrAnswer;
use crate::problem::Code;

const TAG: &str = "Service desk";
const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";
const TASK: &str = "K7QW2MZ4TB6XN3VRC5JHYD2PE";
const CASE: &str = "M3TB6XN3VRC5JHYD2PEK7QW2Z";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        create_task(),
        list_tasks(),
        show_task(),
        move_task(
            ("POST /v1/tasks/{task_id}/claim", "claimTask", "Work on a task"),
            "It is for the person who signed in, or for `assignee`. A call with an API key has to name an `assignee`: a key that \
             several people share would keep none of them from another one's work. A task that somebody else works on cannot be \
             claimed.",
            Body::of::<TaskClaimRequest>(json!({"expected_version": 1, "assignee": "olga"})),
            &task(2, "claimed"),
        ),
        move_task(
            ("POST /v1/tasks/{task_id}/finish", "finishTask", "Finish a task"),
            "It leaves all lists of open work.",
            Body::of::<VersionRequest>(json!({"expected_version": 2})),
            &task(3, "done"),
        ),
        move_task(
            (
                "POST /v1/tasks/{task_id}/reopen",
                "reopenTask",
                "Reopen a finished task",
            ),
            "It stands in the lists of its queue and its assignee again.",
            Body::of::<VersionRequest>(json!({"expected_version": 3})),
            &task(4, "open"),
        ),
        create_case(),
        list_cases(),
        show_case(),
        set_case_status(),
        keep_communication(),
        create_opportunity(),
        list_opportunities(),
        change_opportunity(),
        opportunity_history(),
        older_steps(
            ("GET /v1/tasks/{task_id}/history", "listOlderTaskSteps"),
            "List older steps of a task",
            task_id(),
        ),
        older_steps(
            ("GET /v1/cases/{case_id}/history", "listOlderCaseSteps"),
            "List older steps of a case",
            case_id(),
        ),
        list_pipeline(),
        timeline(),
        overview(),
        rfmr(),
    ]
}

fn chf(minor: i64) -> Value {
    json!({"amount_minor": minor, "currency": "CHF"})
}

fn party() -> Parameter {
    path("party_id", "The party.", PARTY)
}

fn task_id() -> Parameter {
    path("task_id", "The task.", TASK)
}

fn step(version: u64, what: &str) -> Value {
    json!({"version": version, "what": what, "by": "olga", "at": "2026-11-24T08:12:00Z"})
}

fn task(version: u64, status: &str) -> Value {
    let mut steps = vec![step(1, "create")];
    for (number, what) in [(2, "claim"), (3, "finish"), (4, "reopen")] {
        if number <= version {
            steps.push(step(number, what));
        }
    }
    let mut task = json!({
        "task_id": TASK, "version": version, "status": status, "title": "Call back about the returned letter",
        "queue": "support", "due": "2026-11-27", "party_id": PARTY, "case_id": CASE, "made_at": "2026-11-24T08:12:00Z",
        "steps": steps,
    });
    if version > 1 {
        task["assignee"] = json!("olga");
    }
    task
}

fn case(status: &str) -> Value {
    json!({
        "case_id": CASE, "version": 1, "status": status, "title": "A letter came back", "party_id": PARTY, "open_tasks": 1,
        "made_at": "2026-11-24T08:12:00Z", "steps": [step(1, "create")],
    })
}

fn create_task() -> Operation {
    let request = json!({
        "title": "Call back about the returned letter", "queue": "support", "due": "2026-11-27", "party_id": PARTY,
        "case_id": CASE, "client_token": "desk-4711",
    });
    Operation {
        route: "POST /v1/tasks",
        id: "createTask",
        tag: TAG,
        summary: "Make a task",
        description: "For a queue, until a date, about a party, in a case. It stands in the lists until it is finished.",
        parameters: Vec::new(),
        request: Some(Body::of::<TaskRequest>(request)),
        answers: vec![
            Answer::json::<TaskView>(201, "Made now.", task(1, "open")),
            Answer::json::<TaskView>(200, "Made before, as it is now.", task(1, "open")).may_replay(),
        ],
        codes: &[
            Code::Invalid,
            Code::PartyUnknown,
            Code::DeskContradiction,
            Code::CaseState,
        ],
    }
}

fn list_tasks() -> Operation {
    let mut parameters = vec![
        optional("queue", "Only tasks of this queue."),
        optional("assignee", "Only tasks of this person."),
        optional("status", "Only `open` or `claimed` ones."),
        optional("due_before", "Only tasks due before this day, `YYYY-MM-DD`."),
    ];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/tasks",
        id: "listTasks",
        tag: TAG,
        summary: "List tasks that are not finished",
        description: "By due date, those without one last: of a queue, of a person, or all. A page may be short, because what does \
                      not fit `status`, or the queue of a person's tasks, is left out. One that was just changed may show as it \
                      was for a moment.",
        parameters,
        request: None,
        answers: vec![Answer::json::<TaskPage>(
            200,
            "A page of them.",
            json!({"items": [task(1, "open")]}),
        )],
        codes: &[],
    }
}

fn show_task() -> Operation {
    Operation {
        route: "GET /v1/tasks/{task_id}",
        id: "getTask",
        tag: TAG,
        summary: "Show a task",
        description: "As it is now, finished or not, with its last changes.",
        parameters: vec![task_id()],
        request: None,
        answers: vec![Answer::json::<TaskView>(200, "It.", task(2, "claimed"))],
        codes: &[Code::NotFound],
    }
}

fn move_task(
    (route, id, summary): (&'static str, &'static str, &'static str),
    description: &'static str,
    request: Body,
    done: &Value,
) -> Operation {
    Operation {
        route,
        id,
        tag: TAG,
        summary,
        description,
        parameters: vec![task_id()],
        request: Some(request),
        answers: vec![
            Answer::json::<TaskView>(200, "Done, now or by the same call before.", done.clone()).may_replay(),
        ],
        codes: &[Code::NotFound, Code::TaskState, Code::CaseState, Code::ConcurrentChange],
    }
}

fn create_case() -> Operation {
    let mut new = case("open");
    new["open_tasks"] = json!(0);
    Operation {
        route: "POST /v1/cases",
        id: "createCase",
        tag: TAG,
        summary: "Open a case",
        description: "Tasks are put into it by their `case_id`, at most 100.",
        parameters: Vec::new(),
        request: Some(Body::of::<CaseRequest>(
            json!({"title": "A letter came back", "party_id": PARTY, "client_token": "desk-4710"}),
        )),
        answers: vec![
            Answer::json::<CaseView>(201, "Opened now.", new.clone()),
            Answer::json::<CaseView>(200, "Opened before, as it is now.", new).may_replay(),
        ],
        codes: &[Code::Invalid, Code::PartyUnknown, Code::DeskContradiction],
    }
}

fn list_cases() -> Operation {
    Operation {
        route: "GET /v1/cases",
        id: "listCases",
        tag: TAG,
        summary: "List cases that are not closed",
        description: "The oldest first.",
        parameters: paging().to_vec(),
        request: None,
        answers: vec![Answer::json::<CasePage>(
            200,
            "A page of them.",
            json!({"items": [case("waiting")]}),
        )],
        codes: &[],
    }
}

fn case_id() -> Parameter {
    path("case_id", "The case.", CASE)
}

fn show_case() -> Operation {
    let mut shown = case("open");
    shown["tasks"] = json!([task(1, "open")]);
    Operation {
        route: "GET /v1/cases/{case_id}",
        id: "getCase",
        tag: TAG,
        summary: "Show a case with its tasks",
        description: "Also finished tasks.",
        parameters: vec![case_id()],
        request: None,
        answers: vec![Answer::json::<CaseView>(200, "It.", shown)],
        codes: &[Code::NotFound],
    }
}

fn set_case_status() -> Operation {
    let mut done = case("waiting");
    done["version"] = json!(2);
    done["steps"] = json!([step(1, "create"), step(2, "waiting")]);
    Operation {
        route: "PUT /v1/cases/{case_id}/status",
        id: "setCaseStatus",
        tag: TAG,
        summary: "Say how far a case is",
        description: "A case with tasks that are not finished cannot be closed.",
        parameters: vec![case_id()],
        request: Some(Body::of::<CaseStatusRequest>(
            json!({"status": "waiting", "expected_version": 1}),
        )),
        answers: vec![Answer::json::<CaseView>(200, "Done, now or by the same call before.", done).may_replay()],
        codes: &[Code::Invalid, Code::NotFound, Code::CaseState, Code::ConcurrentChange],
    }
}

fn keep_communication() -> Operation {
    let request = json!({
        "kind": "call", "direction": "inbound", "subject": "Address", "text": "She has moved and sends the new address.",
        "at": "2026-11-24T08:05:00Z", "client_token": "call-2207",
    });
    let kept = json!({"communication_id": TASK, "party_id": PARTY, "at": "2026-11-24T08:05:00Z"});
    Operation {
        route: "POST /v1/parties/{party_id}/communications",
        id: "keepCommunication",
        tag: TAG,
        summary: "Keep what was spoken or written",
        description: "It stands in the party's timeline at its time.",
        parameters: vec![party()],
        request: Some(Body::of::<CommunicationRequest>(request)),
        answers: vec![
            Answer::json::<CommunicationAnswer>(201, "Kept now.", kept.clone()),
            Answer::json::<CommunicationAnswer>(200, "Kept before.", kept).may_replay(),
        ],
        codes: &[Code::Invalid, Code::NotFound, Code::DeskContradiction],
    }
}

fn prospect(stage: &str, probability: u8) -> Value {
    json!({
        "stage": stage, "outcome": "open", "value": chf(990_000), "probability": probability, "close_on": "2026-12-15",
    })
}

fn opportunity(changes: &[Value]) -> Value {
    let mut opportunity = changes.last().cloned().unwrap_or_default();
    opportunity["opportunity_id"] = json!(TASK);
    opportunity["party_id"] = json!(PARTY);
    opportunity["version"] = json!(changes.len());
    opportunity["title"] = json!("T-shirts for the staff");
    let dated = changes.iter().map(|change| {
        let mut change = change.clone();
        change["by"] = json!("olga");
        change["at"] = json!("2026-11-24T08:12:00Z");
        change
    });
    opportunity["changes"] = dated.collect();
    opportunity
}

fn create_opportunity() -> Operation {
    let mut request = prospect("offer", 40);
    request["title"] = json!("T-shirts for the staff");
    request["client_token"] = json!("opp-17");
    let new = opportunity(&[prospect("offer", 40)]);
    Operation {
        route: "POST /v1/parties/{party_id}/opportunities",
        id: "createOpportunity",
        tag: TAG,
        summary: "Keep an opportunity",
        description: "Something that the party may buy. Stages are named by you.",
        parameters: vec![party()],
        request: Some(Body::of::<OpportunityRequest>(request)),
        answers: vec![
            Answer::json::<OpportunityView>(201, "Kept now.", new.clone()),
            Answer::json::<OpportunityView>(200, "Kept before, as it is now.", new).may_replay(),
        ],
        codes: &[Code::Invalid, Code::NotFound, Code::DeskContradiction],
    }
}

fn list_opportunities() -> Operation {
    let mut parameters = vec![party()];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/parties/{party_id}/opportunities",
        id: "listOpportunities",
        tag: TAG,
        summary: "List the opportunities of a party",
        description: "Open, won and lost ones with every change.",
        parameters,
        request: None,
        answers: vec![Answer::json::<OpportunityPage>(
            200,
            "A page of them.",
            json!({"items": [opportunity(&[prospect("offer", 40)])]}),
        )],
        codes: &[Code::NotFound],
    }
}

fn change_opportunity() -> Operation {
    let mut request = prospect("negotiation", 70);
    request["expected_version"] = json!(1);
    let done = opportunity(&[prospect("offer", 40), prospect("negotiation", 70)]);
    Operation {
        route: "PUT /v1/parties/{party_id}/opportunities/{opportunity_id}",
        id: "changeOpportunity",
        tag: TAG,
        summary: "Say how an opportunity stands now",
        description: "What it was before is kept as a change. One that is won or lost leaves the pipeline.",
        parameters: vec![party(), path("opportunity_id", "The opportunity.", TASK)],
        request: Some(Body::of::<OpportunityChangeRequest>(request)),
        answers: vec![Answer::json::<OpportunityView>(200, "Done, now or by the same call before.", done).may_replay()],
        codes: &[Code::Invalid, Code::NotFound, Code::ConcurrentChange],
    }
}

fn opportunity_history() -> Operation {
    let done = opportunity(&[prospect("offer", 40)]);
    let mut parameters = vec![party(), path("opportunity_id", "The opportunity.", TASK)];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/parties/{party_id}/opportunities/{opportunity_id}/history",
        id: "listOlderOpportunityChanges",
        tag: TAG,
        summary: "List older changes of an opportunity",
        description: "Those before the last 100, which it shows itself; the newest first.",
        parameters,
        request: None,
        answers: vec![Answer::json::<OpportunityHistory>(
            200,
            "A page of them.",
            json!({"items": done["changes"]}),
        )],
        codes: &[Code::NotFound],
    }
}

fn older_steps((route, id): (&'static str, &'static str), summary: &'static str, whose: Parameter) -> Operation {
    let mut parameters = vec![whose];
    parameters.extend(paging());
    Operation {
        route,
        id,
        tag: TAG,
        summary,
        description: "Those before the last 20, which it shows itself; the newest first.",
        parameters,
        request: None,
        answers: vec![Answer::json::<StepPage>(
            200,
            "A page of them.",
            json!({"items": [step(1, "create")]}),
        )],
        codes: &[Code::NotFound],
    }
}

fn list_pipeline() -> Operation {
    let mut parameters = vec![query("stage", "The stage.", "offer")];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/opportunities",
        id: "listPipeline",
        tag: TAG,
        summary: "List open opportunities in a stage",
        description: "By the date on which they are expected to close.",
        parameters,
        request: None,
        answers: vec![Answer::json::<OpportunityPage>(
            200,
            "A page of them.",
            json!({"items": [opportunity(&[prospect("offer", 40)])]}),
        )],
        codes: &[],
    }
}

fn programme() -> Parameter {
    query("programme", "The programme whose ledger is shown.", "treue")
}

fn happened() -> Value {
    json!([
        {"at": "2026-11-24T08:05:00Z", "day": "2026-11-24", "what": {
            "kind": "communication", "communication_id": TASK, "channel": "call", "direction": "inbound", "subject": "Address",
            "text": "She has moved and sends the new address.",
        }},
        {"at": "2026-11-22T12:04:11Z", "day": "2026-11-22", "what": {
            "kind": "points", "entry_id": "eyJ2IjoxLCJrIjoiMjAyNi0xMS0yMiNSI0IwN34zfjIwMjYtMTEtMjJ-MDA0NzExIn0", "cause": "receipt",
            "points": 129, "balance_after": 341, "receipt": "B07~3~2026-11-22~004711",
        }},
    ])
}

fn timeline() -> Operation {
    let mut parameters = vec![party(), programme()];
    parameters.extend(paging());
    Operation {
        route: "GET /v1/parties/{party_id}/timeline",
        id: "getTimeline",
        tag: TAG,
        summary: "Show everything that happened with a party",
        description: "Communication, orders, invoices, payments, tasks, cases and the ledger of a programme, the newest day first.",
        parameters,
        request: None,
        answers: vec![Answer::json::<TimelinePage>(
            200,
            "A page of it.",
            json!({"items": happened()}),
        )],
        codes: &[Code::NotFound, Code::ProgrammeUnknown],
    }
}

fn rfmr() -> Operation {
    Operation {
        route: "GET /v1/parties/{party_id}/rfmr",
        id: "getRfmr",
        tag: TAG,
        summary: "Read the RFMR score of a party",
        description: "Whether the next letter is worth its cost: orders and revenue add, returns and every letter that was sent \
                      subtract, by the rules of the programme. The score of today.",
        parameters: vec![party(), programme()],
        request: None,
        answers: vec![Answer::json::<RfmrAnswer>(
            200,
            "The score and its parts.",
            json!({
                "programme": "treue", "day": "2026-11-24", "since": "2024-12-01", "score": 66, "base": 25, "orders": 32,
                "revenue": 13, "letters": -4, "letters_sent": 2, "complete": true,
            }),
        )],
        codes: &[Code::NotFound, Code::ProgrammeUnknown],
    }
}

fn overview() -> Operation {
    let example = json!({
        "party": {
            "party_id": PARTY, "kind": "person", "display_name": "Anna Keller", "language": "de",
            "created_at": "2026-01-05T09:00:00Z",
        },
        "account": {
            "programme": "treue", "balance": 341, "pending": 0, "revenue": chf(484_100), "receipts": 37, "vouchers_issued": 9,
        },
        "open_vouchers": [{"number": "9", "sequence": 9, "value": chf(500), "valid_until": "2027-11-22"}],
        "more_vouchers": false,
        "segments": ["vip"],
        "payment_morale": {
            "as_of": "2026-11-24", "from": "2024-11-25", "complete": true, "invoices": 2, "open": 0, "overdue": 0,
            "paid_on_time": 2, "paid_late": 0, "written_off": 0, "mean_days_late": 0, "worst_days_late": 0,
            "dunning_level": 0, "open_amounts": [], "overdue_amounts": [],
        },
        "months": [{
            "month": "2026-11", "receipts": 3, "revenue": chf(31_250),
            "stores": [{"store": "B07", "receipts": 3, "revenue": chf(31_250)}],
        }],
        "timeline": {"items": happened()},
    });
    Operation {
        route: "GET /v1/parties/{party_id}/overview",
        id: "getOverview",
        tag: TAG,
        summary: "Open a party",
        description: "Who it is, its account, open vouchers and segments, how it pays, what it buys, and the first page of its \
                      timeline: a bounded number of queries, whatever the party has.",
        parameters: vec![party(), programme()],
        request: None,
        answers: vec![Answer::json::<OverviewAnswer>(200, "All of it.", example)],
        codes: &[Code::NotFound, Code::ProgrammeUnknown],
    }
}
