//! Secrets with a generated value, made once and kept.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

use super::{Clients, ProvisionError};
use crate::template::{Attributes, REF, SECRET_ALPHABET, Secret};

const KIND: &str = "secret";
/// Random bytes fetched at a time.
const RANDOM_CHUNK: usize = 256;
/// Texts tried until one contains every kind of character; with 64 characters the first nearly always does.
const TRIES_MAX: usize = 1_000;

pub(super) async fn ensure(
    clients: &Clients,
    secret: &Secret,
    attributes: &mut Attributes,
) -> Result<(), ProvisionError> {
    let arn = match clients.secrets.describe_secret().secret_id(&secret.name).send().await {
        Ok(found) => found.arn,
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_resource_not_found_exception()) =>
        {
            let value = generate(secret).ok_or_else(|| ProvisionError::Refused {
                action: "generate a value for",
                kind: KIND,
                id: secret.id.clone(),
                message: "no random text satisfies GenerateSecretString".to_owned(),
            })?;
            let request = clients.secrets.create_secret().name(&secret.name).secret_string(value);
            let created = request.send().await;
            created
                .map_err(|error| ProvisionError::refused("create", KIND, &secret.id, &error))?
                .arn
        }
        Err(error) => return Err(ProvisionError::refused("find", KIND, &secret.id, &error)),
    };
    let arn = arn.unwrap_or_default();
    attributes.set(&secret.id, "Id", &arn);
    attributes.set(&secret.id, REF, arn);
    Ok(())
}

/// A value as `GenerateSecretString` describes it, from the operating system's randomness.
fn generate(secret: &Secret) -> Option<String> {
    let allowed = |group: &&str| -> Vec<char> { group.chars().filter(|c| !secret.excluded.contains(*c)).collect() };
    let groups: Vec<Vec<char>> = SECRET_ALPHABET.iter().map(allowed).filter(|g| !g.is_empty()).collect();
    let alphabet: Vec<char> = groups.iter().flatten().copied().collect();
    let length = usize::try_from(secret.length).ok()?;
    for _ in 0..TRIES_MAX {
        let text = random_text(&alphabet, length)?;
        // A text shorter than the number of groups cannot contain all of them.
        let complete = groups.iter().all(|group| group.iter().any(|c| text.contains(*c)));
        if complete || length < groups.len() {
            return Some(match &secret.within {
                None => text,
                Some((object, key)) => {
                    let mut object = object.as_object()?.clone();
                    object.insert(key.clone(), serde_json::Value::String(text));
                    serde_json::Value::Object(object).to_string()
                }
            });
        }
    }
    None
}

/// Uniformly random characters: bytes beyond the last whole multiple of the alphabet are thrown away.
fn random_text(alphabet: &[char], length: usize) -> Option<String> {
    let usable = (256usize.checked_div(alphabet.len())?) * alphabet.len();
    let random = SystemRandom::new();
    let mut text = String::with_capacity(length);
    let mut count = 0;
    while count < length {
        let mut bytes = [0u8; RANDOM_CHUNK];
        random.fill(&mut bytes).ok()?;
        for byte in bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < usable)
        {
            if count < length {
                text.push(alphabet[byte % alphabet.len()]);
                count += 1;
            }
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(length: u64, excluded: &str) -> Secret {
        Secret {
            id: "S".to_owned(),
            name: "s".to_owned(),
            length,
            excluded: excluded.to_owned(),
            within: None,
        }
    }

    #[test]
    fn a_generated_value_has_the_length_and_only_allowed_characters() {
        let value = generate(&secret(64, SECRET_ALPHABET[3])).expect("a value");
        assert_eq!(value.chars().count(), 64);
        assert!(value.chars().all(|c| c.is_ascii_alphanumeric()), "{value}");
    }

    #[test]
    fn a_generated_value_is_put_into_the_declared_object() {
        let within = Some((serde_json::json!({"current": "1"}), "1".to_owned()));
        let value = generate(&Secret {
            within,
            ..secret(32, "")
        })
        .expect("a value");
        let value: serde_json::Value = serde_json::from_str(&value).expect("JSON");
        assert_eq!(value["current"], "1");
        assert_eq!(value["1"].as_str().map(str::len), Some(32));
    }

    #[test]
    fn two_generated_values_differ() {
        assert_ne!(generate(&secret(32, "")), generate(&secret(32, "")));
    }
}
