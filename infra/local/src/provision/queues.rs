//! Queues and their redrive to dead-letter queues.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use super::{Clients, ProvisionError, ProvisionOptions};
use crate::template::{Attributes, EventSource, Model, Queue, REF};

const KIND: &str = "queue";

/// All queues first, then the redrive policies: a dead-letter queue exists before anything points to it.
pub(super) async fn ensure_all(
    clients: &Clients,
    model: &Model,
    options: &ProvisionOptions,
    attributes: &mut Attributes,
) -> Result<(), ProvisionError> {
    for queue in &model.queues {
        let mut settings = queue.attributes.clone();
        if let Some(seconds) = options
            .visibility_timeout_seconds
            .filter(|_| is_consumed(model, &queue.id))
        {
            settings.insert("VisibilityTimeout".to_owned(), seconds.to_string());
        }
        let settings: HashMap<QueueAttributeName, String> = settings
            .iter()
            .map(|(name, value)| (QueueAttributeName::from(name.as_str()), value.clone()))
            .collect();
        let url = ensure(clients, queue, settings).await?;
        attributes.set(&queue.id, "Arn", arn(clients, queue, &url).await?);
        attributes.set(&queue.id, "QueueName", &queue.name);
        attributes.set(&queue.id, REF, url);
    }
    for queue in &model.queues {
        let Some(redrive) = &queue.redrive else { continue };
        let target = attributes.get(&redrive.target, "Arn").unwrap_or_default();
        let policy = json!({ "deadLetterTargetArn": target, "maxReceiveCount": redrive.max_receive_count.to_string() });
        let url = attributes.get(&queue.id, REF).unwrap_or_default();
        let request = clients.sqs.set_queue_attributes().queue_url(url);
        let request = request.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
        request
            .send()
            .await
            .map_err(|error| ProvisionError::refused("set the redrive of", KIND, &queue.id, &error))?;
    }
    Ok(())
}

fn is_consumed(model: &Model, id: &str) -> bool {
    let mut events = model.functions.iter().flat_map(|function| &function.events);
    events.any(|event| matches!(&event.source, EventSource::Sqs(source) if source.queue == id))
}

async fn ensure(
    clients: &Clients,
    queue: &Queue,
    settings: HashMap<QueueAttributeName, String>,
) -> Result<String, ProvisionError> {
    let existing = match clients.sqs.get_queue_url().queue_name(&queue.name).send().await {
        Ok(output) => output.queue_url,
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_queue_does_not_exist()) =>
        {
            None
        }
        Err(error) => return Err(ProvisionError::refused("find", KIND, &queue.id, &error)),
    };
    if let Some(url) = existing {
        if !settings.is_empty() {
            let request = clients
                .sqs
                .set_queue_attributes()
                .queue_url(&url)
                .set_attributes(Some(settings));
            request
                .send()
                .await
                .map_err(|error| ProvisionError::refused("configure", KIND, &queue.id, &error))?;
        }
        return Ok(url);
    }
    let request = clients
        .sqs
        .create_queue()
        .queue_name(&queue.name)
        .set_attributes(Some(settings));
    let created = request
        .send()
        .await
        .map_err(|error| ProvisionError::refused("create", KIND, &queue.id, &error))?;
    Ok(created.queue_url.unwrap_or_default())
}

async fn arn(clients: &Clients, queue: &Queue, url: &str) -> Result<String, ProvisionError> {
    let request = clients
        .sqs
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(QueueAttributeName::QueueArn);
    let output = request
        .send()
        .await
        .map_err(|error| ProvisionError::refused("describe", KIND, &queue.id, &error))?;
    let arn = output
        .attributes()
        .and_then(|attributes| attributes.get(&QueueAttributeName::QueueArn))
        .cloned();
    Ok(arn.unwrap_or_default())
}
