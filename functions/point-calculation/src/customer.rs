//! A purchase makes a customer (B2).

use domain::receipt::Receipt;
use party::change::{Refused, Sight, When};
use party::dated::Role;
use party::{PartyDocument, Personal, own, types};
use store::account::AccountId;
use store::party::{Changed, Lookups, Step};
use store::{Made, Site, StoreError};

use chrono::{DateTime, Utc};

use crate::{App, WorkError};

impl App {
    /// Gives the holder of the account the role of a customer of the own company, from the day of the receipt; nothing when the
    /// holder has it. Done twice, it changes nothing the second time.
    pub(crate) async fn make_customer(
        &self,
        id: &AccountId,
        receipt: &Receipt,
        now: DateTime<Utc>,
    ) -> Result<(), WorkError> {
        let company = own::company_id(&id.tenant);
        let Ok(customer) = types::CUSTOMER.parse() else {
            unreachable!("customer is a word")
        };
        let role = Role {
            role: customer,
            towards: company,
            since: receipt.key.business_date,
            until: None,
            because: Some(Personal::new(format!("purchase {}", receipt.key))),
            ended: false,
        };
        let when = When {
            now,
            today: receipt.key.business_date,
        };
        let step = Step {
            tenant: &id.tenant,
            party: &id.party,
            expected: None,
            lookups: Lookups::default(),
            when,
            made: Made::from(now),
        };
        let give = |document: &mut PartyDocument| give(document, &role, when);
        let sites = (Site::PostParty, Site::PostCustomer);
        let changed = match Box::pin(store::party::change(&self.db, sites, &step, give)).await {
            // Its points are the books'; nobody becomes a customer by them.
            Err(StoreError::Erased(_)) => return Ok(()),
            changed => changed?,
        };
        match changed {
            Changed::Done(..) => Ok(()),
            // The card leads to a party that is not stored: there is nobody to have a role.
            Changed::Missing => Ok(()),
            Changed::Refused(refused) => {
                tracing::warn!(%refused, "a purchase could not make a customer");
                Ok(())
            }
            Changed::Version(_) | Changed::IdTaken(_) | Changed::Contended => Err(WorkError::Contended),
        }
    }
}

fn give(document: &mut PartyDocument, role: &Role, when: When) -> Result<(), Refused> {
    let same = |known: &Role| known.role == role.role && known.towards == role.towards;
    // One with a last day keeps it: the purchase says nothing about the end.
    if document
        .roles
        .iter()
        .any(|known| same(known) && known.stands(when.today))
    {
        return Ok(());
    }
    document.give_role(role.clone(), Sight::Seen, when)
}
