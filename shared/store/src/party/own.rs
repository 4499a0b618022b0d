//! The own company and its branches as parties (B7).

use ::party::change::When;
use ::party::dated::Role;
use ::party::{Identity, PartyDocument, Word};
use domain::id::{PartyId, Tenant};
use domain::till_text::Language;
use faults::Site;

use super::change::{Changed, Created, Lookups, Step, change, create};
use super::{Personal, read};
use crate::db::Db;
use crate::error::StoreError;
use crate::record::{Made, Record};

/// Rounds of making or changing the party.
const ROUNDS_MAX: u32 = 3;

/// A party of our own as it is to be.
#[derive(Debug, Clone)]
pub struct Own<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// Its id, which follows from what it is.
    pub party: &'a PartyId,
    /// Its name; a name it had before stays as a former name.
    pub name: &'a str,
    /// The version of the location that has this name: an older one that comes late does not take a newer one's place. `None` for
    /// the company, whose name is kept nowhere else.
    pub version: Option<u64>,
    /// What it is towards the own company.
    pub role: Word,
    /// The party of the own company.
    pub company: &'a PartyId,
    /// Now and today.
    pub when: When,
}

/// Stores a party of our own, or gives it another name; `None` when others kept changing it. The same again changes nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn put_own(
    db: &Db,
    sites: (Site, Site),
    own: &Own<'_>,
    made: &Made,
) -> Result<Option<Record<PartyDocument>>, StoreError> {
    for _ in 0..ROUNDS_MAX {
        let step = Step {
            tenant: own.tenant,
            party: own.party,
            expected: None,
            lookups: Lookups::default(),
            when: own.when,
            made: made.clone(),
        };
        let rename = |document: &mut PartyDocument| {
            if own.version.is_none_or(|version| document.own_version < version) {
                document.rename(identity(own.name), own.when);
                document.own_version = own.version.unwrap_or(0);
            }
            Ok::<(), std::convert::Infallible>(())
        };
        match change(db, sites, &step, rename).await? {
            Changed::Done(record, ()) => return Ok(Some(*record)),
            Changed::Missing => {}
            Changed::Version(_) | Changed::IdTaken(_) | Changed::Contended => return Ok(None),
            Changed::Refused(never) => match never {},
        }
        if create(db, sites.1, own.tenant, &own.document(), &[], false, made).await? == Created::New {
            return read(db, sites.0, own.tenant, own.party).await;
        }
    }
    Ok(None)
}

fn identity(name: &str) -> Identity {
    Identity::Organisation {
        organisation_name: Personal::new(name.to_owned()),
    }
}

impl Own<'_> {
    fn document(&self) -> PartyDocument {
        let mut document = PartyDocument::new(self.party.clone(), identity(self.name), Language::default());
        document.own_version = self.version.unwrap_or(0);
        document.roles.push(Role {
            role: self.role.clone(),
            towards: self.company.clone(),
            since: self.when.today,
            until: None,
            because: None,
            ended: false,
        });
        document
    }
}
