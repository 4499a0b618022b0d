//! Calls of service-desk about leads.

use serde_json::{Value, json};

use super::operation::{Answer, Body, Operation, Parameter, path};
use crate::api::leads::{ConvertRequest, LeadCandidates, LeadRequest, LeadView};
use crate::problem::Code;

const TAG: &str = "Service desk";
const LEAD: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b11";
const KNOWN: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";
const TASK: &str = "K7QW2MZ4TB6XN3VRC5JHYD2PE";

pub(super) fn operations() -> Vec<Operation> {
    vec![create(), candidates(), convert()]
}

fn party() -> Parameter {
    path("party_id", "The lead.", LEAD)
}

fn lead(version: u64, status: &str) -> Value {
    json!({"party_id": LEAD, "version": version, "source": "fair", "since": "2026-11-24", "status": status})
}

fn create() -> Operation {
    let request = json!({
        "party": {
            "kind": "person", "given_name": "Jürg", "family_name": "Meier", "client_token": "lead-4711",
            "contacts": [{"kind": "email", "email": "juerg.meier@example.ch"}],
        },
        "source": "fair", "task_queue": "sales",
    });
    let mut new = lead(1, "open");
    new["task_id"] = json!(TASK);
    Operation {
        route: "POST /v1/leads",
        id: "createLead",
        tag: TAG,
        summary: "Keep a lead",
        description: "A party with the role lead towards the own company, and a task to look at it. Repeatable as a new party is: by \
                      the external id or the token. An id that another party has is refused with that party.",
        parameters: Vec::new(),
        request: Some(Body::of::<LeadRequest>(request)),
        answers: vec![
            Answer::json::<LeadView>(201, "Kept now.", new.clone()),
            Answer::json::<LeadView>(200, "Kept before, as it is now.", new).may_replay(),
        ],
        codes: &[
            Code::Invalid,
            Code::PartyUnknown,
            Code::PartyContradiction,
            Code::IdentifierTaken,
            Code::ConcurrentChange,
        ],
    }
}

fn candidates() -> Operation {
    let found = json!({
        "lead": lead(1, "open"),
        "candidates": [{
            "party_id": KNOWN, "kind": "person", "display_name": "Jürg Mayer", "place": "3011 Bern",
            "shares": ["email", "name_and_postcode"],
        }],
        "truncated": false,
    });
    Operation {
        route: "GET /v1/leads/{party_id}/candidates",
        id: "listLeadCandidates",
        tag: TAG,
        summary: "Show who the lead may be",
        description: "Parties with the same e-mail address, telephone number or id in another system, or with a name that sounds the \
                      same and the same postcode. A party is found a moment after it was stored or changed, not at once.",
        parameters: vec![party()],
        request: None,
        answers: vec![Answer::json::<LeadCandidates>(
            200,
            "Them, the most likely first.",
            found,
        )],
        codes: &[Code::NotFound],
    }
}

fn convert() -> Operation {
    let mut done = lead(2, "converted");
    done["converted_into"] = json!(KNOWN);
    Operation {
        route: "POST /v1/leads/{party_id}/convert",
        id: "convertLead",
        tag: TAG,
        summary: "Decide what a lead is",
        description: "As a customer: its role lead ends and the role customer begins. While there are candidates, the call must name \
                      each of them as somebody else; otherwise it is refused with them, and nothing changes. Into a party that is \
                      known: the role lead ends, and both show a relationship, converted_into and converted_from. Nothing else is \
                      moved or merged: what the lead has stays with it. The same decision again gives the same answer.",
        parameters: vec![party()],
        request: Some(Body::of::<ConvertRequest>(json!({"into": KNOWN}))),
        answers: vec![Answer::json::<LeadView>(200, "Decided, now or before.", done).may_replay()],
        codes: &[
            Code::Invalid,
            Code::NotFound,
            Code::PartyUnknown,
            Code::LeadCandidates,
            Code::LeadState,
        ],
    }
}
