//! The running stack: everything `template.yaml` declares, on this machine.

mod error;
mod functions;
mod listen;
mod options;
mod rest;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use tempfile::TempDir;

pub use error::StackError;
pub use options::{CONCURRENCY_DEFAULT, StackOptions};

use crate::{
    aws::{ACCESS_KEY_ID, AwsEndpoints, AwsOptions, SECRET_ACCESS_KEY},
    gateway::Gateway,
    lambda::{FunctionPool, Functions, InvokeError, Outcome, invoke_api, invoke_api::AsyncInvoker},
    oidc::Issuer,
    pollers::{SourceContext, Sources},
    progress::Progress,
    provision::{Clients, ProvisionOptions, provision},
    template::{Attributes, Document, Model, REF, REGION},
};
use listen::{Port, Server};

/// Where a stack can be reached.
#[derive(Debug, Clone)]
pub struct Urls {
    /// The HTTP API.
    pub api: String,
    /// The Lambda Invoke endpoint, for `aws lambda invoke --endpoint-url`.
    pub invoke: String,
    /// The test issuer of operators' tokens.
    pub issuer: String,
}

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    model: Model,
    attributes: Attributes,
    clients: Clients,
    functions: Functions,
    asynchronous: AsyncInvoker,
    gateway: Option<Arc<Gateway>>,
    sources: Sources,
    api: Option<Server>,
    invoke: Server,
    issuer: Issuer,
    aws_env: Vec<(String, String)>,
    endpoints: Option<Arc<AwsEndpoints>>,
    folder: PathBuf,
    /// Keeps the temporary folder for as long as the stack runs.
    _temporary: Option<TempDir>,
}

impl Stack {
    /// Reads the template, creates what it declares and starts everything.
    ///
    /// # Errors
    /// The first thing that does not work, named as the template names it.
    pub async fn start(options: StackOptions, progress: &dyn Progress) -> Result<Self, StackError> {
        progress.step("Reading the template");
        let (folder, temporary) = data_folder(&options)?;
        let issuer = Issuer::start(&folder.join("oidc-key.der"), options.oidc_port).await?;
        let document = Document::load_with(
            &options.template,
            &options.stack_name,
            &options.parameters,
            &BTreeMap::from([("OidcIssuer".to_owned(), issuer.url())]),
        )?;
        let mut attributes = document.foreseen_attributes()?;
        let foreseen = document.model(&attributes)?;

        progress.step("Starting the AWS endpoints");
        let endpoints = endpoints(&options).await?;
        let aws_env = aws_env(&options, endpoints.as_deref());
        let clients = Clients::new(&aws_env).await;

        progress.step("Creating tables, queues, buckets and secrets");
        let api_port = Port::bind("the HTTP API", options.api_port).await?;
        let invoke_port = Port::bind("the Lambda Invoke endpoint", options.invoke_port).await?;
        if let Some(api) = &foreseen.api {
            attributes.set(&api.id, "ApiEndpoint", format!("http://{}", api_port.address));
        }
        let settings = ProvisionOptions {
            visibility_timeout_seconds: options.visibility_timeout_seconds,
        };
        provision(&clients, &foreseen, &settings, &mut attributes).await?;
        // Once more, with the real names and URLs.
        let model = document.model(&attributes)?;

        progress.step("Starting the functions' event sources");
        let functions = functions::pools(&options, &model, &attributes, &aws_env, &folder)?;
        let asynchronous = AsyncInvoker::default();
        let gateway = Gateway::new(&model, functions.clone(), api_port.address.port())?.map(Arc::new);
        let context = SourceContext {
            model: &model,
            attributes: &attributes,
            functions: &functions,
            clients: &clients,
            asynchronous: &asynchronous,
            endpoints: endpoints.as_ref(),
            folder: folder.join("positions"),
        };
        let sources = Sources::start(&context).await?;
        let api = gateway.as_ref().map(|gateway| api_port.serve(gateway.router()));
        let invoke = invoke_port.serve(invoke_api::router(functions.clone(), asynchronous.clone()));
        Ok(Self {
            model,
            attributes,
            clients,
            functions,
            asynchronous,
            gateway,
            sources,
            api,
            invoke,
            issuer,
            aws_env,
            endpoints,
            folder,
            _temporary: temporary,
        })
    }

    /// Where the stack can be reached.
    #[must_use]
    pub fn urls(&self) -> Urls {
        let url = |address: SocketAddr| format!("http://{address}");
        Urls {
            api: self.api.as_ref().map(|server| url(server.address)).unwrap_or_default(),
            invoke: url(self.invoke.address),
            issuer: self.issuer.url(),
        }
    }

    /// The environment that points an AWS SDK at the endpoints this stack uses.
    #[must_use]
    pub fn aws_env(&self) -> &[(String, String)] {
        &self.aws_env
    }

    /// SDK clients for these endpoints.
    #[must_use]
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The embedded endpoints, unless the stack runs against another emulator.
    #[must_use]
    pub fn endpoints(&self) -> Option<&AwsEndpoints> {
        self.endpoints.as_deref()
    }

    /// What the template declares.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The folder with logs, keys and positions.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The test issuer of operators' tokens.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// What `!GetAtt` of a resource gives, or `!Ref` for the attribute `Ref`.
    ///
    /// # Errors
    /// When there is no such resource or attribute.
    pub fn attribute(&self, logical_id: &str, attribute: &str) -> Result<String, StackError> {
        let value = self.attributes.get(logical_id, attribute).map(str::to_owned);
        value.ok_or_else(|| unknown("attribute", &format!("{logical_id}.{attribute}")))
    }

