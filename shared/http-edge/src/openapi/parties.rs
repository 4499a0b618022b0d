//! Calls that read and change the parts of a party.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::operation::{Answer, Body, Operation, Parameter, if_match, optional, paging, path};
use crate::api::parties::{
    ChangesAnswer, ClassificationInput, ContactAnswer, ContactInput, IdentifierAddition, IdentifierInput, PartyAnswer,
    PartyPatch, PastAnswer, PermissionInput, RelationshipEnd, RelationshipInput, RelationshipView, RelationshipsAnswer,
    RoleTerms,
};
use crate::problem::Code;

const TAG: &str = "Customers";
const PARTY: &str = "0199b1f0-7a64-7c3e-9d51-2f4a1c8e7b10";
const COMPANY: &str = "6f1ed002-ab5c-5f8a-9d0c-3f3a2f6d9e11";

/// Problems of an entry that is added.
const ADD: &[Code] = CHANGE;
/// Problems of an entry that ends.
const END: &[Code] = CHANGE;
/// Problems of what is replaced.
const REPLACE: &[Code] = CHANGE;
const CHANGE: &[Code] = &[
    Code::Invalid,
    Code::NotFound,
    Code::VersionMismatch,
    Code::PreconditionNeeded,
];

/// Problems of a relationship.
const RELATE: &[Code] = &[
    Code::Invalid,
    Code::NotFound,
    Code::PartyUnknown,
    Code::VersionMismatch,
    Code::PreconditionNeeded,
];

pub(super) fn operations() -> Vec<Operation> {
    vec![
        patch(),
        changes(),
        past(),
        add_contact(),
        change_contact(),
        end_contact(),
        add_identifier(),
        end_identifier(),
        give_role(),
        end_role(),
        classify(),
        declassify(),
        consent(),
        list(),
        relationships(),
        relate(),
        end_relationship(),
    ]
}

/// A party with everything.
pub(super) fn party() -> Value {
    json!({
        "party_id": PARTY, "version": 7, "kind": "person", "given_name": "Anna", "family_name": "Keller",
        "display_name": "Anna Keller", "language": "de", "gender": "female", "birth_date": "1984-02-29",
        "customer_type": "private", "sales_channel": "branch", "external_id": {"system": "shop", "id": "10042"},
        "former_names": [{"given_name": "Anna", "family_name": "Meier", "until": "2026-11-22T10:00:00Z"}],
        "identifiers": [{"system": "shop", "id": "10042", "since": "2026-11-20T10:00:00Z"}],
        "contacts": [contact()],
        "roles": [{"role": "customer", "towards": COMPANY, "since": "2026-11-20", "ended": false}],
        "classifications": [{
            "classification": "vip", "reason": "Regular since 1998", "since": "2026-11-21T10:00:00Z", "no_vouchers": false,
        }],
        "consents": [{
            "name": "email", "state": "pending", "since": "2026-11-20T10:00:00Z", "source": "till", "text_version": "2026-1",
        }],
        "created_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-22T10:00:00Z",
    })
}

fn contact() -> Value {
    json!({
        "contact_id": "c1", "kind": "postal", "purposes": ["main"], "valid_from": "2026-11-20", "ended": false,
        "street": "Marktgasse", "house_number": "12a", "postcode": "3011", "town": "Bern", "country": "CH",
    })
}

fn party_id() -> Parameter {
    path("party_id", "The party.", PARTY)
}

fn last_day() -> Parameter {
    optional(
        "last_day",
        "Its last day as `YYYY-MM-DD`; without it, it is over at once.",
    )
}

fn call(route: &'static str, id: &'static str, summary: &'static str, description: &'static str) -> Operation {
    Operation {
        route,
        id,
        tag: TAG,
        summary,
        description,
        parameters: vec![party_id(), if_match()],
        request: None,
        answers: vec![Answer::json::<PartyAnswer>(
            200,
            "The party as it is now, with its version as `ETag`.",
            party(),
        )],
        codes: END,
    }
}

fn with<T: ToSchema + Serialize + DeserializeOwned>(mut operation: Operation, body: Value) -> Operation {
    operation.request = Some(Body::of::<T>(body));
    operation.codes = ADD;
    operation
}

fn patch() -> Operation {
    let operation = call(
        "PATCH /v1/parties/{party_id}",
        "changeParty",
        "Change names and fields of a party",
        "Fields that are absent stay. A name or value that is given up stays as a former one. `If-Match` is needed: `*` changes \
         whatever is there.",
    );
    Operation {
        codes: REPLACE,
        ..with::<PartyPatch>(operation, json!({"family_name": "Keller", "gender": null}))
    }
}

