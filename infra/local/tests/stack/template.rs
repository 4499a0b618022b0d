//! What the template may say, and what is refused with its name.

use std::collections::BTreeMap;

use treue_local::template::{Document, EventSource, Model, TemplateError};

use crate::support::fixture;

const HEAD: &str = "Transform: AWS::Serverless-2016-10-31\n";

fn model(text: &str) -> Result<Model, TemplateError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("template.yaml");
    std::fs::write(&file, text).expect("a file");
    let document = Document::load(&file, "test", &BTreeMap::new())?;
    document.model(&document.foreseen_attributes()?)
}

fn refusal(resources: &str) -> String {
    model(&format!("{HEAD}Resources:\n{resources}"))
        .expect_err("a refusal")
        .to_string()
}

#[test]
fn the_fixture_is_read_completely() {
    let document = Document::load(&fixture("stack.yaml"), "test", &BTreeMap::new()).expect("a template");
    let model = document
        .model(&document.foreseen_attributes().expect("attributes"))
        .expect("a model");
    assert_eq!(
        (
            model.tables.len(),
            model.queues.len(),
            model.buckets.len(),
            model.secrets.len()
        ),
        (1, 3, 2, 1)
    );
    let echo = model
        .functions
        .iter()
        .find(|function| function.id == "EchoFunction")
        .expect("a function");
    assert_eq!(echo.environment["GREETING"], "hello from test");
    // Globals are merged in.
    assert_eq!(
        (echo.timeout.as_secs(), echo.environment["TABLE_NAME"].as_str()),
        (2, "test-Table")
    );
    let relay = model
        .functions
        .iter()
        .find(|function| function.id == "RelayFunction")
        .expect("a function");
    let EventSource::Stream(stream) = &relay.events[0].source else {
        panic!("{:?}", relay.events)
    };
    assert_eq!(
        (stream.table.as_str(), stream.on_failure_bucket.as_deref()),
        ("Table", Some("Failures"))
    );
}

#[test]
fn the_products_own_template_is_understood() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let document = Document::load(&file, "test", &BTreeMap::new()).expect("a template");
    let model = document
        .model(&document.foreseen_attributes().expect("attributes"))
        .expect("a model");
    assert!(model.api.is_some() && !model.functions.is_empty() && model.tables.len() == 1);
}

#[test]
fn an_unknown_resource_type_is_refused_with_its_name() {
    let message = refusal("  Topic: { Type: AWS::SNS::Topic }\n");
    assert!(
        message.contains("Resources.Topic") && message.contains("AWS::SNS::Topic"),
        "{message}"
    );
}

#[test]
fn a_resource_whose_condition_does_not_hold_is_not_there() {
    let text = "Conditions:\n  No: !Equals [a, b]\nResources:\n  Topic: { Type: AWS::SNS::Topic, Condition: No }\n";
    assert!(model(&format!("{HEAD}{text}")).is_ok());
}

#[test]
fn a_property_without_local_meaning_is_refused_with_its_place() {
    let message = refusal("  Queue:\n    Type: AWS::SQS::Queue\n    Properties: { ContentBasedDeduplication: true }\n");
    assert!(
        message.contains("Resources.Queue.Properties.ContentBasedDeduplication"),
        "{message}"
    );
}

#[test]
fn a_reference_to_nothing_is_refused_with_its_place() {
    let queue = "  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      RedrivePolicy: { deadLetterTargetArn: !GetAtt Nobody.Arn, maxReceiveCount: 3 }\n";
    let message = refusal(queue);
    assert!(
        message.contains("Nobody.Arn") && message.contains("deadLetterTargetArn"),
        "{message}"
    );
}

#[test]
fn parameters_need_a_value_and_overrides_a_parameter() {
    let file = fixture("stack.yaml");
    let unknown = BTreeMap::from([("Nothing".to_owned(), "1".to_owned())]);
    let message = Document::load(&file, "test", &unknown)
        .expect_err("a refusal")
        .to_string();
    assert!(message.contains("Parameters.Nothing"), "{message}");
    let text = format!("{HEAD}Parameters:\n  Name: {{ Type: String }}\nResources: {{}}\n");
    let message = model(&text).expect_err("a refusal").to_string();
    assert!(message.contains("Parameters.Name"), "{message}");
}

#[test]
fn intrinsic_functions_are_evaluated() {
    let text = format!(
        "{HEAD}Mappings:\n  Sizes: {{ small: {{ seconds: 30 }} }}\nResources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      \
         QueueName: !Join [\"-\", [!Select [1, !Split [\",\", \"a,b\"]], !Sub [\"${{X}}-${{!Literal}}\", {{ X: y }}]]]\n      \
         VisibilityTimeout: !FindInMap [Sizes, small, seconds]\n      DelaySeconds: !If [Never, 1, !Ref \"AWS::NoValue\"]\n\
         Conditions:\n  Never: !And [!Condition Maybe, !Not [!Condition Maybe]]\n  Maybe: !Or [!Equals [1, \"1\"], !Equals [a, b]]\n"
    );
    let model = model(&text).expect("a model");
    assert_eq!(model.queues[0].name, "b-y-${Literal}");
    assert_eq!(
        model.queues[0].attributes,
        BTreeMap::from([("VisibilityTimeout".to_owned(), "30".to_owned())])
    );
}
