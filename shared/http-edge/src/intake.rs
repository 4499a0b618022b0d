//! A new party (B1, C1): a body becomes a document, and is stored once per external id or token. What takes parties in shares
//! it: the calls for parties, and those for leads.

use chrono::{DateTime, Utc};
use domain::calendar;
use domain::code;
use domain::id::{LookupKey, PartyId, Tenant};
use party::change::When;
use party::clean::Found;
use party::input::PartyInput;
use party::read::{self, Context};
use party::types::PartyTypes;
use party::{PartyDocument, Personal, Word, own};
use serde_json::{Value, json};
use store::party::{self as stored_party, Created, Known, Lookup};
use store::{Db, Record, Site, party_types};
use uuid::{NoContext, Timestamp, Uuid};

use crate::{Caller, Code, Findings, Problem, client_token};

/// What a body is read with.
#[derive(Debug)]
pub struct Rules {
    /// The types in force.
    pub types: PartyTypes,
    /// The party of the own company.
    pub company: PartyId,
    /// Now and today.
    pub when: When,
}

impl Rules {
    /// The rules of a tenant at `now`.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn of(db: &Db, site: Site, tenant: &Tenant, now: DateTime<Utc>) -> Result<Self, Problem> {
        let types = party_types::in_force(db, site, tenant).await?;
        let today = calendar::business_day(now, types.time_zone);
        Ok(Self {
            types,
            company: own::company_id(tenant),
            when: When { now, today },
        })
    }

    /// What the reading of bodies needs of them.
    pub const fn context(&self) -> Context<'_> {
        Context {
            types: &self.types,
            company: &self.company,
            when: self.when,
        }
    }
}

/// Where the calls of an intake are made.
#[derive(Debug, Clone, Copy)]
pub struct Sites {
    /// A party is read.
    pub read: Site,
    /// What stands under an external id or token is read.
    pub known: Site,
    /// A party is stored.
    pub put: Site,
}

/// A caller's new party on its way into the table.
#[derive(Debug)]
pub struct Intake<'a> {
    /// The table.
    pub db: &'a Db,
    /// The pepper of the keyed hashes.
    pub pepper: &'a [u8],
    /// Who asks.
    pub caller: &'a Caller,
    /// The rules of the caller's tenant.
    pub rules: &'a Rules,
    /// Where calls are made.
    pub sites: Sites,
}

/// A party that was taken in.
#[derive(Debug)]
pub struct Stored {
    /// Whether this call stored it; `false` when an earlier one did.
    pub new: bool,
    /// The party as it is now.
    pub party: Record<PartyDocument>,
}

