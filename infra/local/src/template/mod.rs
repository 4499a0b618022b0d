//! `template.yaml`, read and typed.
//!
//! A [`Document`] is the file with parameters applied and conditions evaluated; a [`Model`] is what it declares, with every
//! intrinsic function resolved against the [`Attributes`] of the local resources. Whatever is not understood is an error that
//! names its place: a template never means less locally than it says.

mod attributes;
mod document;
mod error;
mod model;
mod props;
mod read_api;
mod read_events;
mod read_function;
mod read_storage;
mod resolve;
mod yaml;

pub use attributes::{Attributes, REF};
pub use document::{ACCOUNT_ID, Document, REGION, Resource, SUPPORTED_TYPES, TYPES_WITHOUT_LOCAL_EFFECT};
pub use error::TemplateError;
pub use model::{
    Authorizer, Bucket, Event, EventSource, Function, HttpApi, IdentitySource, Index, Model, Queue, Redrive, Route,
    S3Source, ScheduleSource, Secret, SqsSource, StreamSource, Table, Throttle,
};
pub use props::Props;
pub use resolve::Scope;

pub(crate) use read_storage::SECRET_ALPHABET;

impl Document {
    /// The physical name of a resource: the template's own, or one made of the stack's name and the logical id.
    fn physical_name(&self, id: &str, kind: &str, attributes: &Attributes) -> Result<String, TemplateError> {
        let property = match kind {
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::SQS::Queue" => "QueueName",
            "AWS::S3::Bucket" => "BucketName",
            "AWS::Serverless::Function" => "FunctionName",
            "AWS::SecretsManager::Secret" => "Name",
            _ => "",
        };
        let made = format!("{}-{id}", self.stack_name);
        let Some(resource) = self.resources.get(id).filter(|_| !property.is_empty()) else {
            return Ok(made);
        };
        let path = format!("Resources.{id}.Properties");
        let own = Props::new(&resource.properties, self.scope(attributes), path)?.text(property)?;
        // Bucket names have no capitals.
        Ok(own.unwrap_or_else(|| {
            if kind == "AWS::S3::Bucket" {
                made.to_ascii_lowercase()
            } else {
                made
            }
        }))
    }

    /// Names, ARNs and URLs as they can be foreseen before anything is created; [`crate::provision`] then sets the real ones.
    ///
    /// # Errors
    /// A physical name that refers to something unknown.
    pub fn foreseen_attributes(&self) -> Result<Attributes, TemplateError> {
        let mut known = Attributes::default();
        let names = Attributes::default();
        for (id, resource) in &self.resources {
            let name = self.physical_name(id, &resource.kind, &names)?;
            let arn = |service: &str, rest: String| format!("arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{rest}");
            known.set(id, REF, &name);
            match resource.kind.as_str() {
                "AWS::DynamoDB::Table" => {
                    known.set(id, "Arn", arn("dynamodb", format!("table/{name}")));
                    known.set(
                        id,
                        "StreamArn",
                        arn("dynamodb", format!("table/{name}/stream/foreseen")),
                    );
                }
                "AWS::SQS::Queue" => {
                    known.set(id, REF, format!("http://sqs.invalid/{ACCOUNT_ID}/{name}"));
                    known.set(id, "QueueName", &name);
                    known.set(id, "Arn", arn("sqs", name.clone()));
                }
                "AWS::S3::Bucket" => known.set(id, "Arn", format!("arn:aws:s3:::{name}")),
                "AWS::SecretsManager::Secret" => {
                    known.set(id, REF, arn("secretsmanager", format!("secret:{name}")));
                    known.set(id, "Id", arn("secretsmanager", format!("secret:{name}")));
                }
                "AWS::Serverless::Function" => known.set(id, "Arn", arn("lambda", format!("function:{name}"))),
                "AWS::Serverless::HttpApi" => known.set(id, "ApiEndpoint", "http://api.invalid"),
                _ => known.set(id, "Arn", format!("arn:aws:local:{REGION}:{ACCOUNT_ID}:{name}")),
            }
        }
        Ok(known)
    }

    /// What the template declares, with these attributes.
    ///
    /// # Errors
    /// The first property that is wrong, missing or not supported locally, with its path.
    pub fn model(&self, known: &Attributes) -> Result<Model, TemplateError> {
        let name = |id: &str, kind: &str| self.physical_name(id, kind, known);
        let mut model = Model::default();
        for (id, props) in self.of_type("AWS::DynamoDB::Table", known)? {
            model
                .tables
                .push(read_storage::table(id, &name(id, "AWS::DynamoDB::Table")?, &props)?);
        }
        for (id, props) in self.of_type("AWS::SQS::Queue", known)? {
            model
                .queues
                .push(read_storage::queue(id, &name(id, "AWS::SQS::Queue")?, &props, known)?);
        }
        for (id, props) in self.of_type("AWS::S3::Bucket", known)? {
            model
                .buckets
                .push(read_storage::bucket(id, &name(id, "AWS::S3::Bucket")?, &props)?);
        }
        for (id, props) in self.of_type("AWS::SecretsManager::Secret", known)? {
            model.secrets.push(read_storage::secret(
                id,
                &name(id, "AWS::SecretsManager::Secret")?,
                &props,
            )?);
        }
        for (id, props) in self.of_type("AWS::Serverless::HttpApi", known)? {
            if model.api.is_some() {
                return Err(TemplateError::unsupported(props.path(), "a second HTTP API"));
            }
            model.api = Some(read_api::http_api(id, &props, known)?);
        }
        let around = read_events::Surroundings {
            known,
            api: model.api.as_ref(),
        };
        let mut functions = Vec::new();
        for (id, props) in self.of_type("AWS::Serverless::Function", known)? {
            functions.push(read_function::function(
                id,
                &name(id, "AWS::Serverless::Function")?,
                &props,
                around,
            )?);
        }
        model.functions = functions;
        Ok(model)
    }
}
