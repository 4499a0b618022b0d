//! Clients: which machine may do what, and where.
//!
//! Nobody gives away more than they hold. A caller can only make a client, or a key of a client, whose scopes and locations
//! are among its own; else the right to manage clients would be the right to do everything. Taking rights away and
//! withdrawing keys is free.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::id::{ClientId, LocationId};
use http_edge::api::administration::{ClientPage, ClientRequest, ClientView, KeyView};
use http_edge::caller::Locations;
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope, page};
use store::Site;
use store::client::{self, CLIENT_LOCATIONS_MAX, Client, Places, Rights, Saved};

use crate::{App, CHANGE_ROUNDS, check, contended};

impl App {
    pub(crate) async fn list_clients(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ClientsAdmin)?;
        let limit = request.limit()?;
        let after = match request.query::<String>("next")? {
            Some(token) => Some(page::position::<ClientId>("next", &token)?.to_string()),
            None => None,
        };
        let (records, next) = client::list(&self.db, &caller.tenant, after, limit).await?;
        let answer = ClientPage {
            items: records
                .iter()
                .map(|record| view(&record.d, record.updated_at))
                .collect(),
            next: next.map(|position| page::token(&position)),
        };
        Response::json(200, &answer)
    }

    pub(crate) async fn put_client(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ClientsAdmin)?;
        let id: ClientId = request.path("client_id")?;
        if id.as_str() == store::workflow::CLIENT {
            return Err(Problem::new(
                Code::MalformedParameter,
                "client_id: changes that workflows make carry this one: choose another",
            ));
        }
        let ClientRequest {
            name,
            scopes,
            locations,
            expected_version,
        } = request.json()?;
        let mut found = Findings::default();
        check::name(&name, &mut found);
        let rights = Rights {
            scopes: checked_scopes(&scopes, &mut found),
            places: checked_places(&locations, &mut found),
        };
        found.none()?;
        may_grant(caller, &rights)?;
        for _ in 0..CHANGE_ROUNDS {
            let before = client::read(&self.db, Site::ClientsRead, &caller.tenant, &id).await?;
            let mut after = Client::new(id.clone(), name.clone(), rights.clone(), caller.subject.clone());
            if let Some(before) = &before {
                if before.d.name == after.name && before.d.rights == after.rights {
                    return Response::json(200, &view(&before.d, before.updated_at));
                }
                after.keys.clone_from(&before.d.keys);
            }
            after.version = check::next_version(before.as_ref().map(|before| before.d.version), expected_version)?;
            let shown = view(&after, now);
            let (site, tenant) = (Site::ClientWrite, &caller.tenant);
            if client::save(&self.db, site, tenant, before.as_ref(), after, caller.made(now)).await? == Saved::Now {
                let status = if before.is_some() { 200 } else { 201 };
                return Response::json(status, &shown);
            }
        }
        Err(contended())
    }
}

/// Insists that the caller holds what it gives.
pub(crate) fn may_grant(caller: &Caller, rights: &Rights) -> Result<(), Problem> {
    // A scope that this version does not know grants nothing now and could grant something later.
    let missing = rights
        .scopes
        .iter()
        .find(|text| !text.parse().is_ok_and(|scope: Scope| caller.has(scope)));
    if let Some(scope) = missing {
        let detail = format!("only a caller that holds the scope {scope} can give it to a client");
        return Err(Problem::new(Code::ScopeMissing, detail));
    }
    let held = match (&caller.locations, &rights.places) {
        (Locations::All, _) => true,
        (Locations::Only(_), Places::All) => false,
        (Locations::Only(own), Places::Only(given)) => given.is_subset(own),
    };
    if held {
        Ok(())
    } else {
        Err(Problem::new(
            Code::LocationForbidden,
            "only a caller that speaks for a location can let a client speak for it",
        ))
    }
}

fn checked_scopes(texts: &[String], found: &mut Findings) -> BTreeSet<String> {
    for (index, text) in texts.iter().enumerate() {
        if text.parse::<Scope>().is_err() {
            found.add(
                format!("/scopes/{index}"),
                "unknown_scope",
                "there is no such scope; /docs lists them",
            );
        }
    }
    texts.iter().cloned().collect()
}

fn checked_places(texts: &[String], found: &mut Findings) -> Places {
    if texts == ["*"] {
        return Places::All;
    }
    if texts.len() > CLIENT_LOCATIONS_MAX {
        found.add(
            "/locations",
            "out_of_range",
            format!("must be at most {CLIENT_LOCATIONS_MAX} locations, or only *"),
        );
        return Places::Only(BTreeSet::new());
    }
    let ids = texts
        .iter()
        .enumerate()
        .filter_map(|(index, text)| found.field::<LocationId>(format!("/locations/{index}"), text));
    Places::Only(ids.collect())
}

/// A client without its secrets.
pub(crate) fn view(client: &Client, updated_at: DateTime<Utc>) -> ClientView {
    let keys = client.keys.iter().map(|key| KeyView {
        key_id: key.hash.key_id().to_owned(),
        created_at: key.created_at,
        created_by: key.created_by.to_string(),
        expires_at: key.expires_at,
    });
    ClientView {
        client_id: client.id.to_string(),
        name: client.name.clone(),
        scopes: client.rights.scopes.iter().cloned().collect(),
        locations: match &client.rights.places {
            Places::All => vec!["*".to_owned()],
            Places::Only(ids) => ids.iter().map(ToString::to_string).collect(),
        },
        keys: keys.collect(),
        version: client.version,
        author: client.author.to_string(),
        updated_at,
    }
}
