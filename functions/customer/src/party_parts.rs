//! The parts of a party: names and fields, contact points, ids, roles, classes, consents and lists.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::PartyId;
use http_edge::api::parties::{
    ClassificationInput, ContactAnswer, ContactInput, IdentifierAddition, IdentifierInput, PartyPatch, PermissionInput,
    RoleTerms,
};
use http_edge::{Code, Problem, Request, Response};
use party::clean::Found;
use party::contact::ContactId;
use party::{PartyDocument, Word, read};
use store::Record;
use store::party::Lookups;

use crate::party_change::{Match, Refusal, clean, etag, shown, understood};
use crate::{App, party_view};

impl App {
    /// `PATCH /v1/parties/{party_id}`.
    pub(crate) async fn patch_party(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Needed, now).await?;
        let body: PartyPatch = request.json()?;
        let apply = |document: &mut PartyDocument| {
            let mut found = Found::default();
            read::patch(document, &body, call.rules.context(), &mut found);
            clean(found).map_err(Refusal)
        };
        let (record, ()) = self.change(&call, Lookups::default(), apply).await?;
        shown(200, record)
    }

    /// `POST /v1/parties/{party_id}/contacts`.
    pub(crate) async fn add_contact(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let body: ContactInput = request.json()?;
        let mut found = Found::default();
        let wanted = read::contact("", &body, call.rules.context(), &mut found);
        let wanted = understood(wanted, found)?;
        let apply = |document: &mut PartyDocument| {
            let id = document.add_contact(wanted.clone(), call.sight, call.rules.when);
            id.map_err(Refusal::from)
        };
        let (record, id) = self.change(&call, Lookups::default(), apply).await?;
        contact_shown(record, id)
    }

    /// `PUT /v1/parties/{party_id}/contacts/{contact_id}`.
    pub(crate) async fn change_contact(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Needed, now).await?;
        let id: ContactId = request.path("contact_id")?;
        let body: ContactInput = request.json()?;
        let mut found = Found::default();
        let wanted = read::contact("", &body, call.rules.context(), &mut found);
        let wanted = understood(wanted, found)?;
        let apply = |document: &mut PartyDocument| {
            let id = document.change_contact(id, wanted.clone(), call.rules.when);
            id.map_err(Refusal::from)
        };
        let (record, id) = self.change(&call, Lookups::default(), apply).await?;
        contact_shown(record, id)
    }

    /// `DELETE /v1/parties/{party_id}/contacts/{contact_id}`.
    pub(crate) async fn end_contact(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let id: ContactId = request.path("contact_id")?;
        let last = last_day(request)?;
        let apply = |document: &mut PartyDocument| {
            let done = document.end_contact(id, last, call.rules.when);
            done.map_err(Refusal::from)
        };
        let (record, ()) = self.change(&call, Lookups::default(), apply).await?;
        shown(200, record)
    }

    /// `POST /v1/parties/{party_id}/identifiers`.
    pub(crate) async fn add_identifier(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let body: IdentifierAddition = request.json()?;
        let mut found = Found::default();
        let given = IdentifierInput {
            system: body.system,
            id: body.id,
        };
        let read = read::identifier("", &given, &mut found);
        let handed_on_by = body.handed_on_by.as_deref();
        let handed_on_by = handed_on_by.and_then(|text| found.field::<PartyId>("/handed_on_by", text));
        let (system, id) = understood(read, found)?;
        let lookups = Lookups {
            add: Some(self.lookup_of(&system, &id)),
            handed_on_by,
            remove: None,
        };
        let apply = |document: &mut PartyDocument| {
            let added = document.add_identifier(system.clone(), id.clone(), call.sight, call.rules.when);
            added.map_err(Refusal::from)
        };
        let (record, _) = self.change(&call, lookups, apply).await?;
        shown(200, record)
    }

    /// `POST /v1/parties/{party_id}/identifiers/end`.
    pub(crate) async fn end_identifier(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let (system, id) = identifier(request)?;
        let lookups = Lookups {
            add: None,
            handed_on_by: None,
            remove: Some(self.lookup_of(&system, &id)),
        };
        let apply = |document: &mut PartyDocument| {
            let done = document.end_identifier((&system, &id), call.sight, call.rules.when);
            done.map_err(Refusal::from)
        };
        let (record, ()) = self.change(&call, lookups, apply).await?;
        shown(200, record)
    }

    /// `PUT /v1/parties/{party_id}/roles/{role}`.
    pub(crate) async fn give_role(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let word: Word = request.path("role")?;
        if call.rules.types.role(&word).is_none() {
            return Err(no_such_type("role"));
        }
        let terms: RoleTerms = request.json()?;
        let mut found = Found::default();
        let role = read::role("", word, &terms, call.rules.context(), &mut found);
        let role = understood(role, found)?;
        self.must_exist(call.caller, &call.rules.company, &role.towards).await?;
        let apply = |document: &mut PartyDocument| {
            let done = document.give_role(role.clone(), call.sight, call.rules.when);
            done.map_err(Refusal::from)
        };
        let (record, ()) = self.change(&call, Lookups::default(), apply).await?;
        shown(200, record)
    }

    /// `DELETE /v1/parties/{party_id}/roles/{role}`.
    pub(crate) async fn end_role(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let word: Word = request.path("role")?;
        let towards: Option<PartyId> = request.query("towards")?;
        let towards = towards.unwrap_or_else(|| call.rules.company.clone());
        let last = last_day(request)?;
        let apply = |document: &mut PartyDocument| {
            let done = document.end_role((&word, &towards), last, call.sight, call.rules.when);
            done.map_err(Refusal::from)
        };
        let (record, ()) = self.change(&call, Lookups::default(), apply).await?;
        shown(200, record)
    }

    /// `POST /v1/parties/{party_id}/classifications`.
    pub(crate) async fn classify(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let body: ClassificationInput = request.json()?;
        let mut found = Found::default();
        let class = read::classification("", &body, call.rules.context(), &mut found);
        let class = understood(class, found)?;
        let apply = |document: &mut PartyDocument| {
            let done = document.classify(class.clone(), call.sight, call.rules.when);
            done.map_err(Refusal::from)
        };
        let (record, ()) = self.change(&call, Lookups::default(), apply).await?;
        shown(200, record)
    }

    /// `DELETE /v1/parties/{party_id}/classifications/{classification}`.
    pub(crate) async fn declassify(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let class: Word = request.path("classification")?;
        let apply = |document: &mut PartyDocument| {
            let done = document.declassify(&class, call.sight, call.rules.when);
            done.map_err(Refusal::from)
        };
        let (record, ()) = self.change(&call, Lookups::default(), apply).await?;
        shown(200, record)
    }

    /// `PUT /v1/parties/{party_id}/consents/{channel}`.
    pub(crate) async fn put_consent(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let channel: Word = request.path("channel")?;
        let double = match call.rules.types.channel(&channel) {
            Some(known) => known.double_opt_in,
            None => return Err(no_such_type("communication channel")),
        };
        let body: PermissionInput = request.json()?;
        let mut found = Found::default();
        let said = read::permission("", channel, &body, call.rules.context(), &mut found);
        let said = understood(said, found)?;
        let apply = |document: &mut PartyDocument| {
            let done = document.consent(said.clone(), double, call.sight);
            done.map_err(Refusal::from)
        };
        let (record, ()) = self.change(&call, Lookups::default(), apply).await?;
        shown(200, record)
    }

    /// `PUT /v1/parties/{party_id}/lists/{list}`.
    pub(crate) async fn put_list(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let call = self.begin(request, Match::Optional, now).await?;
        let list: Word = request.path("list")?;
        let double = match call.rules.types.list(&list) {
            Some(known) => known.double_opt_in,
            None => return Err(no_such_type("contact list")),
        };
        let body: PermissionInput = request.json()?;
        let mut found = Found::default();
        let said = read::permission("", list, &body, call.rules.context(), &mut found);
        let said = understood(said, found)?;
        let apply = |document: &mut PartyDocument| {
            let done = document.subscribe(said.clone(), double, call.sight);
            done.map_err(Refusal::from)
        };
        let (record, ()) = self.change(&call, Lookups::default(), apply).await?;
        shown(200, record)
    }
}

fn identifier(request: &Request) -> Result<(Word, party::Personal), Problem> {
    let body: IdentifierInput = request.json()?;
    let mut found = Found::default();
    let read = read::identifier("", &body, &mut found);
    understood(read, found)
}

/// The query parameter `last_day`.
fn last_day(request: &Request) -> Result<Option<NaiveDate>, Problem> {
    request.query("last_day")
}

fn no_such_type(kind: &str) -> Problem {
    let detail = format!("there is no such {kind}: see GET /v1/party-types");
    Problem::new(Code::NotFound, detail)
}

fn contact_shown(record: Record<PartyDocument>, id: ContactId) -> Result<Response, Problem> {
    let version = record.d.version;
    let answer = ContactAnswer {
        contact_id: id.to_string(),
        party: party_view::answer(record),
    };
    Ok(Response::json(200, &answer)?.header("etag", etag(version)))
}
