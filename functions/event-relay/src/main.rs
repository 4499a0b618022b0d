//! Wires the function: settings, table, queues, bucket, then batches of the stream.

use event_relay::{App, Failures, Queues, StreamEvent};
use faults::Probe;
use lambda_runtime::{LambdaEvent, service_fn};
use runtime::{Aws, Error, Pace, Settings};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::init();
    let settings = Settings::read(&[
        "TABLE_NAME",
        "POSTING_QUEUE_URL",
        "ISSUANCE_QUEUE_URL",
        "POS_VOUCHER_QUEUE_URL",
        "RECALCULATION_QUEUE_URL",
        "PARTY_FEED_QUEUE_URL",
        "SEARCH_INDEX_QUEUE_URL",
        "WORKFLOW_QUEUE_URL",
        "PRIVACY_QUEUE_URL",
        "CAMPAIGN_RESULTS_QUEUE_URL",
        "RELAY_FAILURES_BUCKET",
    ])?;
    let aws = Aws::connect(Pace::Queue).await;
    let db = aws.db(settings.get("TABLE_NAME"));
    let queues = Queues {
        posting: settings.get("POSTING_QUEUE_URL").to_owned(),
        issuance: settings.get("ISSUANCE_QUEUE_URL").to_owned(),
        pos_voucher: settings.get("POS_VOUCHER_QUEUE_URL").to_owned(),
        party_feed: settings.get("PARTY_FEED_QUEUE_URL").to_owned(),
        recalculation: settings.get("RECALCULATION_QUEUE_URL").to_owned(),
        search_index: settings.get("SEARCH_INDEX_QUEUE_URL").to_owned(),
        workflow: settings.get("WORKFLOW_QUEUE_URL").to_owned(),
        privacy: settings.get("PRIVACY_QUEUE_URL").to_owned(),
        campaign_results: settings.get("CAMPAIGN_RESULTS_QUEUE_URL").to_owned(),
    };
    let failures = Failures::new(
        aws.buckets(),
        settings.get("RELAY_FAILURES_BUCKET").to_owned(),
        Probe::none(),
    );
    let app = &App::new(db, aws.sender(), queues, failures);
    lambda_runtime::run(service_fn(|event: LambdaEvent<StreamEvent>| async move {
        Ok::<_, Error>(app.relay(event.payload, runtime::now()).await)
    }))
    .await
}
