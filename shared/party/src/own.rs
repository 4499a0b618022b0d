//! The own company and its branches are parties too (B7). Their ids follow from the tenant and the location, so that a role
//! can be towards them before anybody has stored a name for them.

use domain::id::{LocationId, PartyId, Tenant};
use uuid::Uuid;

/// Names of this model, for ids that follow from a text.
const SPACE: Uuid = Uuid::from_u128(0x7c1f_4f0a_55c3_4b0e_9a8e_2f60_d1c4_8b11);

/// The party of the tenant's own company.
pub fn company_id(tenant: &Tenant) -> PartyId {
    party(&format!("company#{tenant}"))
}

/// The party of one of its branches.
pub fn branch_id(tenant: &Tenant, location: &LocationId) -> PartyId {
    party(&format!("branch#{tenant}#{location}"))
}

fn party(name: &str) -> PartyId {
    let id = Uuid::new_v5(&SPACE, name.as_bytes()).hyphenated().to_string();
    match id.parse() {
        Ok(id) => id,
        // Hexadecimal digits and dashes, 36 of them: the alphabet of party ids.
        Err(_) => unreachable!("a UUID is a party id"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_own_company_are_always_the_same_and_never_each_others() {
        let tenant: Tenant = "demo".parse().unwrap();
        let branch = |location: &str| branch_id(&tenant, &location.parse().unwrap());
        assert_eq!(company_id(&tenant), company_id(&tenant));
        let ids = [
            company_id(&tenant),
            company_id(&"demo-2".parse().unwrap()),
            branch("B01"),
            branch("B02"),
        ];
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id));
            assert_eq!(id.as_str().len(), 36);
        }
    }
}
