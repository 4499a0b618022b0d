//! The sample events: each is of a trigger that the template declares, each function has one for each of its triggers, and
//! each reads as the platform's own type. On a running stack, each is answered by the function that takes it.

#[path = "events/answered.rs"]
mod answered;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use aws_lambda_events::apigw::{ApiGatewayV2CustomAuthorizerV2Request, ApiGatewayV2httpRequest};
use aws_lambda_events::dynamodb::Event as StreamEvent;
use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::sqs::SqsEvent;
use http_edge::api::purchases::PurchaseRequest;
use http_edge::request::Request;
use http_edge::routes;
use messages::{
    CampaignMessage, CampaignResultMessage, DayCloseMessage, ErpMessage, FinanceMessage, ImportMessage,
    IssuanceMessage, LettershopInboxMessage, LettershopMessage, PostingMessage, PrivacyMessage, RecalculationMessage,
    SearchIndexMessage, WorkflowMessage,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Fewest events that must be found, so that an empty folder is no success.
const EVENTS_MIN: usize = 32;

fn events() -> Result<BTreeMap<String, Value>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events");
    let mut events = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path)?;
            events.insert(
                name,
                serde_json::from_str(&text).with_context(|| path.display().to_string())?,
            );
        }
    }
    ensure!(
        events.len() >= EVENTS_MIN,
        "found {} events in {}",
        events.len(),
        folder.display()
    );
    Ok(events)
}

/// The function that takes an event, as its package, told from the event alone.
fn taker(event: &Value) -> Result<&'static str> {
    if event["type"] == "REQUEST" {
        return Ok("authorizer");
    }
    if let Some(route) = event["routeKey"].as_str() {
        return Ok(routes::find(route)
            .with_context(|| format!("no function answers {route}"))?
            .function);
    }
    if event["source"] == "aws.scheduler" {
        let schedule = event["resources"][0].as_str().unwrap_or_default();
        return match schedule {
            schedule if schedule.contains("DayCloseFunction") => Ok("day-close"),
            schedule if schedule.contains("FinanceReportsFunction") => Ok("finance-reports"),
            schedule if schedule.contains("CampaignRunFunction") => Ok("campaign-run"),
            schedule => bail!("no function takes the schedule {schedule}"),
        };
    }
    let record = &event["Records"][0];
    let arn = record["eventSourceARN"].as_str().unwrap_or_default();
    match record["eventSource"].as_str() {
        Some("aws:dynamodb") => Ok("event-relay"),
        Some("aws:s3") if record["s3"]["configurationId"] == "imports" => Ok("party-import"),
        Some("aws:s3") => Ok("lettershop-intake"),
        Some("aws:sqs") if arn.contains("ImportQueue") => Ok("party-import"),
        Some("aws:sqs") if arn.contains("LettershopInboxQueue") => Ok("lettershop-intake"),
        Some("aws:sqs") if arn.contains("PostingQueue") => Ok("point-calculation"),
        Some("aws:sqs") if arn.contains("IssuanceQueue") => Ok("voucher-issuance"),
        Some("aws:sqs") if arn.contains("DayCloseQueue") => Ok("day-close"),
        Some("aws:sqs") if arn.contains("RecalculationQueue") => Ok("recalculation"),
        Some("aws:sqs") if arn.contains("SearchIndexQueue") => Ok("search-index"),
        Some("aws:sqs") if arn.contains("WorkflowQueue") => Ok("workflow-runner"),
        Some("aws:sqs") if arn.contains("PrivacyQueue") => Ok("privacy"),
        Some("aws:sqs") if arn.contains("ErpQueue") => Ok("erp-intake"),
        Some("aws:sqs") if arn.contains("FinanceQueue") => Ok("finance-reports"),
        Some("aws:sqs") if arn.contains("CampaignResultsQueue") => Ok("campaign-results"),
        Some("aws:sqs") if arn.contains("CampaignQueue") => Ok("campaign-run"),
        Some("aws:sqs") if arn.contains("LettershopQueue") => Ok("lettershop-export"),
        other => bail!("no function takes events of {other:?} from {arn}"),
    }
}

fn read<T: DeserializeOwned>(event: &Value) -> Result<T> {
    Ok(serde_json::from_value(event.clone())?)
}

