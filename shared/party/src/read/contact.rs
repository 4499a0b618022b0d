//! Contact points.

use super::{Context, days};
use crate::Personal;
use crate::change::Wanted;
use crate::clean::{self, Found};
use crate::contact::{Arrives, Country, Deliverability, PURPOSES_MAX, Point, Postal, Purpose};
use crate::input::{ContactInput, DeliveryInput};

/// Longest line, street or town, in characters.
const LINE_MAX: usize = 60;
/// Longest house number, in characters.
const HOUSE_MAX: usize = 12;
/// Longest post box, in characters.
const BOX_MAX: usize = 30;
/// Most lines above the street.
const LINES_MAX: usize = 2;

/// Reads a contact point.
pub fn contact(pointer: &str, body: &ContactInput, with: Context<'_>, found: &mut Found) -> Option<Wanted> {
    let point = point(pointer, body, found);
    let purposes = match &body.purposes {
        None => Some(None),
        Some(given) => purposes(pointer, given, found).map(Some),
    };
    let until = body.valid_until.as_ref().and_then(Option::as_deref);
    let given = (body.valid_from.as_deref(), until);
    let days = days(pointer, ("valid_from", "valid_until"), given, found);
    let language = match &body.language {
        None => Some(None),
        Some(None) => Some(Some(None)),
        Some(Some(text)) => found
            .field(format!("{pointer}/language"), text)
            .map(|read| Some(Some(read))),
    };
    let delivery = match &body.delivery {
        None => Some(None),
        Some(None) => Some(Some(None)),
        Some(Some(given)) => delivery(pointer, given, with, found).map(|read| Some(Some(read))),
    };
    let (valid_from, valid_until) = days?;
    Some(Wanted {
        point: point?,
        purposes: purposes?,
        valid_from,
        valid_until: body.valid_until.as_ref().map(|_| valid_until),
        language: language?,
        delivery: delivery?,
    })
}

fn point(pointer: &str, body: &ContactInput, found: &mut Found) -> Option<Point> {
    let at = |name: &str| format!("{pointer}/{name}");
    foreign_fields(pointer, body, found);
    match body.kind.as_str() {
        "postal" => postal(pointer, body, found).map(Point::Postal),
        "email" => match &body.email {
            Some(text) => clean::email(at("email"), text.as_str(), found).map(Point::Email),
            None => missing(at("email"), found),
        },
        "phone" => match &body.phone {
            Some(text) => clean::phone(at("phone"), text.as_str(), found).map(Point::Phone),
            None => missing(at("phone"), found),
        },
        _ => {
            found.add(at("kind"), "malformed", "a kind is one of postal, email, phone");
            None
        }
    }
}

fn foreign_fields(pointer: &str, body: &ContactInput, found: &mut Found) {
    let kind = body.kind.as_str();
    if !matches!(kind, "postal" | "email" | "phone") {
        return;
    }
    let fields = [
        ("email", "email", body.email.is_some()),
        ("phone", "phone", body.phone.is_some()),
        ("postal", "lines", !body.lines.is_empty()),
        ("postal", "street", body.street.is_some()),
        ("postal", "house_number", body.house_number.is_some()),
        ("postal", "po_box", body.po_box.is_some()),
        ("postal", "postcode", body.postcode.is_some()),
        ("postal", "town", body.town.is_some()),
        ("postal", "country", body.country.is_some()),
    ];
    for (of, name, given) in fields {
        if given && of != kind {
            let detail = format!("a contact point of kind {kind} does not have this field: leave it out");
            found.add(format!("{pointer}/{name}"), "not_of_this_kind", detail);
        }
    }
}

