//! Which fields two documents differ in: paths without values, fit for logs, the audit and other systems.

use std::collections::BTreeSet;

use crate::dated::Permission;
use crate::document::PartyDocument;

/// The fields of a party that `before` and `after` differ in, as JSON pointers in order, none twice. Entries are named by
/// their type (`/roles/customer`) or number (`/contacts/c1`), never by a value. A party that is new has all its fields.
pub fn diff(before: Option<&PartyDocument>, after: &PartyDocument) -> Vec<String> {
    let mut paths = BTreeSet::new();
    fields(before, after, &mut paths);
    entries(
        before.map_or(&[], |before| &before.identifiers),
        &after.identifiers,
        |id| format!("/identifiers/{}", id.system),
        &mut paths,
    );
    entries(
        before.map_or(&[], |before| &before.contacts),
        &after.contacts,
        |contact| format!("/contacts/{}", contact.id),
        &mut paths,
    );
    entries(
        before.map_or(&[], |before| &before.roles),
        &after.roles,
        |role| format!("/roles/{}", role.role),
        &mut paths,
    );
    entries(
        before.map_or(&[], |before| &before.classifications),
        &after.classifications,
        |class| format!("/classifications/{}", class.class),
        &mut paths,
    );
    let consent = |permission: &Permission| format!("/consents/{}", permission.name);
    entries(
        before.map_or(&[], |before| &before.consents),
        &after.consents,
        consent,
        &mut paths,
    );
    let list = |permission: &Permission| format!("/lists/{}", permission.name);
    entries(
        before.map_or(&[], |before| &before.lists),
        &after.lists,
        list,
        &mut paths,
    );
    custom(before, after, &mut paths);
    paths.into_iter().collect()
}

fn fields(before: Option<&PartyDocument>, after: &PartyDocument, paths: &mut BTreeSet<String>) {
    let mut field = |path: &str, differs: bool| {
        if differs {
            paths.insert(path.to_owned());
        }
    };
    field("/name", before.is_none_or(|before| before.identity != after.identity));
    field(
        "/language",
        before.is_none_or(|before| before.language != after.language),
    );
    field("/gender", before.and_then(|before| before.gender) != after.gender);
    field(
        "/birth_date",
        before.and_then(|before| before.birth_date) != after.birth_date,
    );
    let customer_type = before.and_then(|before| before.customer_type.as_ref());
    field("/customer_type", customer_type != after.customer_type.as_ref());
    let sales_channel = before.and_then(|before| before.sales_channel.as_ref());
    field("/sales_channel", sales_channel != after.sales_channel.as_ref());
}

/// Paths of entries that only one of the two lists has.
fn entries<T: PartialEq>(before: &[T], after: &[T], path: impl Fn(&T) -> String, paths: &mut BTreeSet<String>) {
    let gone = before.iter().filter(|entry| !after.contains(entry));
    let come = after.iter().filter(|entry| !before.contains(entry));
    paths.extend(gone.chain(come).map(path));
}

fn custom(before: Option<&PartyDocument>, after: &PartyDocument, paths: &mut BTreeSet<String>) {
    let empty = std::collections::BTreeMap::new();
    let before = before.map_or(&empty, |before| &before.custom_fields);
    for (name, value) in &after.custom_fields {
        if before.get(name) != Some(value) {
            paths.insert(format!("/custom_fields/{name}"));
        }
    }
    for name in before.keys().filter(|name| !after.custom_fields.contains_key(*name)) {
        paths.insert(format!("/custom_fields/{name}"));
    }
}
