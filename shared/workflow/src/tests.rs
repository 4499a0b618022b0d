use super::*;
use crate::event::LIST_MAX;

fn task(queue: &str) -> Action {
    Action::OpenTask {
        queue: queue.to_owned(),
        title: "Find the new address".to_owned(),
        due_days: Some(14),
    }
}

fn workflow(id: &str, on: Subject, when: &str) -> Workflow {
    Workflow {
        id: id.to_owned(),
        name: "For people".to_owned(),
        on,
        when: (!when.is_empty()).then(|| when.to_owned()),
        then: vec![task("addresses")],
        active: true,
    }
}

fn party() -> Event {
    Event::Party(PartyEvent {
        created: false,
        fields: vec!["contacts".to_owned()],
        kind: "person".to_owned(),
        language: "fr".to_owned(),
        roles: vec!["customer".to_owned()],
        classifications: vec!["blacklist".to_owned()],
        country: Some("CH".to_owned()),
        has_address: true,
        has_email: false,
    })
}

fn holds(on: Subject, when: &str, event: &Event) -> bool {
    let workflows = Workflows::compile(vec![workflow("w", on, when)]).unwrap();
    let (due, unanswered) = workflows.due(event);
    assert_eq!(unanswered, []);
    !due.is_empty()
}

#[test]
fn d6_every_field_of_every_subject_can_decide() {
    let task = Event::Task(TaskEvent {
        queue: "addresses".to_owned(),
        status: "open".to_owned(),
        assigned: true,
        days_overdue: Some(3),
    });
    let opportunity = Event::Opportunity(OpportunityEvent {
        stage: "won".to_owned(),
        stage_before: Some("offer".to_owned()),
        value_minor: 500_000,
        currency: "CHF".to_owned(),
        probability: 100,
    });
    let invoice = Event::Invoice(InvoiceEvent {
        status: "open".to_owned(),
        total_minor: 20_000,
        open_minor: 15_000,
        currency: "CHF".to_owned(),
        dunning_level: 3,
        days_overdue: 62,
    });
    let party = party();
    let mut read = std::collections::BTreeSet::new();
    for (event, when) in [
        (&party, "!change.created"),
        (&party, r#""contacts" in change.fields"#),
        (&party, r#"party.kind == "person""#),
        (&party, r#"party.language == "fr""#),
        (&party, r#""customer" in party.roles"#),
        (&party, r#""blacklist" in party.classifications"#),
        (&party, r#"party.country == "CH""#),
        (&party, "party.has_address"),
        (&party, "!party.has_email"),
        (&task, r#"task.queue == "addresses""#),
        (&task, r#"task.status == "open""#),
        (&task, "task.assigned"),
        (&task, "task.days_overdue == 3"),
        (&opportunity, r#"opportunity.stage == "won""#),
        (&opportunity, r#"opportunity.stage_before == "offer""#),
        (&opportunity, "opportunity.value == 500000"),
        (&opportunity, r#"opportunity.currency == "CHF""#),
        (&opportunity, "opportunity.probability == 100"),
        (&invoice, r#"invoice.status == "open""#),
        (&invoice, "invoice.total == 20000"),
        (&invoice, "invoice.open == 15000"),
        (&invoice, r#"invoice.currency == "CHF""#),
        (&invoice, "invoice.dunning_level == 3"),
        (&invoice, "invoice.days_overdue == 62"),
    ] {
        assert!(holds(event.subject(), when, event), "{when}");
        assert!(!holds(event.subject(), &format!("!({when})"), event), "not {when}");
        let condition = conditions::Condition::compile(when, &event.subject().schema()).unwrap();
        read.extend(condition.fields().map(|field| (event.subject(), field)));
    }
    let subjects = [Subject::Party, Subject::Task, Subject::Opportunity, Subject::Invoice];
    let all: std::collections::BTreeSet<_> = subjects
        .into_iter()
        .flat_map(|subject| subject.schema().fields().iter().map(move |field| (subject, field.name)))
        .collect();
    assert_eq!(read, all, "a field without a line above");
}

#[test]
fn what_is_not_known_reads_as_unset() {
    let nobody = Event::Party(PartyEvent::default());
    assert!(holds(Subject::Party, "!has(party.country)", &nobody));
    let undated = Event::Task(TaskEvent::default());
    assert!(holds(Subject::Task, "!has(task.days_overdue)", &undated));
    let new = Event::Opportunity(OpportunityEvent::default());
    assert!(holds(Subject::Opportunity, "!has(opportunity.stage_before)", &new));
}

#[test]
fn only_active_workflows_on_the_subject_are_due_in_their_order() {
    let mut asleep = workflow("asleep", Subject::Party, "");
    asleep.active = false;
    let mut two = workflow("two", Subject::Party, "party.has_address");
    two.then = vec![
        Action::Publish {
            event: "moved".to_owned(),
        },
        task("addresses"),
    ];
    let others = workflow("others", Subject::Invoice, "");
    let workflows = Workflows::compile(vec![asleep, workflow("one", Subject::Party, ""), others, two]).unwrap();
    let (due, _) = workflows.due(&party());
    let due: Vec<_> = due.iter().map(|due| (due.workflow.id.as_str(), due.index)).collect();
    assert_eq!(due, [("one", 0), ("two", 0), ("two", 1)]);
    assert_eq!(workflows.iter().count(), 4);
}

#[test]
fn each_workflow_on_the_subject_says_why_it_does_or_does_not_act() {
    let mut asleep = workflow("asleep", Subject::Party, "");
    asleep.active = false;
    let other = workflow("other", Subject::Invoice, "");
    let all = vec![
        asleep,
        workflow("acts", Subject::Party, "party.has_address"),
        workflow("not", Subject::Party, "party.has_email"),
        other,
    ];
    let workflows = Workflows::compile(all).unwrap();
    let asked: Vec<_> = workflows
        .asked(&party())
        .into_iter()
        .map(|(one, said)| (one.id.clone(), said))
        .collect();
    assert_eq!(
        asked,
        [
            ("asleep".to_owned(), Outcome::Inactive),
            ("acts".to_owned(), Outcome::Acts),
            ("not".to_owned(), Outcome::ConditionFalse),
        ]
    );
    let looked_at = Subject::ALL.map(|subject| workflows.look_at(subject));
    assert_eq!(looked_at, [true, false, false, true]);
}

#[test]
fn an_effect_has_one_name_for_each_action_of_each_change() {
    let (one, other) = (workflow("a", Subject::Party, ""), workflow("b", Subject::Party, ""));
    let names = [
        one.effect_id("party#1#7", 0),
        one.effect_id("party#1#7", 1),
        one.effect_id("party#1#8", 0),
        other.effect_id("party#1#7", 0),
    ];
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    assert_eq!(one.effect_id("party#1#7", 0), names[0]);
}

#[test]
fn a_list_that_is_too_long_leaves_one_workflow_unanswered_and_the_others_due() {
    let long = Event::Party(PartyEvent {
        roles: vec!["customer".to_owned(); usize::try_from(LIST_MAX).unwrap() + 1],
        ..PartyEvent::default()
    });
    let reads = workflow("reads", Subject::Party, r#""customer" in party.roles"#);
    let workflows = Workflows::compile(vec![reads, workflow("all", Subject::Party, "")]).unwrap();
    let (due, unanswered) = workflows.due(&long);
    assert_eq!(due.len(), 1);
    assert_eq!(
        unanswered,
        [Unanswered {
            workflow: "reads".to_owned()
        }]
    );
}

fn findings(workflows: Vec<Workflow>) -> Vec<(String, &'static str)> {
    let found = Workflows::compile(workflows).err().unwrap_or_default().into_iter();
    found.map(|violation| (violation.pointer, violation.code)).collect()
}

#[test]
fn everything_wrong_is_named_at_once_with_its_place() {
    let mut wrong = workflow("A b", Subject::Invoice, "invoice.dunning > 1");
    wrong.name = String::new();
    wrong.then = vec![
        Action::OpenTask {
            queue: String::new(),
            title: "a\nb".to_owned(),
            due_days: Some(DUE_DAYS_MAX + 1),
        },
        Action::Classify {
            classification: "Black List".to_owned(),
            reason: " ".repeat(REASON_MAX + 1),
            days: Some(0),
        },
        Action::Publish {
            event: "x".repeat(ID_MAX + 1),
        },
    ];
    let at = |field: &str| format!("/workflows/0{field}");
    assert_eq!(
        findings(vec![wrong]),
        [
            (at("/id"), "malformed"),
            (at("/name"), "out_of_range"),
            (at("/then/0/queue"), "malformed"),
            (at("/then/0/title"), "out_of_range"),
            (at("/then/0/due_days"), "out_of_range"),
            (at("/then/1/classification"), "malformed"),
            (at("/then/1/reason"), "out_of_range"),
            (at("/then/1/days"), "out_of_range"),
            (at("/then/2/event"), "malformed"),
            (at("/when"), "unknown_name"),
        ]
    );
}

#[test]
fn a_condition_that_takes_long_over_the_longest_lists_is_refused() {
    let contains = r#"party.roles.exists(role, role.contains("customer"))"#;
    let one = workflow("w", Subject::Party, contains);
    assert_eq!(findings(vec![one]), []);
    let many = [contains; 12].join(" || ");
    let many = workflow("w", Subject::Party, &many);
    assert_eq!(findings(vec![many]), [("/workflows/0/when".to_owned(), "too_costly")]);
}

#[test]
fn counts_are_bounded_and_ids_unique() {
    let numbered = |count: usize| {
        let ids = (0..count).map(|number| format!("w-{number}_x"));
        ids.map(|id| workflow(&id, Subject::Party, "")).collect::<Vec<_>>()
    };
    assert_eq!(findings(numbered(WORKFLOWS_MAX)), []);
    assert_eq!(
        findings(numbered(WORKFLOWS_MAX + 1)),
        [("/workflows".to_owned(), "workflows_count")]
    );
    let twice = vec![workflow("w", Subject::Party, ""), workflow("w", Subject::Task, "")];
    assert_eq!(findings(twice), [("/workflows/1/id".to_owned(), "not_unique")]);
    let with = |count: usize| {
        let mut workflow = workflow("w", Subject::Party, "");
        workflow.then = vec![task("addresses"); count];
        findings(vec![workflow])
    };
    assert_eq!(with(ACTIONS_MAX), []);
    for count in [0, ACTIONS_MAX + 1] {
        assert_eq!(with(count), [("/workflows/0/then".to_owned(), "actions_count")]);
    }
    let mut edges = workflow("w", Subject::Party, "");
    edges.then = vec![
        Action::OpenTask {
            queue: "q".repeat(ID_MAX),
            title: "t".repeat(TITLE_MAX),
            due_days: Some(DUE_DAYS_MAX),
        },
        Action::Classify {
            classification: "c".to_owned(),
            reason: "r".to_owned(),
            days: Some(1),
        },
        Action::Classify {
            classification: "c".to_owned(),
            reason: "r".to_owned(),
            days: Some(DUE_DAYS_MAX),
        },
    ];
    assert_eq!(findings(vec![edges]), []);
}

#[test]
fn a_workflow_is_read_as_it_was_written() {
    let mut asleep = workflow("asleep", Subject::Opportunity, "opportunity.value > 1");
    asleep.active = false;
    for workflow in [asleep, workflow("awake", Subject::Task, "")] {
        let json = serde_json::to_value(&workflow).unwrap();
        assert_eq!(json.get("active").is_none(), workflow.active);
        assert_eq!(serde_json::from_value::<Workflow>(json).unwrap(), workflow);
    }
    let unknown = serde_json::json!({"id": "w", "name": "n", "on": "party", "then": [], "els": []});
    assert!(serde_json::from_value::<Workflow>(unknown).is_err());
}
