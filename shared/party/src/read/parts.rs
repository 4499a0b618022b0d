//! Identifiers, roles, classifications, permissions, custom fields.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use domain::id::PartyId;

use super::{Context, days, needed};
use crate::Personal;
use crate::change::Statement;
use crate::clean::{self, Found};
use crate::dated::{Classification, Permission, Permitted, Role};
use crate::document::CustomValue;
use crate::input::{ClassificationInput, IdentifierInput, PermissionInput, RoleTerms};
use crate::types::{CustomField, FieldKind, NamedType, OptInType, PartyTypes, TEXT_MAX};
use crate::word::Word;

/// Longest id in another system, in characters.
const EXTERNAL_MAX: usize = 80;
/// Longest reason, and longest proof, in characters.
const REASON_MAX: usize = 200;
/// Longest cause of a role, in characters.
const BECAUSE_MAX: usize = 120;

/// Reads a word.
pub fn word(pointer: &str, text: &str, found: &mut Found) -> Option<Word> {
    found.field(pointer, text)
}

/// Reads the code of one of `types`.
pub(super) fn named(pointer: &str, text: &str, types: &[NamedType], found: &mut Found) -> Option<Word> {
    let known = types.iter().find(|known| known.code.as_str() == text);
    unknown(pointer, known, found).map(|known| known.code.clone())
}

pub(super) fn opt_in<'a>(
    pointer: &str,
    text: &str,
    types: &'a [OptInType],
    found: &mut Found,
) -> Option<&'a OptInType> {
    unknown(pointer, types.iter().find(|known| known.code.as_str() == text), found)
}

fn unknown<'a, T>(pointer: &str, known: Option<&'a T>, found: &mut Found) -> Option<&'a T> {
    if known.is_none() {
        let detail = "must be one of the types of GET /v1/party-types";
        found.add(pointer, "type_unknown", detail);
    }
    known
}

/// Reads an id in another system.
pub fn identifier(pointer: &str, body: &IdentifierInput, found: &mut Found) -> Option<(Word, Personal)> {
    let system = word(&format!("{pointer}/system"), &body.system, found);
    let id = clean::line(format!("{pointer}/id"), body.id.as_str(), EXTERNAL_MAX, found);
    system.zip(id)
}

/// Reads when a party has `role`, towards whom and why.
pub fn role(pointer: &str, role: Word, terms: &RoleTerms, with: Context<'_>, found: &mut Found) -> Option<Role> {
    let towards: Option<PartyId> = match terms.towards.as_deref() {
        None => Some(with.company.clone()),
        Some(text) => found.field(format!("{pointer}/towards"), text),
    };
    let given = (terms.since.as_deref(), terms.until.as_deref());
    let days = days(pointer, ("since", "until"), given, found);
    let because = match &terms.because {
        None => Some(None),
        Some(text) => clean::line(format!("{pointer}/because"), text.as_str(), BECAUSE_MAX, found).map(Some),
    };
    let (since, until) = days?;
    let since = since.unwrap_or(with.when.today);
    if until.is_some_and(|until| until < since) {
        found.add(
            format!("{pointer}/until"),
            "date_out_of_range",
            "the last day is before the first",
        );
        return None;
    }
    Some(Role {
        role,
        towards: towards?,
        since,
        until,
        because: because?,
        ended: false,
    })
}

/// Reads a class that a party is put in.
pub fn classification(
    pointer: &str,
    body: &ClassificationInput,
    with: Context<'_>,
    found: &mut Found,
) -> Option<Classification> {
    let at = |name: &str| format!("{pointer}/{name}");
    let mut known = with.types.classifications.iter();
    let known = known.find(|known| known.code.as_str() == body.classification);
    let known = unknown(&at("classification"), known, found);
    let reason = needed(&at("reason"), Some(&body.reason), REASON_MAX, found);
    let until = match body.until.as_deref() {
        None => Some(None),
        Some(text) => last_day(&at("until"), text, with, found).map(Some),
    };
    let known = known?;
    Some(Classification {
        class: known.code.clone(),
        reason: reason?,
        since: with.when.now,
        until: until?,
        no_vouchers: known.no_vouchers,
    })
}

/// The end of the day `text` in the tenant's zone; it must not be over.
fn last_day(pointer: &str, text: &str, with: Context<'_>, found: &mut Found) -> Option<DateTime<Utc>> {
    let day = clean::date(pointer, text, found)?;
    let end = day.succ_opt().map(|next| start_of(next, with.types.time_zone));
    let end = end.filter(|end| *end > with.when.now);
    if end.is_none() {
        found.add(pointer, "date_out_of_range", "the last day must not be over");
    }
    end
}

