//! The types of a tenant (D5): data, changed without a deployment. Without anything set, the defaults hold (T10).

use chrono_tz::Tz;
use domain::text::is_line;
use serde::{Deserialize, Serialize};

use crate::clean::Found;
use crate::word::Word;

/// Most entries of each list of types.
pub const TYPES_MAX: usize = 100;
/// Most choices of a custom field.
pub const CHOICES_MAX: usize = 100;
/// Longest name for people, in characters.
const LABEL_MAX: usize = 60;
/// Longest text of a custom field, in characters, and the greatest `max_length`.
pub const TEXT_MAX: u32 = 500;

/// The role that a purchase gives (B2).
pub const CUSTOMER: &str = "customer";
/// The role of somebody who may become a customer, while nobody has decided (C1).
pub const LEAD: &str = "lead";

/// A type with a name for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamedType {
    /// Its short name in calls: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Word,
    /// For people, 1 to 60 printable characters.
    pub name: String,
}

/// A communication channel or a contact list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OptInType {
    /// Its short name in calls: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Word,
    /// For people, 1 to 60 printable characters.
    pub name: String,
    /// Whether a permission counts only once it was asked for and then confirmed with a proof.
    #[serde(default)]
    pub double_opt_in: bool,
}

/// A relationship between two parties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelationshipType {
    /// Its short name in calls: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Word,
    /// For people, 1 to 60 printable characters.
    pub name: String,
    /// What the party in the path is in it, such as `employee`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub from_role: Word,
    /// What the other party is in it, such as `employer`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub to_role: Word,
    /// Its parties may move points to each other: a household, a company with its employees.
    #[serde(default)]
    pub shares_points: bool,
    /// Which of the two roles owns the points of cards that the first party has from the second, where the relationship does not
    /// say: such as `employer` for the cards of a company's employees. The first role when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub points_owner: Option<Word>,
}

/// A classification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClassificationType {
    /// Its short name in calls: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Word,
    /// For people, 1 to 60 printable characters.
    pub name: String,
    /// A party in this class gets no vouchers and pays with none. Holds for parties that are put in the class from now on.
    #[serde(default)]
    pub no_vouchers: bool,
}

/// What a custom field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FieldKind {
    /// A printable line.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A date as `YYYY-MM-DD`.
    Date,
    /// True or false.
    Boolean,
    /// One of the choices.
    Choice,
}

/// A field of the tenant's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CustomField {
    /// Its name: 1 to 24 characters from a-z, 0-9, `-` and `_`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: Word,
    /// What it holds.
    pub kind: FieldKind,
    /// Values of a field of kind `choice`, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub choices: Vec<Word>,
    /// Longest value of a field of kind `text`, in characters, 1 to 500; 500 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
}

/// The types of a tenant. Each list has at most 100 entries, no code twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PartyTypes {
    /// IANA zone that decides what day it is for roles, contact points and relationships.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub time_zone: Tz,
    /// Kinds of customers.
    pub customer_types: Vec<NamedType>,
    /// Where parties come from and buy.
    pub sales_channels: Vec<NamedType>,
    /// Ways to write to a party, each with its own consent.
    pub communication_channels: Vec<OptInType>,
    /// What a party can be towards another one. `customer` must be among them: a purchase gives it.
    pub role_types: Vec<NamedType>,
    /// Relationships between parties.
    pub relationship_types: Vec<RelationshipType>,
    /// Classes of parties.
    pub classifications: Vec<ClassificationType>,
    /// Lists that a party can be on.
    pub contact_lists: Vec<OptInType>,
    /// Fields of the tenant's own.
    pub custom_fields: Vec<CustomField>,
}

impl PartyTypes {
    /// The communication channel of this code.
    pub fn channel(&self, code: &Word) -> Option<&OptInType> {
        self.communication_channels.iter().find(|known| known.code == *code)
    }

    /// The contact list of this code.
    pub fn list(&self, code: &Word) -> Option<&OptInType> {
        self.contact_lists.iter().find(|known| known.code == *code)
    }

    /// The role type of this code.
    pub fn role(&self, code: &Word) -> Option<&NamedType> {
        self.role_types.iter().find(|known| known.code == *code)
    }

