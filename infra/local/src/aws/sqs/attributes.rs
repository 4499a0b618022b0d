//! Message attributes: checks, sizes, the digest that clients verify, and the selection a receiver asks for.

use super::error::SqsError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Message attributes by name; the order is the one that the digest is taken in.
pub(crate) type MessageAttributes = BTreeMap<String, MessageAttribute>;

/// Most attributes per message.
const MAX_ATTRIBUTES: usize = 10;
const MAX_NAME_BYTES: usize = 256;
/// Significant digits of a number attribute.
const MAX_NUMBER_DIGITS: usize = 38;

/// A typed attribute of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct MessageAttribute {
    pub(crate) data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    /// Base64, as in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
}

impl MessageAttribute {
    fn value(&self, name: &str) -> Result<(u8, Vec<u8>), SqsError> {
        let base_type = self.data_type.split('.').next().unwrap_or_default();
        match (base_type, &self.string_value, &self.binary_value) {
            ("String" | "Number", Some(text), None) => {
                if base_type == "Number" && !is_number(text) {
                    return Err(SqsError::InvalidParameterValue(format!(
                        "Can't cast the value of message (user) attribute '{name}' to a number."
                    )));
                }
                check_text(text)?;
                Ok((1, text.clone().into_bytes()))
            }
            ("Binary", None, Some(encoded)) => STANDARD
                .decode(encoded)
                .map(|bytes| (2, bytes))
                .map_err(|_| SqsError::Serialization(format!("The binary value of attribute '{name}' is not base64."))),
            ("String" | "Number" | "Binary", ..) => Err(SqsError::InvalidParameterValue(format!(
                "The message (user) attribute '{name}' must contain a non-empty message attribute value for message attribute type '{base_type}'."
            ))),
            _ => Err(SqsError::InvalidParameterValue(format!(
                "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
            ))),
        }
    }
}

/// Checks attributes and returns their size in bytes as it counts towards the message's size.
pub(crate) fn check(attributes: &MessageAttributes) -> Result<usize, SqsError> {
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(SqsError::InvalidParameterValue(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MAX_ATTRIBUTES}].",
            attributes.len()
        )));
    }
    let mut size = 0;
    for (name, attribute) in attributes {
        check_name(name)?;
        let (_, value) = attribute.value(name)?;
        if value.is_empty() {
            return Err(SqsError::InvalidParameterValue(format!(
                "The message (user) attribute '{name}' must contain a non-empty value."
            )));
        }
        size += name.len() + attribute.data_type.len() + value.len();
    }
    Ok(size)
}

fn check_name(name: &str) -> Result<(), SqsError> {
    let lower = name.to_ascii_lowercase();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let well_formed = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.chars().all(allowed)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && !lower.starts_with("aws.")
        && !lower.starts_with("amazon.");
    if well_formed {
        Ok(())
    } else {
        Err(SqsError::InvalidParameterValue(format!(
            "The message (user) attribute name '{name}' is invalid."
        )))
    }
}

fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let points = mantissa.bytes().filter(|byte| *byte == b'.').count();
    (1..=MAX_NUMBER_DIGITS).contains(&digits)
        && points <= 1
        && digits + points == mantissa.len()
        && exponent.parse::<i16>().is_ok()
}

/// Refuses characters that XML 1.0, and therefore SQS, does not allow.
pub(crate) fn check_text(text: &str) -> Result<(), SqsError> {
    let allowed = |c: char| matches!(c, '\u{9}' | '\u{A}' | '\u{D}' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    if text.chars().all(allowed) {
        Ok(())
    } else {
        Err(SqsError::InvalidMessageContents)
    }
}

/// The MD5 of `bytes` in hexadecimal.
pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// The digest over all attributes, or `None` without any: per attribute its name, type and value, each preceded by its
/// length, the value also by a byte for its transport type.
pub(crate) fn digest(attributes: &MessageAttributes) -> Result<Option<String>, SqsError> {
    if attributes.is_empty() {
        return Ok(None);
    }
    let mut hash = Md5::new();
    for (name, attribute) in attributes {
        let (transport, value) = attribute.value(name)?;
        for text in [name.as_bytes(), attribute.data_type.as_bytes()] {
            hash.update(length(text));
            hash.update(text);
        }
        hash.update([transport]);
        hash.update(length(&value));
        hash.update(&value);
    }
    Ok(Some(hex(&hash.finalize())))
}

/// Keeps the attributes a receiver asked for: exact names, `All` or `.*`, or a prefix followed by `.*`.
pub(crate) fn select(attributes: MessageAttributes, wanted: &[String]) -> MessageAttributes {
    let matches = |name: &str| {
        wanted.iter().any(|want| {
            want == "All" || want == name || want.strip_suffix(".*").is_some_and(|prefix| name.starts_with(prefix))
        })
    };
    attributes.into_iter().filter(|(name, _)| matches(name)).collect()
}

fn length(bytes: &[u8]) -> [u8; 4] {
    // A message has at most 1 MiB, checked before.
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data_type: &str, value: &str) -> MessageAttribute {
        MessageAttribute {
            data_type: data_type.to_owned(),
            string_value: Some(value.to_owned()),
            binary_value: None,
        }
    }

    #[test]
    fn the_digest_is_over_lengths_types_and_values_in_the_order_of_names() {
        let attributes = MessageAttributes::from([
            ("b".to_owned(), text("Number", "7")),
            ("a".to_owned(), text("String", "x")),
        ]);
        let mut bytes = Vec::new();
        for (name, data_type, value) in [("a", "String", "x"), ("b", "Number", "7")] {
            bytes.extend([0, 0, 0, 1]);
            bytes.extend(name.as_bytes());
            bytes.extend([0, 0, 0, 6]);
            bytes.extend(data_type.as_bytes());
            bytes.extend([1, 0, 0, 0, 1]);
            bytes.extend(value.as_bytes());
        }
        assert_eq!(digest(&attributes).unwrap(), Some(md5_hex(&bytes)));
        assert_eq!(digest(&MessageAttributes::new()).unwrap(), None);
    }

    #[test]
    fn numbers_are_decimal_with_an_optional_exponent() {
        for good in ["0", "-1", "+12.50", "1e10", "1.5E-7"] {
            assert!(is_number(good), "{good}");
        }
        for bad in ["", "-", ".", "1.2.3", "abc", "1e", "0x10", &"9".repeat(39)] {
            assert!(!is_number(bad), "{bad}");
        }
    }

    #[test]
    fn a_receiver_selects_by_name_prefix_or_all() {
        let all = MessageAttributes::from([
            ("order.id".to_owned(), text("String", "1")),
            ("kind".to_owned(), text("String", "2")),
        ]);
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            select(all.clone(), &wanted).into_keys().collect::<Vec<_>>()
        };
        assert!(names(&[]).is_empty());
        assert_eq!(names(&["kind"]), ["kind"]);
        assert_eq!(names(&["order.*"]), ["order.id"]);
        assert_eq!(names(&["All"]), ["kind", "order.id"]);
        assert_eq!(names(&[".*"]), ["kind", "order.id"]);
    }
}
