//! Locations are data: a 25th branch needs no deployment.

use chrono::{DateTime, Utc};
use domain::id::{CompanyId, FeedGroup, LocationId, ProgrammeId, Tenant};
use domain::location::Location;
use http_edge::api::administration::{CloseRequest, LocationPage, LocationRequest, LocationView};
use http_edge::{Caller, Code, Findings, Problem, Request, Response, Scope, page};
use store::db::Read;
use store::{Record, Site, feed, location, programme};

use crate::{App, CHANGE_ROUNDS, check, contended};

/// Feed groups that locations are spread over by default. More of them write the feed in parallel, and make every reader
/// keep more positions; four carry some hundred voucher changes a second.
const FEED_GROUPS: u32 = 4;

impl App {
    pub(crate) async fn list_locations(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LocationsRead)?;
        let limit = request.limit()?;
        let after = match request.query::<String>("next")? {
            Some(token) => Some(page::position::<LocationId>("next", &token)?.to_string()),
            None => None,
        };
        let (records, next) = location::page(&self.db, Site::LocationsRead, &caller.tenant, after, limit).await?;
        let spoken_for = records.iter().filter(|record| caller.at(&record.d.id).is_ok());
        let answer = LocationPage {
            items: spoken_for.map(view).collect(),
            next: next.map(|position| page::token(&position)),
        };
        Response::json(200, &answer)
    }

    pub(crate) async fn put_location(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LocationsWrite)?;
        let id: LocationId = request.path("location_id")?;
        caller.at(&id)?;
        let wanted = Wanted::of(request)?;
        self.programme_must_exist(&caller.tenant, &wanted.programme).await?;
        for _ in 0..CHANGE_ROUNDS {
            let before = self.location(&caller.tenant, &id).await?;
            let mut location = wanted.location(&id, before.as_ref());
            if let Some(before) = before.as_ref().filter(|before| before.d == location) {
                // The first call may have died before its party was stored.
                self.put_branch(caller, &location, now).await?;
                return Response::json(200, &view(before));
            }
            let known = before.as_ref().map(|before| before.d.version);
            location.version = check::next_version(known, wanted.request.expected_version)?;
            let status = if before.is_some() { 200 } else { 201 };
            if self.store_location(caller, before.as_ref(), &location, now).await? {
                self.put_branch(caller, &location, now).await?;
                return Response::json(status, &stored(before.as_ref(), &location, now));
            }
        }
        Err(contended())
    }

    pub(crate) async fn close_location(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::LocationsWrite)?;
        let id: LocationId = request.path("location_id")?;
        caller.at(&id)?;
        let CloseRequest {
            last_day,
            expected_version,
        } = request.json()?;
        for _ in 0..CHANGE_ROUNDS {
            let before = self.location(&caller.tenant, &id).await?.ok_or_else(not_found)?;
            if before.d.closed_on == Some(last_day) {
                return Response::json(200, &view(&before));
            }
            let known = before.d.version;
            // Closing an open location undoes nobody's decision; another last day does.
            let seen = expected_version.or_else(|| before.d.closed_on.is_none().then_some(known));
            let mut location = before.d.clone();
            location.closed_on = Some(last_day);
            location.version = check::next_version(Some(known), seen)?;
            if self.store_location(caller, Some(&before), &location, now).await? {
                return Response::json(200, &stored(Some(&before), &location, now));
            }
        }
        Err(contended())
    }

    /// Read strongly: a change that was just made, perhaps by this very call, must be seen.
    pub(crate) async fn location(&self, tenant: &Tenant, id: &LocationId) -> Result<Option<Record<Location>>, Problem> {
        Ok(location::read(&self.db, Site::LocationsRead, tenant, id, Read::Strong).await?)
    }

    async fn store_location(
        &self,
        caller: &Caller,
        before: Option<&Record<Location>>,
        location: &Location,
        now: DateTime<Utc>,
    ) -> Result<bool, Problem> {
        let (site, location) = (Site::LocationWrite, location.clone());
        Ok(location::write(&self.db, site, &caller.tenant, before, location, caller.made(now)).await?)
    }

    async fn programme_must_exist(&self, tenant: &Tenant, id: &ProgrammeId) -> Result<(), Problem> {
        match programme::read_current(&self.db, Site::ProgrammeRead, tenant, id).await? {
            Some(_) => Ok(()),
            None => Err(Problem::new(
                Code::ProgrammeUnknown,
                format!("/programme: there is no programme {id}"),
            )),
        }
    }
}