    /// The URL of a queue.
    ///
    /// # Errors
    /// When the template declares no such queue.
    pub fn queue_url(&self, logical_id: &str) -> Result<String, StackError> {
        let declared = self.model.queues.iter().any(|queue| queue.id == logical_id);
        if declared {
            self.attribute(logical_id, REF)
        } else {
            Err(unknown("queue", logical_id))
        }
    }

    /// The physical name of a table.
    ///
    /// # Errors
    /// When the template declares no such table.
    pub fn table(&self, logical_id: &str) -> Result<String, StackError> {
        let table = self.model.tables.iter().find(|table| table.id == logical_id);
        table
            .map(|table| table.name.clone())
            .ok_or_else(|| unknown("table", logical_id))
    }

    /// The physical name of the table `Table`.
    ///
    /// # Errors
    /// When the template declares no such table.
    pub fn table_name(&self) -> Result<String, StackError> {
        self.table("Table")
    }

    /// The physical name of a bucket.
    ///
    /// # Errors
    /// When the template declares no such bucket.
    pub fn bucket(&self, logical_id: &str) -> Result<String, StackError> {
        let bucket = self.model.buckets.iter().find(|bucket| bucket.id == logical_id);
        bucket
            .map(|bucket| bucket.name.clone())
            .ok_or_else(|| unknown("bucket", logical_id))
    }

    fn function(&self, name: &str) -> Result<&Arc<FunctionPool>, StackError> {
        self.functions.get(name).ok_or_else(|| unknown("function", name))
    }

    /// All functions.
    #[must_use]
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Invokes a function and waits for its answer. The name is the logical id, the physical name or the ARN.
    ///
    /// # Errors
    /// When there is no such function.
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Result<Result<Outcome, InvokeError>, StackError> {
        Ok(self.function(function)?.invoke(payload).await)
    }

    /// The log of a function.
    ///
    /// # Errors
    /// When there is no such function or its log cannot be read.
    pub fn function_log(&self, function: &str) -> Result<String, StackError> {
        let log = self.function(function)?.log();
        log.text().map_err(StackError::io(log.path().display().to_string()))
    }

    /// Kills every process of a function, in the middle of whatever it does.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn kill_function(&self, function: &str) -> Result<(), StackError> {
        self.function(function)?.kill();
        Ok(())
    }

    /// Stops delivery from queues, streams, schedules and buckets to a function. A batch that is under way ends first.
    ///
    /// # Errors
    /// When the function has no such event source.
    pub fn pause_event_source(&self, function: &str) -> Result<(), StackError> {
        if self.sources.pause(function) {
            Ok(())
        } else {
            Err(unknown("event source of a function", function))
        }
    }

    /// Goes on delivering to a function.
    ///
    /// # Errors
    /// When the function has no such event source.
    pub fn resume_event_source(&self, function: &str) -> Result<(), StackError> {
        if self.sources.resume(function) {
            Ok(())
        } else {
            Err(unknown("event source of a function", function))
        }
    }

    /// Fires a schedule now, in addition to its times. The name is `<function>-<event>`, or the event's name.
    ///
    /// # Errors
    /// When there is no such schedule, or too many asynchronous events wait already.
    pub fn fire_schedule(&self, name: &str) -> Result<(), StackError> {
        if self.sources.fire(name) {
            Ok(())
        } else {
            Err(unknown("schedule (that can fire now)", name))
        }
    }

    /// Forgets the cached answers of the authorizers, as if their time had passed.
    pub fn forget_authorizer_answers(&self) {
        if let Some(gateway) = &self.gateway {
            gateway.forget_authorizer_answers();
        }
    }

    /// Finishes what runs, ends every process and closes the data files.
    ///
    /// # Errors
    /// When an embedded endpoint does not finish its requests in time.
    pub async fn stop(self) -> Result<(), StackError> {
        // Outside in: no new requests, no new events, then the functions, then what they use.
        if let Some(api) = self.api {
            api.stop().await;
        }
        self.invoke.stop().await;
        self.sources.stop().await;
        self.functions.stop().await;
        match self.endpoints.map(Arc::try_unwrap) {
            Some(Ok(endpoints)) => Ok(endpoints.stop().await?),
            // Somebody still holds them: they end with their last holder.
            Some(Err(_)) | None => Ok(()),
        }
    }
}

fn unknown(kind: &'static str, name: &str) -> StackError {
    StackError::Unknown {
        kind,
        name: name.to_owned(),
    }
}

/// Where the stack keeps what is not in memory, and the guard that removes it when nobody named a folder.
fn data_folder(options: &StackOptions) -> Result<(PathBuf, Option<TempDir>), StackError> {
    let temporary = match &options.data_dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(StackError::io("a temporary folder"))?),
    };
    let made = temporary.as_ref().map(|dir| dir.path().to_owned());
    let folder = options.data_dir.clone().or(made).unwrap_or_default();
    std::fs::create_dir_all(&folder).map_err(StackError::io(folder.display().to_string()))?;
    Ok((folder, temporary))
}

async fn endpoints(options: &StackOptions) -> Result<Option<Arc<AwsEndpoints>>, StackError> {
    if options.external_endpoint.is_some() {
        return Ok(None);
    }
    let options = AwsOptions {
        data_dir: options.data_dir.clone(),
        ports: options.aws_ports,
    };
    Ok(Some(Arc::new(AwsEndpoints::start(options).await?)))
}

fn aws_env(options: &StackOptions, endpoints: Option<&AwsEndpoints>) -> Vec<(String, String)> {
    if let Some(endpoints) = endpoints {
        return endpoints.env();
    }
    let endpoint = options.external_endpoint.clone().unwrap_or_default();
    [
        ("AWS_ENDPOINT_URL", endpoint.clone()),
        // The functions take path style when the endpoint of S3 is given by name.
        ("AWS_ENDPOINT_URL_S3", endpoint),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}
