//! Campaigns and their runs over HTTP (L5, R5, X6, X15).
//!
//! What is asked for is stored before its messages are sent: a call that breaks down between the two is repeated by its caller,
//! and sends them again.
//!
//! | module | routes |
//! |---|---|
//! | `edit` | list, read, store and close campaigns |
//! | `moves` | dry run, approval, start |
//! | `runs` | how far runs are, and what they decided about a party |
//! | `stop` | a run is stopped |
//! | `results` | what became of runs and campaigns |
//! | `forecast` | what is to be expected of a run by earlier ones |

mod edit;
mod forecast;
mod moves;
mod results;
mod runs;
mod stop;

use campaign::Refused;
use chrono::{DateTime, Utc};
use domain::id::Tenant;
use http_edge::{Caller, Code, Problem, Request, Response};
use messages::Sender;
use store::campaign::{self as stored, Moved, Stored};
use store::run::Cut;
use store::{Db, Record, Site};

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    queue_url: String,
    cut: Cut,
}

impl App {
    /// The function over a table and the queue of runs.
    pub fn new(db: Db, sender: Sender, queue_url: String) -> Self {
        Self {
            db,
            sender,
            queue_url,
            cut: Cut::default(),
        }
    }

    /// Cuts the runs that it begins in this way.
    #[must_use]
    pub const fn with_cut(mut self, cut: Cut) -> Self {
        self.cut = cut;
        self
    }

    /// The table.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "GET /v1/campaigns" => self.list(&request).await,
            "GET /v1/campaign-context" => edit::context(&request),
            "GET /v1/campaigns/{campaign_id}" => self.show(&request).await,
            "PUT /v1/campaigns/{campaign_id}" => self.put(&request, now).await,
            "POST /v1/campaigns/{campaign_id}/close" => self.close(&request, now).await,
            "POST /v1/campaigns/{campaign_id}/dry-runs" => Box::pin(self.dry_run(&request, now)).await,
            "POST /v1/campaigns/{campaign_id}/approve" => self.approve(&request, now).await,
            "POST /v1/campaigns/{campaign_id}/start" => self.start(&request, now).await,
            "GET /v1/campaigns/{campaign_id}/results" => Box::pin(self.campaign_results(&request, now)).await,
            "GET /v1/runs" => self.list_runs(&request).await,
            "GET /v1/runs/{run_id}" => self.show_run(&request, now).await,
            "POST /v1/runs/{run_id}/stop" => self.stop(&request, now).await,
            "GET /v1/runs/{run_id}/results" => self.run_results(&request, now).await,
            "POST /v1/runs/{run_id}/measurements" => self.measure(&request, now).await,
            "GET /v1/runs/{run_id}/members/{party_id}" => self.show_member(&request).await,
            _ => Err(Problem::new(Code::NotFound, "this function has no such route")),
        }
    }

    async fn stored(&self, caller: &Caller, request: &Request) -> Result<Record<Stored>, Problem> {
        let id: String = request.path("campaign_id")?;
        self.of_id(&caller.tenant, &id).await
    }

    async fn of_id(&self, tenant: &Tenant, id: &str) -> Result<Record<Stored>, Problem> {
        let found = stored::read(&self.db, Site::CampaignsRead, tenant, id).await?;
        found.ok_or_else(unknown)
    }
}

fn unknown() -> Problem {
    Problem::new(Code::NotFound, "there is no campaign with this id")
}

fn refused(refused: Refused) -> Problem {
    let code = match refused {
        Refused::SamePerson => Code::ApprovalByAuthor,
        _ => Code::CampaignState,
    };
    Problem::new(code, refused.to_string())
}

fn contended() -> Problem {
    Problem::new(
        Code::ConcurrentChange,
        "others kept changing this while the call was at work: read it before you repeat the change",
    )
}

/// What a step came to.
fn moved(moved: Moved) -> Result<(), Problem> {
    match moved {
        Moved::Done => Ok(()),
        Moved::Refused(why) => Err(refused(why)),
        Moved::Unknown => Err(unknown()),
        Moved::Contended => Err(contended()),
    }
}
