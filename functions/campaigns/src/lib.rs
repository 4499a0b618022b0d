//! Campaigns, their runs, the printer's files and letters that come back, over HTTP (L5, P3, P4, R5, X6, X7, X13, X15).
//!
//! What is asked for is stored before its messages are sent: a call that breaks down between the two is repeated by its caller,
//! and sends them again.
//!
//! | module | routes |
//! |---|---|
//! | `edit` | list, read, store and close campaigns |
//! | `moves` | dry run, approval, start |
//! | `runs` | how far runs are, and what they decided about a party |
//! | `results` | what became of runs and campaigns |
//! | `forecast` | what is to be expected of a run by earlier ones |
//! | `printer` | the printer's files, its acknowledgement, what is agreed on with it |
//! | `returns` | letters that came back are read |
//! | `take_back` | and taken back |
//! | `unsupported` | what a campaign can say and runs cannot do yet |

mod edit;
mod forecast;
mod moves;
mod printer;
mod results;
mod returns;
mod runs;
mod take_back;
mod unsupported;

use aws_sdk_s3::Client;
use campaign::Refused;
use chrono::{DateTime, Utc};
use domain::id::Tenant;
use http_edge::{Caller, Code, Problem, Request, Response};
use messages::Sender;
use store::campaign::{self as stored, Moved, Stored};
use store::run::Cut;
use store::{Db, Record, Site};

/// Where campaigns are worked off.
#[derive(Debug, Clone)]
pub struct Place {
    /// The queue of their runs.
    pub queue_url: String,
    /// The bucket of the printer.
    pub bucket: String,
}

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    buckets: Client,
    place: Place,
    cut: Cut,
}

impl App {
    /// The function over a table, the queue of runs and the bucket of the printer.
    pub fn new(db: Db, sender: Sender, buckets: Client, place: Place) -> Self {
        Self {
            db,
            sender,
            buckets,
            place,
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
            "GET /v1/runs/{run_id}/results" => self.run_results(&request, now).await,
            "POST /v1/runs/{run_id}/measurements" => self.measure(&request, now).await,
            "GET /v1/runs/{run_id}/members/{party_id}" => self.show_member(&request).await,
            "GET /v1/runs/{run_id}/files" => self.files(&request, now).await,
            "POST /v1/runs/{run_id}/acknowledgement" => self.acknowledge(&request, now).await,
            "POST /v1/lettershop/returns" => Box::pin(self.take_letters_back(&request, now)).await,
            "GET /v1/lettershop/settings" => self.settings(&request).await,
            "PUT /v1/lettershop/settings" => self.put_settings(&request, now).await,
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