fn postal(pointer: &str, body: &ContactInput, found: &mut Found) -> Option<Postal> {
    let at = |name: &str| format!("{pointer}/{name}");
    let mut lines = Vec::new();
    if body.lines.len() > LINES_MAX {
        found.add(at("lines"), "out_of_range", "at most 2 lines above the street");
    } else {
        for (index, text) in body.lines.iter().enumerate() {
            lines.push(clean::line(
                at(&format!("lines/{index}")),
                text.as_str(),
                LINE_MAX,
                found,
            ));
        }
    }
    let street = optional(at("street"), body.street.as_ref(), LINE_MAX, found);
    let house_number = optional(at("house_number"), body.house_number.as_ref(), HOUSE_MAX, found);
    let po_box = optional(at("po_box"), body.po_box.as_ref(), BOX_MAX, found);
    if body.street.is_none() && body.po_box.is_none() {
        found.add(at("street"), "missing", "a street or a post box is needed");
    }
    if body.house_number.is_some() && body.street.is_none() {
        found.add(at("house_number"), "not_applicable", "a house number needs its street");
    }
    let country: Option<Country> = found.field(at("country"), body.country.as_deref().unwrap_or("CH"));
    let postcode = match (&body.postcode, &country) {
        (None, Some(country)) if !country.needs_postcode() => Some(None),
        (None, _) => missing(at("postcode"), found),
        // What it must look like depends on a country that is wrong.
        (Some(_), None) => None,
        (Some(text), Some(country)) => clean::postcode(at("postcode"), text.as_str(), country, found).map(Some),
    };
    let town = match &body.town {
        None => missing(at("town"), found),
        Some(text) => clean::line(at("town"), text.as_str(), LINE_MAX, found),
    };
    let lines: Option<Vec<Personal>> = lines.into_iter().collect();
    Some(Postal {
        lines: lines?,
        street: street?,
        house_number: house_number?,
        po_box: po_box?,
        postcode: postcode?,
        town: town?,
        country: country?,
    })
}

fn optional(pointer: String, text: Option<&Personal>, max: usize, found: &mut Found) -> Option<Option<Personal>> {
    match text {
        None => Some(None),
        Some(text) => clean::line(pointer, text.as_str(), max, found).map(Some),
    }
}

fn missing<T>(pointer: String, found: &mut Found) -> Option<T> {
    found.add(pointer, "missing", "this field is needed");
    None
}

fn purposes(pointer: &str, given: &[String], found: &mut Found) -> Option<Vec<Purpose>> {
    if given.len() > PURPOSES_MAX {
        found.add(format!("{pointer}/purposes"), "out_of_range", "at most 7 purposes");
        return None;
    }
    let mut purposes = Vec::with_capacity(given.len());
    for (index, text) in given.iter().enumerate() {
        let purpose = match text.as_str() {
            "main" => Some(Purpose::Main),
            "private" => Some(Purpose::Private),
            "work" => Some(Purpose::Work),
            "billing" => Some(Purpose::Billing),
            "delivery" => Some(Purpose::Delivery),
            "marketing" => Some(Purpose::Marketing),
            "emergency" => Some(Purpose::Emergency),
            _ => {
                let detail = "must be one of main, private, work, billing, delivery, marketing, emergency";
                found.add(format!("{pointer}/purposes/{index}"), "malformed", detail);
                None
            }
        };
        purposes.push(purpose);
    }
    let mut purposes: Vec<Purpose> = purposes.into_iter().collect::<Option<_>>()?;
    purposes.sort_unstable();
    purposes.dedup();
    Some(purposes)
}

fn delivery(pointer: &str, given: &DeliveryInput, with: Context<'_>, found: &mut Found) -> Option<Deliverability> {
    let arrives = match given.arrives.as_str() {
        "confirmed" => Some(Arrives::Confirmed),
        "undeliverable" => Some(Arrives::Undeliverable),
        _ => {
            let detail = "must be one of confirmed, undeliverable";
            found.add(format!("{pointer}/delivery/arrives"), "malformed", detail);
            None
        }
    };
    let reason = match given.reason.as_deref() {
        None => Some(None),
        Some(text) => found.field(format!("{pointer}/delivery/reason"), text).map(Some),
    };
    Some(Deliverability {
        arrives: arrives?,
        reason: reason?,
        since: with.when.now,
    })
}