pub(crate) fn not_found() -> Problem {
    Problem::new(Code::NotFound, "there is no such location")
}

/// A location as asked for, with checked fields.
struct Wanted {
    request: LocationRequest,
    programme: ProgrammeId,
    feed_group: Option<FeedGroup>,
    company: Option<CompanyId>,
}

impl Wanted {
    fn of(request: &Request) -> Result<Self, Problem> {
        let request: LocationRequest = request.json()?;
        let mut found = Findings::default();
        check::name(&request.name, &mut found);
        let programme = found.field("/programme", &request.programme);
        let given = request.feed_group.as_deref();
        let feed_group = given.and_then(|text| found.field::<FeedGroup>("/feed_group", text));
        // Who reads it must speak for all locations, so a location in it could not read of its own vouchers.
        if feed_group
            .as_ref()
            .is_some_and(|group| group.as_str() == feed::UNPLACED)
        {
            let detail = "this group is kept for vouchers that no location announces: take another name";
            found.add("/feed_group", "reserved", detail);
        }
        let given = request.company.as_deref();
        let company = given.and_then(|text| found.field::<CompanyId>("/company", text));
        let Some(programme) = programme else {
            return Err(found.problem());
        };
        found.none()?;
        Ok(Self {
            request,
            programme,
            feed_group,
            company,
        })
    }

    fn location(&self, id: &LocationId, before: Option<&Record<Location>>) -> Location {
        let given = self.feed_group.clone();
        let kept = || before.map(|before| before.d.feed_group.clone());
        Location {
            id: id.clone(),
            name: self.request.name.clone(),
            kind: self.request.kind,
            programme: self.programme.clone(),
            feed_group: given.or_else(kept).unwrap_or_else(|| default_feed_group(id)),
            company: self
                .company
                .clone()
                .or_else(|| before.and_then(|before| before.d.company.clone())),
            closed_on: None,
            version: before.map_or(0, |before| before.d.version),
        }
    }
}

/// One of `g0` to `g3`, for ever the same for the same id: FNV-1a, which needs no seed and no library.
fn default_feed_group(id: &LocationId) -> FeedGroup {
    let hash = id.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    match format!("g{}", hash % FEED_GROUPS).parse() {
        Ok(group) => group,
        Err(_) => unreachable!("a letter and a digit are a feed group"),
    }
}

fn view(record: &Record<Location>) -> LocationView {
    shown(&record.d, record.created_at, record.updated_at)
}

/// The view of a location that was stored just now.
fn stored(before: Option<&Record<Location>>, location: &Location, now: DateTime<Utc>) -> LocationView {
    shown(location, before.map_or(now, |before| before.created_at), now)
}

fn shown(location: &Location, created_at: DateTime<Utc>, updated_at: DateTime<Utc>) -> LocationView {
    LocationView {
        location_id: location.id.to_string(),
        name: location.name.clone(),
        kind: location.kind,
        programme: location.programme.to_string(),
        feed_group: location.feed_group.to_string(),
        company: location.company.as_ref().map(CompanyId::to_string),
        last_day: location.closed_on,
        version: location.version,
        created_at,
        updated_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_feed_group_never_changes_and_spreads_the_branches() {
        let group = |id: &str| default_feed_group(&id.parse().unwrap()).to_string();
        assert_eq!([group("B01"), group("B02"), group("SHOP")], ["g2", "g3", "g1"]);
        let groups: std::collections::BTreeSet<_> = (1..=24).map(|n| group(&format!("B{n:02}"))).collect();
        assert_eq!(groups.len(), 4);
    }
}