    /// The classification of this code.
    pub fn classification(&self, code: &Word) -> Option<&ClassificationType> {
        self.classifications.iter().find(|known| known.code == *code)
    }

    /// The relationship of this code.
    pub fn relationship(&self, code: &Word) -> Option<&RelationshipType> {
        self.relationship_types.iter().find(|known| known.code == *code)
    }

    /// The custom field of this name.
    pub fn custom_field(&self, name: &Word) -> Option<&CustomField> {
        self.custom_fields.iter().find(|known| known.name == *name)
    }

    /// What is wrong with the types.
    pub fn check(&self) -> Found {
        let mut found = Found::default();
        named("/customer_types", &self.customer_types, &mut found);
        named("/sales_channels", &self.sales_channels, &mut found);
        opt_in("/communication_channels", &self.communication_channels, &mut found);
        named("/role_types", &self.role_types, &mut found);
        if !self.role_types.iter().any(|role| role.code.as_str() == CUSTOMER) {
            found.add(
                "/role_types",
                "missing",
                "the role customer is needed: a purchase gives it",
            );
        }
        let relationships = self
            .relationship_types
            .iter()
            .map(|kind| (&kind.code, Some(&kind.name)));
        entries("/relationship_types", relationships, &mut found);
        for (index, kind) in self.relationship_types.iter().enumerate() {
            let owner = kind.points_owner.as_ref();
            if owner.is_some_and(|owner| *owner != kind.from_role && *owner != kind.to_role) {
                let pointer = format!("/relationship_types/{index}/points_owner");
                found.add(pointer, "malformed", "must be one of the two roles of the type");
            }
        }
        let classes = self
            .classifications
            .iter()
            .map(|class| (&class.code, Some(&class.name)));
        entries("/classifications", classes, &mut found);
        opt_in("/contact_lists", &self.contact_lists, &mut found);
        self.check_fields(&mut found);
        found
    }

    fn check_fields(&self, found: &mut Found) {
        let fields = self.custom_fields.iter().map(|field| (&field.name, None));
        entries("/custom_fields", fields, found);
        for (index, field) in self.custom_fields.iter().enumerate() {
            let is_choice = field.kind == FieldKind::Choice;
            if is_choice != (1..=CHOICES_MAX).contains(&field.choices.len()) {
                let detail = "a field of kind choice has 1 to 100 choices, any other none";
                found.add(format!("/custom_fields/{index}/choices"), "out_of_range", detail);
            }
            let lengths = field.kind == FieldKind::Text || field.max_length.is_none();
            if !lengths || field.max_length.is_some_and(|max| !(1..=TEXT_MAX).contains(&max)) {
                let detail = "only a field of kind text has a length, 1 to 500";
                found.add(format!("/custom_fields/{index}/max_length"), "out_of_range", detail);
            }
        }
    }
}

fn named(pointer: &str, types: &[NamedType], found: &mut Found) {
    entries(pointer, types.iter().map(|kind| (&kind.code, Some(&kind.name))), found);
}

fn opt_in(pointer: &str, types: &[OptInType], found: &mut Found) {
    entries(pointer, types.iter().map(|kind| (&kind.code, Some(&kind.name))), found);
}

fn entries<'a>(pointer: &str, types: impl ExactSizeIterator<Item = (&'a Word, Option<&'a String>)>, found: &mut Found) {
    if types.len() > TYPES_MAX {
        found.add(pointer, "out_of_range", "at most 100 entries");
        return;
    }
    let mut seen = std::collections::BTreeSet::new();
    for (index, (code, name)) in types.enumerate() {
        if !seen.insert(code) {
            found.add(
                format!("{pointer}/{index}"),
                "duplicate",
                "this code stands before in the list",
            );
        }
        if name.is_some_and(|name| !is_line(name, LABEL_MAX)) {
            let detail = "must be 1 to 60 printable characters";
            found.add(format!("{pointer}/{index}/name"), "text_out_of_range", detail);
        }
    }
}

/// A code that is written in this crate.
pub(crate) fn word(code: &str) -> Word {
    match code.parse() {
        Ok(word) => word,
        // Each is tried by a test.
        Err(_) => unreachable!("the code of a default is a word"),
    }
}

