//! What is stored about a person, and its erasure (X16).
//!
//! A statement is made at once: everything that stands in the party's partition and what it leads to, as a document for people,
//! signed. An erasure is asked for, approved by a second person, and then done in steps (`store::erasure`): the stream announces
//! the approval, and a message does as many steps as its time allows and leaves the rest to the next.
//!
//! | file | what |
//! |---|---|
//! | `statement` | a statement is made, put and signed |
//! | `request` | an erasure is asked for, approved, taken back, shown |
//! | `found` | what lapses with a party, and what is open |
//! | `erase` | messages become steps |
//! | `files` | the buckets |
//! | `view` | requests as the API shows them |

mod erase;
mod files;
mod found;
mod request;
mod statement;
mod view;

pub use erase::EraseError;
pub use files::{Buckets, Files};

use chrono::{DateTime, Utc};
use domain::id::{PartyId, Tenant};
use http_edge::{Code, Problem, Request, Response};
use messages::Sender;
use party::PartyDocument;
use runtime::signing::Signer;
use store::{Db, Record, Site};

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    sender: Sender,
    queue_url: String,
    files: Files,
    signer: Signer,
}

impl App {
    /// The function over a table, its queue, the buckets and the keys that it signs with.
    pub const fn new(db: Db, sender: Sender, queue_url: String, files: Files, signer: Signer) -> Self {
        Self {
            db,
            sender,
            queue_url,
            files,
            signer,
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "POST /v1/parties/{party_id}/statements" => self.make_statement(request, now).await,
            "POST /v1/parties/{party_id}/erasure" => self.ask(request, now).await,
            "GET /v1/parties/{party_id}/erasure" => self.show(request).await,
            "POST /v1/parties/{party_id}/erasure/approval" => self.approve(request, now).await,
            "POST /v1/parties/{party_id}/erasure/withdrawal" => self.withdraw(request, now).await,
            "GET /v1/erasures" => self.list(request).await,
            "GET /v1/statement-keys" => Response::json(200, &self.signer.keys()),
            _ => Err(Problem::new(Code::NotFound, "this function does not serve the route")),
        }
    }

    /// The party of a path.
    async fn party(&self, tenant: &Tenant, party: &PartyId) -> Result<Record<PartyDocument>, Problem> {
        let found = store::party::read(&self.db, Site::PrivacyRead, tenant, party).await?;
        found.ok_or_else(|| Problem::new(Code::NotFound, "there is no party with this id"))
    }
}
