//! Customers (L1, L2, N5): parties, their cards and points, and what the cash desk sees.
//!
//! Every command can be repeated: the second time it finds its own effect and gives the same answer.
//!
//! | file | what |
//! |---|---|
//! | `parties` | a person or organisation is stored, once per external id, and shown |
//! | `party_change` | what every change of a party has in common |
//! | `party_parts` | names, contact points, ids, roles, classes, consents and lists change |
//! | `party_history` | who changed what, and what ended long ago |
//! | `party_view` | a party as the API shows it |
//! | `relationships` | relationships between parties, from both sides |
//! | `points` | the account and its ledger |
//! | `explain` | why an entry has its points |
//! | `segments` | segments of a customer, for earning rules |
//! | `cards` | cards are issued, registered, blocked and unblocked |
//! | `replacement` | a card takes the place of another one |
//! | `card_rules` | what a card allows in its state, without any call |
//! | `numbers` | card numbers that the system makes |
//! | `desk` | name, balance and open vouchers by card number |
//! | `fields` | fields that several bodies have |

mod card_rules;
mod cards;
mod desk;
mod explain;
mod fields;
mod numbers;
mod parties;
mod party_change;
mod party_history;
mod party_parts;
mod party_view;
mod points;
mod relationships;
mod replacement;
mod segments;

use chrono::{DateTime, Utc};
use http_edge::guard::Guard;
use http_edge::intake::new_party_id;
use http_edge::{Code, Problem, Request, Response};
use runtime::secrets::{KeyRing, Pepper};
use store::{Db, location, programme, run};
use uuid::Uuid;

/// The function with what it holds on to between requests.
#[derive(Debug)]
pub struct App {
    db: Db,
    pepper: Pepper,
    code_keys: KeyRing,
    guard: Guard,
    locations: location::Cache,
    programmes: programme::Cache,
    confirmed: run::Confirmed,
}

impl App {
    /// The function over a table and its keys.
    pub fn new(db: Db, pepper: Pepper, code_keys: impl Into<KeyRing>) -> Self {
        Self {
            db,
            pepper,
            code_keys: code_keys.into(),
            guard: Guard::default(),
            locations: location::Cache::default(),
            programmes: programme::Cache::default(),
            confirmed: run::Confirmed::default(),
        }
    }

    /// Answers a request. Clock and randomness come in here, as values.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn handle(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        match request.route.as_str() {
            "POST /v1/parties" => self.create_party(request, new_party_id(now)?, now).await,
            "GET /v1/parties/{party_id}" => self.show_party(request).await,
            "PATCH /v1/parties/{party_id}" => self.patch_party(request, now).await,
            "GET /v1/parties/{party_id}/changes" => self.list_changes(request).await,
            "GET /v1/parties/{party_id}/past" => self.list_past(request).await,
            "POST /v1/parties/{party_id}/contacts" => self.add_contact(request, now).await,
            "PUT /v1/parties/{party_id}/contacts/{contact_id}" => self.change_contact(request, now).await,
            "DELETE /v1/parties/{party_id}/contacts/{contact_id}" => self.end_contact(request, now).await,
            "POST /v1/parties/{party_id}/identifiers" => self.add_identifier(request, now).await,
            "POST /v1/parties/{party_id}/identifiers/end" => self.end_identifier(request, now).await,
            "PUT /v1/parties/{party_id}/roles/{role}" => self.give_role(request, now).await,
            "DELETE /v1/parties/{party_id}/roles/{role}" => self.end_role(request, now).await,
            "POST /v1/parties/{party_id}/classifications" => self.classify(request, now).await,
            "DELETE /v1/parties/{party_id}/classifications/{classification}" => self.declassify(request, now).await,
            "PUT /v1/parties/{party_id}/consents/{channel}" => self.put_consent(request, now).await,
            "PUT /v1/parties/{party_id}/lists/{list}" => self.put_list(request, now).await,
            "GET /v1/parties/{party_id}/relationships" => self.list_relationships(request).await,
            "POST /v1/parties/{party_id}/relationships" => self.relate(request, now).await,
            "POST /v1/parties/{party_id}/relationships/end" => self.end_relationship(request, now).await,
            "GET /v1/parties/{party_id}/points" => self.show_points(request, now).await,
            "GET /v1/parties/{party_id}/points/{entry_id}" => self.explain_points(request).await,
            "GET /v1/parties/{party_id}/segments" => self.show_segments(request).await,
            "PUT /v1/parties/{party_id}/segments" => self.put_segments(request, now).await,
            "POST /v1/cards" => self.issue_card(request, Uuid::new_v4(), now).await,
            "POST /v1/cards/{number}/register" => self.register_card(request, now).await,
            "POST /v1/cards/{number}/replace" => self.replace_card(request, now).await,
            "POST /v1/cards/{number}/block" => self.block_card(request, now).await,
            "POST /v1/cards/{number}/unblock" => self.unblock_card(request, now).await,
            "GET /v1/cash-desk/{card}" => self.show_desk(request, now).await,
            _ => Err(Problem::new(Code::NotFound, "this function does not serve the route")),
        }
    }
}