fn changes() -> Operation {
    let mut parameters = vec![party_id()];
    parameters.extend(paging());
    let answer = json!({"changes": [{
        "version": 7, "at": "2026-11-22T10:00:00Z", "client": "back-office", "subject": "auth0|olga", "kind": "changed",
        "fields": ["/contacts/c1", "/name"],
    }]});
    Operation {
        parameters,
        answers: vec![Answer::json::<ChangesAnswer>(200, "A page of changes.", answer)],
        codes: &[Code::NotFound],
        ..call(
            "GET /v1/parties/{party_id}/changes",
            "listPartyChanges",
            "List who changed which fields of a party",
            "Newest first. Fields are named, values are not.",
        )
    }
}

fn past() -> Operation {
    let mut parameters = vec![party_id()];
    parameters.extend(paging());
    let answer = json!({"past": [{"contacts": [{
        "contact_id": "c1", "kind": "email", "purposes": [], "valid_from": "2020-01-01", "valid_until": "2021-01-01",
        "ended": true, "email": "anna@example.ch",
    }]}]});
    Operation {
        parameters,
        answers: vec![Answer::json::<PastAnswer>(200, "A page of the past.", answer)],
        codes: &[Code::NotFound],
        ..call(
            "GET /v1/parties/{party_id}/past",
            "listPartyPast",
            "List what ended long ago",
            "Ended entries for which there is no room in the party, newest first, at most 10 lots in an answer.",
        )
    }
}

fn contact_answer() -> Vec<Answer> {
    let answer = json!({"contact_id": "c1", "party": party()});
    vec![Answer::json::<ContactAnswer>(
        200,
        "The contact point and the party.",
        answer,
    )]
}

fn contact_request() -> Value {
    json!({
        "kind": "postal", "purposes": ["main"], "street": "Marktgasse", "house_number": "12a", "postcode": "3011",
        "town": "Bern",
    })
}

fn add_contact() -> Operation {
    let operation = call(
        "POST /v1/parties/{party_id}/contacts",
        "addContact",
        "Add a postal address, e-mail address or telephone number",
        "One that leads there and stands already is the one: the call can be repeated. Saying more about it, or beginning one \
         again that has ended, needs `If-Match`.",
    );
    Operation {
        answers: contact_answer(),
        ..with::<ContactInput>(operation, contact_request())
    }
}

fn change_contact() -> Operation {
    let mut operation = call(
        "PUT /v1/parties/{party_id}/contacts/{contact_id}",
        "changeContact",
        "Change a contact point",
        "What is absent stays, `null` takes it away. When it leads elsewhere than before, the old one ends on the day before the \
         new one begins, which gets another id. `If-Match` is needed.",
    );
    operation
        .parameters
        .insert(1, path("contact_id", "The contact point.", "c1"));
    Operation {
        answers: contact_answer(),
        codes: REPLACE,
        ..with::<ContactInput>(operation, contact_request())
    }
}

fn end_contact() -> Operation {
    let mut operation = call(
        "DELETE /v1/parties/{party_id}/contacts/{contact_id}",
        "endContact",
        "End a contact point",
        "It stays as history.",
    );
    operation
        .parameters
        .insert(1, path("contact_id", "The contact point.", "c1"));
    operation.parameters.push(last_day());
    operation
}

fn add_identifier() -> Operation {
    let operation = call(
        "POST /v1/parties/{party_id}/identifiers",
        "addIdentifier",
        "Add the party's id in another system",
        "An id leads to one party at a time. One that was taken away stays its party's, so that a late call finds that party; \
         another one gets it with `handed_on_by`.",
    );
    Operation {
        codes: &[
            Code::Invalid,
            Code::NotFound,
            Code::VersionMismatch,
            Code::PreconditionNeeded,
            Code::IdentifierTaken,
        ],
        ..with::<IdentifierAddition>(operation, json!({"system": "erp", "id": "K-4711"}))
    }
}

fn end_identifier() -> Operation {
    let operation = call(
        "POST /v1/parties/{party_id}/identifiers/end",
        "endIdentifier",
        "Take the party's id in another system away",
        "It stays as history, and may be handed on to another party. Not in the path, which would be logged: an id may lead to a \
         person.",
    );
    with::<IdentifierInput>(operation, json!({"system": "erp", "id": "K-4711"}))
}

fn give_role() -> Operation {
    let mut operation = call(
        "PUT /v1/parties/{party_id}/roles/{role}",
        "giveRole",
        "Give a party a role",
        "Towards the own company when nothing else is said. One that stands is the one; only its last day can change, with \
         `If-Match`. It is needed too where such a role has ended before: a late repeat does not begin it again.",
    );
    operation
        .parameters
        .insert(1, path("role", "One of the role types.", "employee"));
    Operation {
        codes: &[
            Code::Invalid,
            Code::NotFound,
            Code::VersionMismatch,
            Code::PreconditionNeeded,
            Code::PartyUnknown,
        ],
        ..with::<RoleTerms>(
            operation,
            json!({"since": "2026-12-01", "because": "Contract of 12 November"}),
        )
    }
}

