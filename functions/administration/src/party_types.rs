//! The types of parties (D5), and the own company as a party (B7).

use chrono::{DateTime, Utc};
use domain::calendar;
use domain::location::Location;
use http_edge::api::administration::{CompanyRequest, CompanyView, PartyTypesRequest, PartyTypesView};
use http_edge::caller::Locations;
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope};
use party::change::When;
use party::{Word, own};
use store::party::{Own, PartyDocument, put_own};
use store::party_types::{self, TypesVersion};
use store::{Record, Site};

use crate::{App, CHANGE_ROUNDS, check, contended};

impl App {
    pub(crate) async fn get_party_types(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PartiesRead)?;
        let found = party_types::read(&self.db, Site::PartyTypesRead, &caller.tenant).await?;
        let version = found.map(|record| record.d);
        Response::json(200, &view(version.as_ref()))
    }

    pub(crate) async fn put_party_types(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ProgrammesWrite)?;
        let body: PartyTypesRequest = request.json()?;
        let violations = body.types.check().into_violations();
        if !violations.is_empty() {
            let below = violations.into_iter().map(|mut violation| {
                violation.pointer = format!("/types{}", violation.pointer);
                violation
            });
            return Err(Problem::invalid(below.collect()));
        }
        for _ in 0..CHANGE_ROUNDS {
            let before = party_types::read(&self.db, Site::PartyTypesRead, &caller.tenant).await?;
            if let Some(same) = before.as_ref().filter(|before| before.d.types == body.types) {
                return Response::json(200, &view(Some(&same.d)));
            }
            let known = before.as_ref().map(|before| before.d.version);
            let seen = Some(body.expected_version).filter(|version| *version > 0);
            let version = TypesVersion {
                version: check::next_version(known, seen)?,
                types: body.types.clone(),
                author: caller.subject.clone(),
            };
            let (site, made) = (Site::PartyTypesWrite, caller.made(now));
            if party_types::write(&self.db, site, &caller.tenant, version.clone(), made).await? {
                return Response::json(200, &view(Some(&version)));
            }
        }
        Err(contended())
    }

    pub(crate) async fn get_company(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LocationsRead)?;
        let id = own::company_id(&caller.tenant);
        let found = store::party::read(&self.db, Site::OwnPartyRead, &caller.tenant, &id).await?;
        match found {
            Some(record) => Response::json(200, &company(&record)),
            None => Err(Problem::new(
                Code::NotFound,
                "the own company has no name yet: PUT /v1/company",
            )),
        }
    }

    pub(crate) async fn put_company(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LocationsWrite)?;
        if caller.locations != Locations::All {
            return Err(Problem::new(
                Code::LocationForbidden,
                "the company is that of all locations: use a key that speaks for all of them",
            ));
        }
        let body: CompanyRequest = request.json()?;
        let mut found = Findings::default();
        check::name(&body.name, &mut found);
        found.none()?;
        let id = own::company_id(&caller.tenant);
        let record = self.put_own(caller, &id, (&body.name, None), "company", now).await?;
        Response::json(200, &company(&record))
    }

    /// Stores the party of a branch, or gives it the name that the location has.
    pub(crate) async fn put_branch(
        &self,
        caller: &Caller,
        location: &Location,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let id = own::branch_id(&caller.tenant, &location.id);
        let name = (location.name.as_str(), Some(location.version));
        self.put_own(caller, &id, name, "branch", now).await.map(drop)
    }

    async fn put_own(
        &self,
        caller: &Caller,
        id: &domain::id::PartyId,
        (name, version): (&str, Option<u64>),
        role: &str,
        now: DateTime<Utc>,
    ) -> Result<Record<PartyDocument>, Problem> {
        let types = party_types::in_force(&self.db, Site::PartyTypesRead, &caller.tenant).await?;
        let today = calendar::business_day(now, types.time_zone);
        let role: Word = match role.parse() {
            Ok(role) => role,
            Err(_) => unreachable!("company and branch are words"),
        };
        let own = Own {
            tenant: &caller.tenant,
            party: id,
            name,
            version,
            role,
            company: &own::company_id(&caller.tenant),
            when: When { now, today },
        };
        let sites = (Site::OwnPartyRead, Site::OwnPartyWrite);
        let stored = put_own(&self.db, sites, &own, &caller.made(now)).await?;
        stored.ok_or_else(contended)
    }
}

fn view(version: Option<&TypesVersion>) -> PartyTypesView {
    match version {
        Some(version) => PartyTypesView {
            version: version.version,
            types: version.types.clone(),
        },
        None => PartyTypesView {
            version: 0,
            types: party::types::PartyTypes::default(),
        },
    }
}

fn company(record: &Record<PartyDocument>) -> CompanyView {
    CompanyView {
        party_id: record.d.party.to_string(),
        name: record.d.identity.display_name(),
        version: record.d.version,
    }
}