/// Each message is one that its consumer knows.
fn check_queue_event(event: &Value) -> Result<()> {
    let batch: SqsEvent = read(event)?;
    ensure!(!batch.records.is_empty(), "no messages");
    let consumer = taker(event)?;
    for message in batch.records {
        let body = message.body.as_deref().unwrap_or_default();
        match consumer {
            "point-calculation" => serde_json::from_str::<PostingMessage>(body).map(drop),
            "day-close" => serde_json::from_str::<DayCloseMessage>(body).map(drop),
            "recalculation" => serde_json::from_str::<RecalculationMessage>(body).map(drop),
            "search-index" => serde_json::from_str::<SearchIndexMessage>(body).map(drop),
            "workflow-runner" => serde_json::from_str::<WorkflowMessage>(body).map(drop),
            "privacy" => serde_json::from_str::<PrivacyMessage>(body).map(drop),
            "erp-intake" => serde_json::from_str::<ErpMessage>(body).map(drop),
            "campaign-results" => serde_json::from_str::<CampaignResultMessage>(body).map(drop),
            "campaign-run" => serde_json::from_str::<CampaignMessage>(body).map(drop),
            "lettershop-export" => serde_json::from_str::<LettershopMessage>(body).map(drop),
            "lettershop-intake" => serde_json::from_str::<LettershopInboxMessage>(body).map(drop),
            "finance-reports" => serde_json::from_str::<FinanceMessage>(body).map(drop),
            "party-import" => serde_json::from_str::<ImportMessage>(body).map(drop),
            _ => serde_json::from_str::<IssuanceMessage>(body).map(drop),
        }
        .with_context(|| format!("{consumer} does not know the message {body}"))?;
    }
    Ok(())
}

/// Each record would pass the filter of the template: its image carries the string `topics`.
fn check_stream_event(event: &Value) -> Result<()> {
    let batch: StreamEvent = read(event)?;
    ensure!(!batch.records.is_empty(), "no records");
    for record in event["Records"].as_array().into_iter().flatten() {
        let image = &record["dynamodb"]["NewImage"];
        ensure!(
            image["topics"]["S"].is_string(),
            "the filter would drop {}",
            image["pk"]
        );
        ensure!(
            image["pk"] == record["dynamodb"]["Keys"]["pk"],
            "keys and image disagree"
        );
    }
    Ok(())
}

/// The event is as the gateway sends it after the authorizer: the caller is readable and has the scope of the route.
fn check_http_event(event: &Value) -> Result<()> {
    let route = event["routeKey"]
        .as_str()
        .and_then(routes::find)
        .context("unknown route")?;
    let http: ApiGatewayV2httpRequest = read(event)?;
    ensure!(http.version.as_deref() == Some("2.0"), "payload version");
    ensure!(
        event["requestContext"]["http"]["path"] == event["rawPath"],
        "paths disagree"
    );
    let Ok(request) = Request::from_event(http) else {
        bail!("the edge does not read it")
    };
    if let Some(scope) = route.scope {
        let Ok(caller) = request.caller() else {
            bail!("no caller in the authorizer's context")
        };
        ensure!(caller.has(scope), "the caller lacks {}", scope.as_str());
    }
    if event["routeKey"] == "POST /v1/purchases" && request.json::<PurchaseRequest>().is_err() {
        bail!("the body is no receipt");
    }
    Ok(())
}

#[test]
fn every_event_reads_as_the_platform_sends_it() -> Result<()> {
    for (name, event) in events()? {
        let checked = match (
            event["type"].as_str(),
            event["routeKey"].as_str(),
            event["Records"][0]["eventSource"].as_str(),
        ) {
            (Some("REQUEST"), ..) => read::<ApiGatewayV2CustomAuthorizerV2Request>(&event).map(drop),
            (_, Some(_), _) => check_http_event(&event),
            (_, _, Some("aws:sqs")) => check_queue_event(&event),
            (_, _, Some("aws:dynamodb")) => check_stream_event(&event),
            (_, _, Some("aws:s3")) => read::<aws_lambda_events::s3::S3Event>(&event).map(drop),
            _ if event["source"] == "aws.scheduler" => read::<EventBridgeEvent<Value>>(&event).map(drop),
            _ => bail!("events/{name}.json is of no known trigger"),
        };
        checked.with_context(|| format!("events/{name}.json"))?;
    }
    Ok(())
}

#[test]
fn every_function_has_an_event() -> Result<()> {
    let mut covered = BTreeSet::new();
    for (name, event) in events()? {
        covered.insert(taker(&event).with_context(|| format!("events/{name}.json"))?);
    }
    let mut functions: BTreeSet<&str> = routes::ROUTES.iter().map(|route| route.function).collect();
    functions.extend([
        "authorizer",
        "campaign-results",
        "campaign-run",
        "day-close",
        "event-relay",
        "finance-reports",
        "lettershop-export",
        "party-import",
        "point-calculation",
        "recalculation",
        "search-index",
        "voucher-issuance",
        "workflow-runner",
    ]);
    ensure!(covered == functions, "events for {covered:?}, functions {functions:?}");
    Ok(())
}

#[test]
fn an_authorizer_event_names_its_identity_sources_in_order() -> Result<()> {
    let events = events()?;
    let event = events
        .get("authorizer_request")
        .context("events/authorizer_request.json is missing")?;
    let sources = event["identitySource"].as_array().context("identitySource")?;
    ensure!(sources.len() == 2, "Authorization and routeKey");
    ensure!(
        sources[0] == event["headers"]["authorization"] && sources[1] == event["routeKey"],
        "the order of the template"
    );
    Ok(())
}
