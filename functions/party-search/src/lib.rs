//! Finds customers by fragments of what is known of them, with typing errors (B9, T6).
//!
//! What a query costs is bounded: 14 pages of lists and one batch of profiles. Card numbers are looked up in the cards' own
//! partition.

use chrono::{DateTime, Utc};
use domain::card::CardNumber;
use domain::id::Tenant;
use http_edge::api::search::{FoundParty, MatchedField, SearchAnswer};
use http_edge::{Code, Problem, Request, Response, Scope};
use runtime::secrets::Pepper;
use search::Query;
use search::query::TEXT_MAX;
use search::rank::Field;
use store::db::Read;
use store::party::{PartyDocument, Personal};
use store::search::Found;
use store::{Db, Site, card};

/// Parties shown at most.
const SHOWN_MAX: usize = 50;
/// Parties shown when the caller does not say how many.
const SHOWN: usize = 20;

/// The function.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
}

impl App {
    /// The function over a table and the pepper of its keys.
    pub fn new(db: Db, pepper: Pepper) -> Self {
        Self { db, pepper }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "GET /v1/parties" => self.find(request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function does not serve the route")),
        }
    }

    async fn find(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let text: String = request.required_query("q")?;
        let limit = limit(request)?;
        if text.chars().count() > TEXT_MAX {
            return Err(malformed(format!("q: must have at most {TEXT_MAX} characters")));
        }
        let by_card = self.by_card(&caller.tenant, &text, now).await?;
        let query = Query::parse(&text);
        if query.is_empty() && by_card.is_none() {
            return Err(malformed(
                "q: says too little: give at least two letters of a name, an e-mail address, a phone number from six digits on, \
                 an id, or a card number; a postcode narrows a name down",
            ));
        }
        let pepper = self.pepper.bytes();
        let answer = store::search::find(&self.db, pepper, &caller.tenant, &query, now).await?;
        let others = answer.found.into_iter().map(|found| shown(&found, now));
        let mut items: Vec<_> = by_card.into_iter().collect();
        for party in others {
            if items.iter().all(|item| item.party_id != party.party_id) {
                items.push(party);
            }
        }
        let truncated = answer.truncated || items.len() > limit;
        items.truncate(limit);
        tracing::info!(found = items.len(), truncated, "searched");
        Response::json(200, &SearchAnswer { items, truncated })
    }

    /// The party that a card leads to, when the text is the number of one.
    async fn by_card(&self, tenant: &Tenant, text: &str, now: DateTime<Utc>) -> Result<Option<FoundParty>, Problem> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let Ok(number) = digits.parse::<CardNumber>() else {
            return Ok(None);
        };
        let lookup = card::lookup_key(self.pepper.bytes(), &number);
        let card = card::read(&self.db, Site::SearchCard, tenant, &lookup, Read::Eventual).await?;
        // A blocked card still says whose it is: whoever asks may read parties.
        let Some(party) = card.and_then(|card| card.d.party) else {
            return Ok(None);
        };
        let party = store::search::read_one(&self.db, tenant, &party).await?;
        Ok(party.map(|party| found_party(&party, MatchedField::Card, 1_000, now)))
    }
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(Code::MalformedParameter, detail)
}

fn limit(request: &Request) -> Result<usize, Problem> {
    match request.query::<usize>("limit")? {
        None => Ok(SHOWN),
        Some(limit) if (1..=SHOWN_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(malformed(format!("limit: must be 1 to {SHOWN_MAX}"))),
    }
}

fn shown(found: &Found, now: DateTime<Utc>) -> FoundParty {
    let field = match found.fit.field {
        Field::Name => MatchedField::Name,
        Field::Email => MatchedField::Email,
        Field::Phone => MatchedField::Phone,
        Field::ExternalId => MatchedField::ExternalId,
        Field::Postcode => MatchedField::Postcode,
        Field::Town => MatchedField::Town,
    };
    found_party(&found.party, field, found.fit.score, now)
}

fn found_party(party: &PartyDocument, matched: MatchedField, score: u32, now: DateTime<Utc>) -> FoundParty {
    FoundParty {
        party_id: party.party.to_string(),
        kind: if party.identity.is_person() {
            "person"
        } else {
            "organisation"
        }
        .to_owned(),
        display_name: Personal::new(party.identity.display_name()),
        place: store::search::place(party, now),
        matched,
        score,
    }
}
