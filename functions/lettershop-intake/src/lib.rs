//! What printer and carriers fetch and say (P3, P4, X7, X13): links to the files of runs, acknowledgements, letters that come back;
//! by call, and by files that they put into their inbox.
//!
//! A file is judged as a whole before anything of it is done, its letters are taken back each by itself and once, and how far it is
//! stands in the table behind every step. So a file that comes twice, or whose worker dies, does nothing twice.
//!
//! | module | what |
//! |---|---|
//! | `printer` | links to files; what is agreed on with the printer |
//! | `confirm` | the printer's acknowledgement |
//! | `returns` | letters that came back are read |
//! | `take_back` | and taken back |
//! | `inbox` | a file that was put is worked off |
//! | `of_returns` | its letters that came back |
//! | `show` | what became of files |
//! | `reprints` | letters that are printed again |
//! | `objects` | the buckets |

mod confirm;
mod inbox;
mod objects;
mod of_returns;
mod printer;
mod reprints;
mod returns;
mod show;
mod take_back;

use chrono::{DateTime, Utc};
use domain::id::{RunName, Tenant};
use http_edge::{Code, Problem, Request, Response};
use messages::{SendError, Sender};
use store::run::{self, Run};
use store::{Db, Record, Site, StoreError};

pub use objects::Objects;

/// Where files are.
#[derive(Debug, Clone)]
pub struct Place {
    /// The function's own queue.
    pub queue_url: String,
    /// The queue of the printer's files.
    pub files_queue_url: String,
    /// The bucket of the printer's files.
    pub bucket: String,
}

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    objects: Objects,
    place: Place,
}

/// Why work on a file must come again, or cannot be done at all. Carries no personal data.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The table did not answer as it should.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue did not take a message.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The bucket did not answer as it should.
    #[error("{}: the bucket answered {reason}", site.name())]
    Bucket {
        /// Where.
        site: Site,
        /// The service's code.
        reason: String,
    },
    /// A step ended in a problem that another try may get over.
    #[error("the step ended in the problem {}", .0.as_str())]
    Problem(Code),
    /// What is stored cannot be worked with.
    #[error("{0}")]
    Unusable(&'static str),
    /// A handler panicked.
    #[error(transparent)]
    Panicked(#[from] runtime::Panicked),
}

impl From<Problem> for IntakeError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem.code)
    }
}

impl App {
    /// The function over a table, its own queue and its buckets.
    pub const fn new(db: Db, sender: Sender, objects: Objects, place: Place) -> Self {
        Self {
            db,
            sender,
            objects,
            place,
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "GET /v1/runs/{run_id}/files" => self.files(&request, now).await,
            "POST /v1/runs/{run_id}/acknowledgement" => self.acknowledge(&request, now).await,
            "POST /v1/runs/{run_id}/reprints" => self.ask_for_reprint(&request, now).await,
            "GET /v1/runs/{run_id}/reprints/{reprint_id}" => self.show_reprint(&request, now).await,
            "POST /v1/lettershop/returns" => Box::pin(self.take_letters_back(&request, now)).await,
            "GET /v1/lettershop/inbox" => self.list_inbox(&request).await,
            "GET /v1/lettershop/inbox/{file_id}" => self.show_file(&request).await,
            "GET /v1/lettershop/settings" => self.settings(&request).await,
            "PUT /v1/lettershop/settings" => self.put_settings(&request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function has no such route")),
        }
    }

    /// The last revision of a run.
    async fn run(&self, tenant: &Tenant, name: &RunName) -> Result<Record<Run>, Problem> {
        let found = run::latest(&self.db, Site::ShopRun, tenant, name).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "there is no run with this name"))
    }
}

fn contended() -> Problem {
    Problem::new(
        Code::ConcurrentChange,
        "others kept changing this while the call was at work: read it before you repeat the change",
    )
}
