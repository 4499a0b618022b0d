//! S3: objects as files (s3s-fs), path style, with writes that take turns.
//!
//! Objects survive the end of the process; they are not synced to the disk against a power failure. Keys are file paths, so
//! that `a` and `a/b` cannot both be objects. Versions, lifecycle, notifications, policies, tags and everything else that
//! the file emulator lacks is answered with `NotImplemented` and the operation's name.

mod body;
mod guard;
mod locks;
mod staging;

use super::serve::{Server, StopSignal, bind};
use super::{ACCESS_KEY_ID, AwsError, SECRET_ACCESS_KEY};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use body::ImpatientBody;
use guard::GuardedS3;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const SERVICE: &str = "S3";

/// The running S3 endpoint.
#[derive(Debug)]
pub(crate) struct S3Endpoint {
    server: Server,
    root: PathBuf,
    /// Removed with everything in it when the endpoint ends.
    _temporary: Option<TempDir>,
}

impl S3Endpoint {
    /// Serves the objects in `folder` (or in a temporary one) on `port` until `stop` is signalled.
    pub(crate) fn start(folder: Option<PathBuf>, port: u16, stop: StopSignal) -> Result<Self, AwsError> {
        let (folder, temporary) = match folder {
            Some(folder) => (folder, None),
            None => {
                let temporary = TempDir::with_prefix("treue-s3-").map_err(AwsError::storage(std::env::temp_dir()))?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        std::fs::create_dir_all(&folder).map_err(AwsError::storage(&folder))?;
        let root = folder.canonicalize().map_err(AwsError::storage(&folder))?;
        staging::prepare(&root).map_err(AwsError::storage(&root))?;
        let files = FileSystem::new(&root).map_err(|error| AwsError::Invalid {
            what: root.display().to_string(),
            reason: format!("{error:?}"),
        })?;
        let mut builder = S3ServiceBuilder::new(GuardedS3::new(files, root.clone()));
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let router = Router::new().fallback(handle).with_state(builder.build());
        let server = Server::start(SERVICE, bind(SERVICE, port)?, router, stop)?;
        Ok(Self {
            server,
            root,
            _temporary: temporary,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Creates a bucket; one that exists is left as it is.
    pub(crate) fn create_bucket(&self, name: &str) -> Result<(), AwsError> {
        if !s3s::path::check_bucket_name(name) {
            return Err(AwsError::Invalid {
                what: format!("bucket {name:?}"),
                reason: "a bucket name has 3 to 63 lower-case letters, digits, dots and hyphens".to_owned(),
            });
        }
        let folder: &Path = &self.root.join(name);
        std::fs::create_dir_all(folder).map_err(AwsError::storage(folder))
    }

    /// Waits until running requests have been answered; the stop signal must have been given before.
    pub(crate) async fn finish(self) -> Result<(), AwsError> {
        self.server.finish().await
    }
}

async fn handle(State(service): State<S3Service>, request: Request<Body>) -> Response<Body> {
    let request = request.map(|body| s3s::Body::http_body_unsync(ImpatientBody::new(body)));
    match service.call(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(?error, "S3: a request ended without an answer");
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}
