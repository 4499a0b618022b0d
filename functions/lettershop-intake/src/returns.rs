//! Letters that came back (P3): a body is read as a whole before anything of it is done.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use http_edge::api::lettershop::{LetterReturn, LetterReturnsAnswer, LetterReturnsRequest, ReturnedAddress};
use http_edge::intake::Rules;
use http_edge::lettershop::agreed;
use http_edge::{Findings, Problem, Request, Response, Scope};
use lettershop::piece::PieceId;
use lettershop::returned::{Reason, ReturnRules};
use party::clean::Found;
use party::contact::{Point, Postal};
use party::input::ContactInput;
use party::read;
use store::Site;

use crate::App;
use crate::take_back::Desk;

/// Most letters of a body.
const RETURNS_MAX: usize = 500;

/// A letter that came back, as it was understood.
#[derive(Debug)]
pub(crate) struct Reported {
    pub(crate) piece: PieceId,
    pub(crate) reason: Reason,
    pub(crate) returned_on: NaiveDate,
    /// There for `moved_new_address`, and only there.
    pub(crate) new_address: Option<Postal>,
}

impl App {
    /// `POST /v1/lettershop/returns`.
    pub(crate) async fn take_letters_back(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LettershopPull)?;
        let body: LetterReturnsRequest = request.json()?;
        let agreed = agreed(&self.db, Site::ShopKnown, &caller.tenant)
            .await?
            .settings
            .returns;
        let rules = Rules::of(&self.db, Site::ShopKnown, &caller.tenant, now).await?;
        let reported = reported(&body, &agreed, &rules)?;
        let desk = Desk {
            caller,
            effects: &agreed.effects,
            rules: &rules,
            reported: &reported,
            file: None,
        };
        let items = self.taken_back(&desk).await?;
        Response::json(200, &LetterReturnsAnswer { items })
    }
}

/// The letters of a body, or everything that is wrong with it.
fn reported(body: &LetterReturnsRequest, agreed: &ReturnRules, rules: &Rules) -> Result<Vec<Reported>, Problem> {
    let mut found = Findings::default();
    if !(1..=RETURNS_MAX).contains(&body.returns.len()) {
        found.add("/returns", "out_of_range", "must be 1 to 500 letters");
        return Err(found.problem());
    }
    let (mut letters, mut pieces) = (Vec::with_capacity(body.returns.len()), BTreeSet::new());
    for (index, given) in body.returns.iter().enumerate() {
        let at = format!("/returns/{index}");
        let piece: Option<PieceId> = found.field(format!("{at}/piece"), &given.piece);
        if piece.is_some_and(|piece| !pieces.insert(piece)) {
            found.add(format!("{at}/piece"), "not_unique", "the letter is there twice");
        }
        letters.extend(understood(&at, piece, given, (agreed, rules), &mut found));
    }
    found.none()?;
    Ok(letters)
}

/// A letter whose id was read, with what is wrong about it among `found`.
pub(crate) fn understood(
    at: &str,
    piece: Option<PieceId>,
    given: &LetterReturn,
    (agreed, rules): (&ReturnRules, &Rules),
    found: &mut Findings,
) -> Option<Reported> {
    let reason = reason(at, given, agreed, found);
    let returned_on = day(at, given, rules, found);
    let new_address = new_address(at, reason, given.new_address.as_ref(), rules, found);
    Some(Reported {
        piece: piece?,
        reason: reason?,
        returned_on: returned_on?,
        new_address,
    })
}

fn reason(at: &str, given: &LetterReturn, agreed: &ReturnRules, found: &mut Findings) -> Option<Reason> {
    let Some(carrier) = agreed.carrier(&given.carrier) else {
        let detail = "must be one of the carriers of GET /v1/lettershop/settings";
        found.add(format!("{at}/carrier"), "unknown", detail);
        return None;
    };
    let reason = carrier.reason(&given.code);
    if reason.is_none() {
        let detail = "must be one of the carrier's codes of GET /v1/lettershop/settings";
        found.add(format!("{at}/code"), "unknown", detail);
    }
    reason
}

fn day(at: &str, given: &LetterReturn, rules: &Rules, found: &mut Findings) -> Option<NaiveDate> {
    let (at, text) = (format!("{at}/returned_on"), &given.returned_on);
    let day = text.parse::<NaiveDate>().ok().filter(|day| day.to_string() == *text);
    match day {
        None => found.add(at, "malformed", "must be a date YYYY-MM-DD"),
        Some(day) if day > rules.when.today => found.add(at, "out_of_range", "must not be in the future"),
        Some(_) => {}
    }
    day
}

fn new_address(
    at: &str,
    reason: Option<Reason>,
    given: Option<&ReturnedAddress>,
    rules: &Rules,
    found: &mut Findings,
) -> Option<Postal> {
    let at = format!("{at}/new_address");
    match (reason, given) {
        (Some(Reason::MovedNewAddress), None) => {
            found.add(at, "missing", "the code says that there is a new address");
            return None;
        }
        (Some(reason), Some(_)) if reason != Reason::MovedNewAddress => {
            let detail = "the code does not say that there is a new address: leave it out";
            found.add(at, "not_applicable", detail);
            return None;
        }
        _ => {}
    }
    let mut wrong = Found::default();
    let wanted = read::contact(&at, &ContactInput::from(given?), rules.context(), &mut wrong);
    found.add_new(wrong.into_violations());
    match wanted?.point {
        Point::Postal(postal) => Some(postal),
        Point::Email(_) | Point::Phone(_) => None,
    }
}
