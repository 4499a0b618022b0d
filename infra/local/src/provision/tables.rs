//! Tables with their indexes, stream and expiry.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::create_table::builders::CreateTableFluentBuilder,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType, StreamSpecification, StreamViewType, TableDescription, TableStatus,
        TimeToLiveSpecification, TimeToLiveStatus,
    },
};

use super::{Clients, ProvisionError};
use crate::template::{Attributes, REF, Table};

const KIND: &str = "table";
/// An emulator has a table ready at once; a minute is for a slow remote one.
const ACTIVE_TIMEOUT: Duration = Duration::from_secs(60);
const ACTIVE_POLL: Duration = Duration::from_millis(50);

pub(super) async fn ensure(
    clients: &Clients,
    table: &Table,
    attributes: &mut Attributes,
) -> Result<(), ProvisionError> {
    let found = match describe(clients, table).await? {
        Some(found) => found,
        None => {
            create(clients, table).await?;
            active(clients, table).await?
        }
    };
    compare(table, &found)?;
    expire(clients, table).await?;
    attributes.set(&table.id, REF, &table.name);
    if let Some(arn) = found.table_arn() {
        attributes.set(&table.id, "Arn", arn);
    }
    if let Some(arn) = found.latest_stream_arn() {
        attributes.set(&table.id, "StreamArn", arn);
    }
    Ok(())
}

async fn describe(clients: &Clients, table: &Table) -> Result<Option<TableDescription>, ProvisionError> {
    match clients.dynamodb.describe_table().table_name(&table.name).send().await {
        Ok(output) => Ok(output.table),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_resource_not_found_exception()) =>
        {
            Ok(None)
        }
        Err(error) => Err(ProvisionError::refused("describe", KIND, &table.id, &error)),
    }
}

async fn active(clients: &Clients, table: &Table) -> Result<TableDescription, ProvisionError> {
    let until = Instant::now() + ACTIVE_TIMEOUT;
    while Instant::now() < until {
        if let Some(found) = describe(clients, table)
            .await?
            .filter(|t| t.table_status() == Some(&TableStatus::Active))
        {
            return Ok(found);
        }
        tokio::time::sleep(ACTIVE_POLL).await;
    }
    Err(ProvisionError::TooSlow {
        kind: KIND,
        id: table.id.clone(),
        seconds: ACTIVE_TIMEOUT.as_secs(),
    })
}

async fn create(clients: &Clients, table: &Table) -> Result<(), ProvisionError> {
    let request = declared(clients.dynamodb.create_table(), table)
        .map_err(|error| ProvisionError::refused("describe the keys of", KIND, &table.id, &error))?;
    request
        .send()
        .await
        .map_err(|error| ProvisionError::refused("create", KIND, &table.id, &error))?;
    Ok(())
}

fn declared(request: CreateTableFluentBuilder, table: &Table) -> Result<CreateTableFluentBuilder, BuildError> {
    let mut request = request
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys(&table.keys)?));
    for (name, kind) in &table.attributes {
        let kind = ScalarAttributeType::from(kind.as_str());
        request = request.attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(kind)
                .build()?,
        );
    }
    for index in &table.indexes {
        let included = (!index.included.is_empty()).then(|| index.included.clone());
        let projection = Projection::builder()
            .projection_type(ProjectionType::from(index.projection.as_str()))
            .set_non_key_attributes(included)
            .build();
        let index = GlobalSecondaryIndex::builder()
            .index_name(&index.name)
            .set_key_schema(Some(keys(&index.keys)?))
            .projection(projection)
            .build()?;
        request = request.global_secondary_indexes(index);
    }
    if let Some(view) = &table.stream_view {
        let view = StreamViewType::from(view.as_str());
        request = request.stream_specification(
            StreamSpecification::builder()
                .stream_enabled(true)
                .stream_view_type(view)
                .build()?,
        );
    }
    Ok(request)
}

fn keys(names: &[String]) -> Result<Vec<KeySchemaElement>, BuildError> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let pairs = names.iter().zip(kinds);
    pairs
        .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build())
        .collect()
}

/// A table of an earlier start must be the one the template declares: its data would otherwise be read wrongly.
fn compare(table: &Table, found: &TableDescription) -> Result<(), ProvisionError> {
    let names = |schema: &[KeySchemaElement]| -> Vec<String> {
        schema
            .iter()
            .map(|element| element.attribute_name().to_owned())
            .collect()
    };
    let mut declared: Vec<(String, Vec<String>)> = vec![("the table".to_owned(), table.keys.clone())];
    declared.extend(
        table
            .indexes
            .iter()
            .map(|index| (index.name.clone(), index.keys.clone())),
    );
    let mut existing: Vec<(String, Vec<String>)> = vec![("the table".to_owned(), names(found.key_schema()))];
    let indexes = found.global_secondary_indexes().iter();
    existing.extend(indexes.map(|i| (i.index_name().unwrap_or_default().to_owned(), names(i.key_schema()))));
    declared[1..].sort();
    existing[1..].sort();
    let view = found
        .stream_specification()
        .and_then(|stream| stream.stream_view_type());
    let view = view.map(|view| view.as_str().to_owned());
    if declared != existing || view != table.stream_view {
        return Err(ProvisionError::Differs {
            kind: KIND,
            id: table.id.clone(),
            found: format!("keys {existing:?} and stream {view:?}"),
            declared: format!("keys {declared:?} and stream {:?}", table.stream_view),
        });
    }
    Ok(())
}

async fn expire(clients: &Clients, table: &Table) -> Result<(), ProvisionError> {
    let Some(attribute) = &table.ttl_attribute else {
        return Ok(());
    };
    let described = clients
        .dynamodb
        .describe_time_to_live()
        .table_name(&table.name)
        .send()
        .await;
    let described =
        described.map_err(|error| ProvisionError::refused("describe the expiry of", KIND, &table.id, &error))?;
    let status = described
        .time_to_live_description()
        .and_then(|ttl| ttl.time_to_live_status())
        .cloned();
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    let wrong = |error: BuildError| ProvisionError::refused("set the expiry of", KIND, &table.id, &error);
    let ttl = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(attribute)
        .build()
        .map_err(wrong)?;
    let request = clients
        .dynamodb
        .update_time_to_live()
        .table_name(&table.name)
        .time_to_live_specification(ttl);
    request
        .send()
        .await
        .map_err(|error| ProvisionError::refused("set the expiry of", KIND, &table.id, &error))?;
    Ok(())
}