impl Intake<'_> {
    /// Reads a body that stands at `pointer`; `found` is what else is wrong with the call.
    ///
    /// # Errors
    /// [`Code::Invalid`] with everything that is wrong.
    pub fn read(
        &self,
        pointer: &str,
        body: &PartyInput,
        id: PartyId,
        mut found: Findings,
    ) -> Result<PartyDocument, Problem> {
        let mut said = Found::default();
        let document = read::party(body, id, self.rules.context(), &mut said);
        let mut said = said.into_violations();
        for violation in &mut said {
            violation.pointer.insert_str(0, pointer);
        }
        found.add_new(said);
        if body
            .client_token
            .as_deref()
            .is_some_and(|token| !client_token::is_valid(token))
        {
            found.add(format!("{pointer}/client_token"), "malformed", client_token::RULE);
        }
        if body.external_id.is_some() && body.client_token.is_some() {
            let detail = "the external id makes the call repeatable: leave the token out";
            found.add(format!("{pointer}/client_token"), "not_applicable", detail);
        }
        found.none()?;
        document.ok_or_else(|| Problem::new(Code::Internal, "the body was neither understood nor refused"))
    }

    /// Stores what was read of the body, or finds what the same call stored before. `with` is what the caller asked for beside
    /// the party; it belongs to the content that a repeated call must have.
    ///
    /// # Errors
    /// [`Code::PartyUnknown`], [`Code::PartyContradiction`], [`Code::IdentifierTaken`], [`Code::ConcurrentChange`].
    pub async fn store(
        &self,
        body: &PartyInput,
        mut document: PartyDocument,
        with: Option<&Value>,
    ) -> Result<Stored, Problem> {
        let tenant = &self.caller.tenant;
        for role in &document.roles {
            must_exist(self.db, self.sites.read, tenant, &self.rules.company, &role.towards).await?;
        }
        let lookups = self.lookups(body, &document, with);
        document.lookups = lookups.iter().map(|lookup| lookup.key.clone()).collect();
        let repeatable = body.external_id.is_some() || body.client_token.is_some();
        let now = self.rules.when.now;
        let made = self.caller.made(now);
        match stored_party::create(self.db, self.sites.put, tenant, &document, &lookups, repeatable, made).await? {
            Created::New => Ok(Stored {
                new: true,
                party: Record::new(stored_party::profile_key(tenant, &document.party), "", now, document),
            }),
            Created::IdTaken(other) => Err(taken(&other)),
            Created::Taken => {
                let first = lookups.first().filter(|_| repeatable);
                self.stored_before(first, &document.party).await
            }
        }
    }

    /// The answer when something stands there already: the party of the same call, be it this one whose answer was lost or
    /// an earlier one, or a contradiction.
    async fn stored_before(&self, lookup: Option<&Lookup>, wanted: &PartyId) -> Result<Stored, Problem> {
        let tenant = &self.caller.tenant;
        let party = match lookup {
            None => wanted.clone(),
            Some(lookup) => {
                let stored = stored_party::known(self.db, self.sites.known, tenant, &lookup.key).await?;
                let Some(stored) = stored else { return Err(changing()) };
                if stored.d.content != lookup.known.content {
                    let detail = "this external id or token was used before with other content";
                    return Err(Problem::new(Code::PartyContradiction, detail).with("party_id", json!(stored.d.party)));
                }
                stored.d.party
            }
        };
        let stored = stored_party::read(self.db, self.sites.read, tenant, &party).await?;
        let Some(stored) = stored else { return Err(changing()) };
        Ok(Stored {
            new: party == *wanted,
            party: stored,
        })
    }

    /// The keyed hashes under which a new party is found again: of its ids in other systems, and of the caller's token. The
    /// first is the one that makes the call repeatable.
    fn lookups(&self, body: &PartyInput, document: &PartyDocument, with: Option<&Value>) -> Vec<Lookup> {
        let token = body.client_token.as_deref().map(|token| {
            let text = format!("{}#{token}", self.caller.client);
            code::lookup_key(self.pepper, "party-token/1", text.as_bytes())
        });
        let ids = document
            .identifiers
            .iter()
            .map(|id| external_key(self.pepper, &id.system, &id.id));
        // The external id was read first; the token takes its place where there is none.
        let keys = token.into_iter().chain(ids);
        let content = self.content(body, document, with);
        let lookup = |key| Lookup {
            key,
            known: Known {
                party: document.party.clone(),
                content: Some(content.clone()),
                ended: None,
            },
        };
        keys.map(lookup).collect()
    }

    /// Keyed hash of the content, so that the same call is told from another one also after the party was changed, and on
    /// another day: everything that was read, with the days and the instants that the caller did not give left out.
    fn content(&self, body: &PartyInput, document: &PartyDocument, with: Option<&Value>) -> LookupKey {
        let contacts: Vec<_> = document
            .contacts
            .iter()
            .map(|c| {
                let delivery = c.delivery.as_ref().map(|known| (known.arrives, &known.reason));
                (&c.point, &c.purposes, c.valid_until, c.language, delivery)
            })
            .collect();
        let roles = document.roles.iter();
        let roles: Vec<_> = roles.map(|r| (&r.role, &r.towards, r.until, &r.because)).collect();
        let classes = document.classifications.iter();
        let classes: Vec<_> = classes.map(|c| (&c.class, &c.reason, c.until)).collect();
        let said = |said: &Vec<party::dated::Permission>| {
            let said = said
                .iter()
                .map(|s| json!([s.name, s.state, s.source, s.text_version, s.proof]));
            said.collect::<Vec<_>>()
        };
        let ids: Vec<_> = document.identifiers.iter().map(|id| (&id.system, &id.id)).collect();
        let fields = (
            document.gender,
            document.birth_date,
            &document.customer_type,
            &document.sales_channel,
        );
        let dates: Vec<_> = body.contacts.iter().map(|contact| &contact.valid_from).collect();
        let since: Vec<_> = body.roles.iter().map(|role| &role.terms.since).collect();
        let times = body.consents.values().chain(body.lists.values());
        let times: Vec<_> = times.map(|said| (&said.at, &said.asked_at)).collect();
        let content = json!([
            document.identity,
            document.language,
            fields,
            ids,
            contacts,
            dates,
            roles,
            since,
            classes,
            said(&document.consents),
            said(&document.lists),
            times,
            document.custom_fields,
        ]);
        let (label, content) = match with {
            None => ("party-content/3", content),
            Some(with) => ("party-content-with/2", json!([content, with])),
        };
        code::lookup_key(self.pepper, label, content.to_string().as_bytes())
    }
}

/// The keyed hash under which an id in another system stands.
pub fn external_key(pepper: &[u8], system: &Word, id: &Personal) -> LookupKey {
    let text = format!("{system}#{}", id.as_str());
    code::lookup_key(pepper, "external/1", text.as_bytes())
}

/// Whether the party towards which a role or relationship is exists. The own company does before it is stored.
///
/// # Errors
/// [`Code::PartyUnknown`].
pub async fn must_exist(db: &Db, site: Site, tenant: &Tenant, company: &PartyId, id: &PartyId) -> Result<(), Problem> {
    if id == company || stored_party::read(db, site, tenant, id).await?.is_some() {
        return Ok(());
    }
    Err(Problem::new(
        Code::PartyUnknown,
        "towards: there is no party with this id",
    ))
}

/// The problem of an id that another party has.
pub fn taken(other: &PartyId) -> Problem {
    Problem::new(Code::IdentifierTaken, "another party has this id").with("party_id", json!(other))
}

fn changing() -> Problem {
    let detail = "the party was changed at the same time: repeat the call";
    Problem::new(Code::ConcurrentChange, detail)
}

/// A new party id: a UUID of version 7, its random part from the operating system.
///
/// # Errors
/// [`Code::Internal`], which no clock comes to.
pub fn new_party_id(now: DateTime<Utc>) -> Result<PartyId, Problem> {
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    let stamp = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
    let id = Uuid::new_v7(stamp).to_string();
    id.parse()
        .map_err(|_| Problem::new(Code::Internal, "a new party id could not be made"))
}