fn defaults(codes: &[(&str, &str)]) -> Vec<NamedType> {
    let named = codes.iter().map(|(code, name)| NamedType {
        code: word(code),
        name: (*name).to_owned(),
    });
    named.collect()
}

fn opt_in_defaults(codes: &[(&str, &str, bool)]) -> Vec<OptInType> {
    let types = codes.iter().map(|(code, name, double_opt_in)| OptInType {
        code: word(code),
        name: (*name).to_owned(),
        double_opt_in: *double_opt_in,
    });
    types.collect()
}

fn relationship_defaults() -> Vec<RelationshipType> {
    let types = [
        ("employment", "Employment", "employee", "employer", true),
        ("household", "Household", "member", "member", true),
        ("contact-person", "Contact person", "contact", "principal", false),
        ("parent-company", "Parent company", "subsidiary", "parent", false),
        ("supply", "Supply", "supplier", "customer", false),
    ];
    let types = types.map(|(code, name, from, to, shares_points)| RelationshipType {
        code: word(code),
        name: name.to_owned(),
        from_role: word(from),
        to_role: word(to),
        shares_points,
        points_owner: None,
    });
    types.into()
}

impl Default for PartyTypes {
    fn default() -> Self {
        let classes = [
            ("blacklist", "Blacklist", true),
            ("vip", "Important customer", false),
            ("deceased", "Reported dead", true),
            ("objection-candidate", "May object to advertising", false),
        ];
        let classifications = classes.map(|(code, name, no_vouchers)| ClassificationType {
            code: word(code),
            name: name.to_owned(),
            no_vouchers,
        });
        Self {
            time_zone: chrono_tz::Europe::Zurich,
            customer_types: defaults(&[("private", "Private customer"), ("business", "Business customer")]),
            sales_channels: defaults(&[("branch", "Branch"), ("shop", "Online shop"), ("phone", "Telephone")]),
            // Advertising by e-mail and text message needs consent; a double one is the practice that proves it. Letters
            // and calls need none, but an objection holds.
            communication_channels: opt_in_defaults(&[
                ("letter", "Letter", false),
                ("email", "E-mail", true),
                ("sms", "Text message", true),
                ("phone", "Telephone", false),
            ]),
            role_types: defaults(&[
                (CUSTOMER, "Customer"),
                (LEAD, "Lead"),
                ("prospect", "Prospect"),
                ("employee", "Employee"),
                ("supplier", "Supplier"),
                ("partner", "Partner"),
                ("company", "Own company"),
                ("branch", "Branch"),
            ]),
            relationship_types: relationship_defaults(),
            classifications: classifications.into(),
            contact_lists: opt_in_defaults(&[("newsletter", "Newsletter", true)]),
            custom_fields: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_acceptable() {
        assert_eq!(PartyTypes::default().check().into_violations(), []);
    }

    #[test]
    fn each_wrong_type_is_named_at_once() {
        let mut types = PartyTypes::default();
        types.role_types.retain(|role| role.code.as_str() != CUSTOMER);
        types.customer_types[1] = types.customer_types[0].clone();
        types.contact_lists[0].name = String::new();
        let field = |name: &str, kind, choices: &[&str], max_length| CustomField {
            name: word(name),
            kind,
            choices: choices.iter().map(|choice| word(choice)).collect(),
            max_length,
        };
        types.custom_fields = vec![
            field("size", FieldKind::Choice, &[], None),
            field("shoe", FieldKind::Integer, &["a"], Some(5)),
            field("note", FieldKind::Text, &[], Some(501)),
            field("note", FieldKind::Text, &[], Some(500)),
        ];
        let found = types.check().into_violations();
        let pointers: Vec<_> = found.iter().map(|found| found.pointer.as_str()).collect();
        let expected = [
            "/customer_types/1",
            "/role_types",
            "/contact_lists/0/name",
            "/custom_fields/3",
            "/custom_fields/0/choices",
            "/custom_fields/1/choices",
            "/custom_fields/1/max_length",
            "/custom_fields/2/max_length",
        ];
        assert_eq!(pointers, expected);
    }
}