/// The first instant of a day. Where the clock skips midnight, the first one that exists.
fn start_of(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    let hours = (0..4).filter_map(|hour| midnight.checked_add_signed(chrono::TimeDelta::hours(hour)));
    let mut starts = hours.filter_map(|hour| zone.from_local_datetime(&hour).earliest());
    let start = starts.next().map(|start| start.with_timezone(&Utc));
    // No zone of the database skips four hours.
    start.unwrap_or_else(|| midnight.and_utc())
}

/// Reads what was said about the channel or list `name`, and when.
pub fn permission(
    pointer: &str,
    name: Word,
    body: &PermissionInput,
    with: Context<'_>,
    found: &mut Found,
) -> Option<Statement> {
    let at = |name: &str| format!("{pointer}/{name}");
    let state = match body.state.as_str() {
        "pending" => Some(Permitted::Pending),
        "granted" => Some(Permitted::Granted),
        "withdrawn" => Some(Permitted::Withdrawn),
        _ => {
            found.add(at("state"), "malformed", "must be one of pending, granted, withdrawn");
            None
        }
    };
    let source = word(&at("source"), &body.source, found);
    let text_version = match body.text_version.as_deref() {
        None => {
            if state.is_some_and(|state| state != Permitted::Withdrawn) {
                found.add(at("text_version"), "missing", "say which text the party saw");
                return None;
            }
            Some(None)
        }
        Some(text) => word(&at("text_version"), text, found).map(Some),
    };
    let proof = match &body.proof {
        None => Some(None),
        Some(text) => clean::line(at("proof"), text.as_str(), REASON_MAX, found).map(Some),
    };
    let (said_at, asked) = said_and_asked(pointer, body, with, found)?;
    let said = Permission {
        name,
        state: state?,
        since: said_at.unwrap_or(with.when.now),
        until: None,
        source: source?,
        text_version: text_version?,
        proof: proof?,
    };
    Some(Statement {
        said,
        asked,
        dated: said_at.is_some(),
    })
}

/// When it was said, and when another system had asked, where the caller says so.
type Times = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

fn said_and_asked(pointer: &str, body: &PermissionInput, with: Context<'_>, found: &mut Found) -> Option<Times> {
    let mut instant = |name: &str, text: Option<&str>| match text {
        None => Some(None),
        Some(text) => clean::instant(format!("{pointer}/{name}"), text, with.when.now, found).map(Some),
    };
    let said = instant("at", body.at.as_deref());
    let asked = instant("asked_at", body.asked_at.as_deref());
    let (said, asked) = (said?, asked?);
    let pointer = format!("{pointer}/asked_at");
    if asked.is_some() && (said.is_none() || body.proof.is_none() || body.state != "granted") {
        let detail = "belongs to a permission that is granted, with at and a proof";
        found.add(pointer, "not_applicable", detail);
        return None;
    }
    if asked > said {
        found.add(pointer, "date_out_of_range", "must not be after at");
        return None;
    }
    Some((said, asked))
}

/// Reads the value of a field of the tenant's own.
pub fn custom(name: &str, value: &CustomValue, types: &PartyTypes, found: &mut Found) -> Option<(Word, CustomValue)> {
    let pointer = format!("/custom_fields/{}", super::escaped(name));
    let known = types.custom_fields.iter().find(|known| known.name.as_str() == name);
    let known = unknown(&pointer, known, found)?;
    let value = custom_value(&pointer, known, value, found)?;
    Some((known.name.clone(), value))
}

fn custom_value(pointer: &str, field: &CustomField, value: &CustomValue, found: &mut Found) -> Option<CustomValue> {
    match (field.kind, value) {
        (FieldKind::Boolean, CustomValue::Boolean(_)) | (FieldKind::Integer, CustomValue::Integer(_)) => {
            Some(value.clone())
        }
        (FieldKind::Text, CustomValue::Text(text)) => {
            let max = field.max_length.unwrap_or(TEXT_MAX);
            let max = usize::try_from(max).unwrap_or(usize::MAX);
            clean::line(pointer, text.as_str(), max, found).map(CustomValue::Text)
        }
        (FieldKind::Date, CustomValue::Text(text)) => clean::date(pointer, text.as_str(), found).map(|_| value.clone()),
        (FieldKind::Choice, CustomValue::Text(text)) => {
            let known = field.choices.iter().any(|choice| choice.as_str() == text.as_str());
            if !known {
                found.add(pointer, "type_unknown", "must be one of the choices of the field");
            }
            known.then(|| value.clone())
        }
        (kind, _) => {
            let wanted = match kind {
                FieldKind::Boolean => "true or false",
                FieldKind::Integer => "a whole number of 64 bits",
                FieldKind::Text | FieldKind::Choice => "a text",
                FieldKind::Date => "a date as a text",
            };
            found.add(pointer, "malformed", format!("must be {wanted}"));
            None
        }
    }
}