fn end_role() -> Operation {
    let mut operation = call(
        "DELETE /v1/parties/{party_id}/roles/{role}",
        "endRole",
        "End a role",
        "It stays as history. `If-Match` is needed as long as it stands.",
    );
    operation
        .parameters
        .insert(1, path("role", "One of the role types.", "employee"));
    let towards = optional("towards", "The party towards which it is; the own company when absent.");
    operation.parameters.extend([towards, last_day()]);
    operation
}

fn classify() -> Operation {
    let operation = call(
        "POST /v1/parties/{party_id}/classifications",
        "classifyParty",
        "Put a party in a class",
        "A class whose type says `no_vouchers` keeps the party from getting and using vouchers from the next call on; it stays \
         a customer. `If-Match` is needed where the party is or has been in the class: a late repeat does not bring it back.",
    );
    let body = json!({"classification": "blacklist", "reason": "Three open invoices", "until": "2027-03-31"});
    with::<ClassificationInput>(operation, body)
}

fn declassify() -> Operation {
    let mut operation = call(
        "DELETE /v1/parties/{party_id}/classifications/{classification}",
        "declassifyParty",
        "Take a party out of a class",
        "At once. It stays as history, with its reason. `If-Match` is needed as long as it stands.",
    );
    let class = path("classification", "One of the classifications.", "blacklist");
    operation.parameters.insert(1, class);
    operation
}

fn relationship() -> Value {
    json!({
        "relationship": "employment", "role": "employee", "other": COMPANY, "other_role": "employer",
        "since": "2026-12-01", "ended": false, "department": "Accounting",
    })
}

fn relationships() -> Operation {
    let mut parameters = vec![party_id()];
    parameters.extend(paging());
    let answer = json!({"relationships": [relationship()]});
    Operation {
        parameters,
        answers: vec![Answer::json::<RelationshipsAnswer>(
            200,
            "A page of relationships.",
            answer,
        )],
        codes: &[Code::NotFound],
        ..call(
            "GET /v1/parties/{party_id}/relationships",
            "listRelationships",
            "List the relationships of a party",
            "Both parties show a relationship, each with its own role in it.",
        )
    }
}

fn relate() -> Operation {
    let operation = call(
        "POST /v1/parties/{party_id}/relationships",
        "relateParties",
        "Relate two parties",
        "At most one of a type stands between two parties. One that stands and says the same is the one; with other content it \
         ends on the day before, and another one begins, with `If-Match`. It is needed too where one has ended before. Both \
         parties get a new version and a change.",
    );
    let body =
        json!({"relationship": "employment", "other": COMPANY, "since": "2026-12-01", "department": "Accounting"});
    Operation {
        answers: vec![Answer::json::<RelationshipView>(
            200,
            "The relationship. The `ETag` is the version of the party of the path.",
            relationship(),
        )],
        codes: RELATE,
        ..with::<RelationshipInput>(operation, body)
    }
}

fn end_relationship() -> Operation {
    let operation = call(
        "POST /v1/parties/{party_id}/relationships/end",
        "endRelationship",
        "End a relationship",
        "On both sides. It stays as history. `If-Match` is needed as long as it stands.",
    );
    let mut ended = relationship();
    ended["until"] = json!("2027-12-31");
    let body = json!({"relationship": "employment", "other": COMPANY, "last_day": "2027-12-31"});
    Operation {
        answers: vec![Answer::json::<RelationshipView>(
            200,
            "The relationship. The `ETag` is the version of the party of the path.",
            ended,
        )],
        codes: RELATE,
        ..with::<RelationshipEnd>(operation, body)
    }
}

fn permission() -> Value {
    json!({
        "state": "granted", "at": "2026-11-20T10:05:00Z", "source": "shop", "text_version": "2026-1",
        "proof": "Link confirmed, message 8812",
    })
}

fn consent() -> Operation {
    let mut operation = call(
        "PUT /v1/parties/{party_id}/consents/{channel}",
        "putConsent",
        "Note what was said about a communication channel",
        "Each statement is kept with its source, text and proof. What was said last holds, by `at`: one that comes late is \
         history at once. Without `at`, something that was said before is changed with `If-Match` only. Where the channel \
         wants a double opt-in, `granted` needs a `pending` for the same text before it, or `asked_at`, and a proof. Asking \
         again leaves a permission in force.",
    );
    operation
        .parameters
        .insert(1, path("channel", "One of the communication channels.", "email"));
    with::<PermissionInput>(operation, permission())
}

fn list() -> Operation {
    let mut operation = call(
        "PUT /v1/parties/{party_id}/lists/{list}",
        "putListMembership",
        "Note what was said about a contact list",
        "As for a communication channel.",
    );
    operation
        .parameters
        .insert(1, path("list", "One of the contact lists.", "newsletter"));
    with::<PermissionInput>(operation, permission())
}
