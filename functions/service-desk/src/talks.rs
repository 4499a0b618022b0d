//! Communication is kept (C3).

use chrono::{DateTime, Utc};
use domain::id::PartyId;
use http_edge::api::desk::{CommunicationAnswer, CommunicationRequest};
use http_edge::{Code, Findings, Problem, Request, Response, Scope};
use store::Site;
use store::communication::{self, Communication, Recorded};
use store::timeline::{Channel, Direction};

use crate::{App, answer, contradiction, fields};

/// Seconds that the clock of a caller may be ahead.
const AHEAD_MAX: i64 = 300;
/// 1 January 2000, in seconds since 1970.
const FIRST: i64 = 946_684_800;

impl App {
    /// `POST /v1/parties/{party_id}/communications`.
    pub(crate) async fn keep_communication(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskWrite)?;
        let party: PartyId = request.path("party_id")?;
        let body: CommunicationRequest = request.json()?;
        let wanted = wanted(&body, now)?;
        self.party_of_path(&caller.tenant, &party).await?;
        let id = self.id("communication", caller, &body.client_token);
        let content = self.content(&body);
        let (whose, made) = ((&caller.tenant, &party), caller.made(now));
        let site = Site::DeskCommunication;
        let kept = communication::record_once(&self.db, site, whose, (&id, &content), wanted, &made);
        let replayed = match kept.await? {
            Recorded::New => false,
            Recorded::Before => true,
            Recorded::Contradiction => return Err(contradiction()),
        };
        let said = CommunicationAnswer {
            communication_id: id.to_string(),
            party_id: party.to_string(),
            at: body.at,
        };
        answer(if replayed { 200 } else { 201 }, &said, replayed)
    }
}

fn wanted(body: &CommunicationRequest, now: DateTime<Utc>) -> Result<Communication, Problem> {
    let mut found = Findings::default();
    let channel = match body.kind.as_str() {
        "call" => Some(Channel::Call),
        "email" => Some(Channel::Email),
        "letter" => Some(Channel::Letter),
        "visit" => Some(Channel::Visit),
        "other" => Some(Channel::Other),
        _ => {
            found.add(
                "/kind",
                "malformed",
                "a kind is one of call, email, letter, visit, other",
            );
            None
        }
    };
    let direction = match body.direction.as_str() {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        _ => {
            found.add("/direction", "malformed", "a direction is inbound or outbound");
            None
        }
    };
    fields::title("/subject", &body.subject, &mut found);
    fields::long_text("/text", &body.text, &mut found);
    let seconds = body.at.timestamp();
    if seconds < FIRST || seconds > now.timestamp().saturating_add(AHEAD_MAX) {
        found.add("/at", "out_of_range", "must not be before 2000 or later than now");
    }
    fields::token(&body.client_token, &mut found);
    found.none()?;
    let (Some(channel), Some(direction)) = (channel, direction) else {
        return Err(Problem::new(
            Code::Internal,
            "the body was neither understood nor refused",
        ));
    };
    Ok(Communication {
        at: body.at,
        channel,
        direction,
        subject: body.subject.clone(),
        text: body.text.clone(),
    })
}
