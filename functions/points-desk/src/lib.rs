//! The points desk: support staff move points by hand, and handle single vouchers. Every such move is a ledger entry, and every
//! change has a reason.
//!
//! The record of a call is the adjustment it makes, under an id derived from the caller's token. Its points move, and its voucher
//! changes, in the transaction in which it becomes posted: a crash leaves either nothing or all, and the same call again finds out
//! which.
//!
//! | file | what |
//! |---|---|
//! | `fields` | bodies become adjustments, or findings |
//! | `ask` | a correction or transfer is posted, or kept for a second person |
//! | `decide` | a second person approves or rejects |
//! | `voucher` | a voucher is blocked, unblocked, extended, reissued, or becomes void and its points go back |
//! | `book` | what an adjustment does to the accounts |
//! | `show` | adjustments are shown and listed |
//! | `view` | an adjustment as the API shows it |

mod ask;
mod book;
mod decide;
mod fields;
mod show;
mod view;
mod voucher;

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::adjustment::Kind;
use domain::id::{PartyId, ProgrammeId, Tenant};
use domain::programme::Programme;
use http_edge::{Code, Problem, Request, Response};
use runtime::secrets::{KeyRing, Pepper};
use store::{Db, Site, party, programme};

/// Rounds against other writers of an account before the caller is asked to repeat.
const ROUNDS_MAX: u32 = 20;
/// First pause after a lost round; grows with each, with full jitter.
const PAUSE: Duration = Duration::from_millis(4);

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
    code_keys: KeyRing,
}

impl App {
    /// The function over a table and its keys. Ids are derived from callers' tokens under the pepper.
    pub fn new(db: Db, pepper: Pepper, code_keys: impl Into<KeyRing>) -> Self {
        Self {
            db,
            pepper,
            code_keys: code_keys.into(),
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "POST /v1/parties/{party_id}/points/corrections" => self.correct(request, now).await,
            "POST /v1/parties/{party_id}/points/transfers" => self.transfer(request, now).await,
            "GET /v1/parties/{party_id}/vouchers/{sequence}" => self.show_voucher(request, now).await,
            "POST /v1/parties/{party_id}/vouchers/{sequence}/block" => {
                self.on_voucher(request, |number| Kind::VoucherBlock { number }, now)
                    .await
            }
            "POST /v1/parties/{party_id}/vouchers/{sequence}/unblock" => {
                self.on_voucher(request, |number| Kind::VoucherUnblock { number }, now)
                    .await
            }
            "POST /v1/parties/{party_id}/vouchers/{sequence}/extend" => self.extend_voucher(request, now).await,
            "POST /v1/parties/{party_id}/vouchers/{sequence}/reissue" => {
                self.on_voucher(request, |number| Kind::VoucherReissue { number }, now)
                    .await
            }
            "POST /v1/parties/{party_id}/vouchers/{sequence}/void" => self.void_voucher(request, now).await,
            "GET /v1/points/corrections" => self.list(request).await,
            "GET /v1/points/corrections/{id}" => self.show(request).await,
            "POST /v1/points/corrections/{id}/approve" => self.approve(request, now).await,
            "POST /v1/points/corrections/{id}/reject" => self.reject(request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function does not serve the route")),
        }
    }

    /// The programme in force. Read anew each time: the limit of today decides, not the one of half a minute ago.
    async fn programme(&self, tenant: &Tenant, id: &ProgrammeId) -> Result<Programme, Problem> {
        let found = programme::read_current(&self.db, Site::AdjustProgramme, tenant, id).await?;
        let found =
            found.ok_or_else(|| Problem::new(Code::ProgrammeUnknown, "programme: there is no such programme"))?;
        Ok(found.d.programme)
    }

    /// Whether the party of the path exists.
    async fn party(&self, tenant: &Tenant, id: &PartyId) -> Result<(), Problem> {
        match party::read(&self.db, Site::AdjustParty, tenant, id).await? {
            Some(_) => Ok(()),
            None => Err(Problem::new(Code::NotFound, "there is no party with this id")),
        }
    }
}

/// Waits before another round: nothing before the first.
async fn pause(round: u32) {
    if round > 0 {
        tokio::time::sleep(PAUSE.saturating_mul(round).mul_f64(fastrand::f64())).await;
    }
}

/// The answer to a call that kept losing against other writers.
fn contended() -> Problem {
    Problem::new(
        Code::Unavailable,
        "others kept changing the account while the call was at work: repeat the same call",
    )
}
