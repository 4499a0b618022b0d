//! Keys from the secret store, read at the start.
//!
//! The code keys grow by a version now and then, while processes that started before are still warm: [`KeyRing`] reads them
//! again when it meets a voucher of a newer version than all it knows.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;

use crate::aws::Aws;
use crate::settings::{Settings, StartError};

mod ring;
pub use ring::{KeyRing, UnknownKey};

/// Fewest bytes of a key.
const KEY_MIN: usize = 32;

/// The pepper of lookup keys. `Debug` shows nothing.
#[derive(Clone)]
pub struct Pepper(Vec<u8>);

impl Pepper {
    /// A pepper from its bytes, for tools and tests.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

/// The keys of voucher codes, by version. `Debug` shows the versions only.
#[derive(Clone)]
pub struct CodeKeys {
    /// The version that new vouchers take.
    pub current: u32,
    keys: BTreeMap<u32, Vec<u8>>,
}

impl CodeKeys {
    /// Reads the secret: a JSON object with `current`, the version in use, and one key per version.
    ///
    /// # Errors
    /// What is wrong, without the content.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: BTreeMap<String, String> =
            serde_json::from_str(text).map_err(|_| "it is not a JSON object of strings".to_owned())?;
        let current = fields
            .get("current")
            .and_then(|v| v.parse().ok())
            .ok_or("it has no version number in current")?;
        let mut keys = BTreeMap::new();
        for (version, key) in fields.into_iter().filter(|(name, _)| name != "current") {
            let version = version
                .parse()
                .map_err(|_| "a field is neither current nor a version number")?;
            if key.len() < KEY_MIN {
                return Err(format!(
                    "the key of version {version} has less than {KEY_MIN} characters"
                ));
            }
            keys.insert(version, key.into_bytes());
        }
        if keys.contains_key(&current) {
            Ok(Self { current, keys })
        } else {
            Err("it has no key for the current version".to_owned())
        }
    }

    /// The key of a version; `None` when it was withdrawn.
    pub fn key(&self, version: u32) -> Option<&[u8]> {
        self.keys.get(&version).map(Vec::as_slice)
    }

    /// The versions there is a key of, the oldest first.
    pub fn versions(&self) -> impl Iterator<Item = u32> + '_ {
        self.keys.keys().copied()
    }

    /// The greatest version there is a key of.
    fn newest(&self) -> u32 {
        self.keys.keys().next_back().copied().unwrap_or(0)
    }
}

impl fmt::Debug for CodeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodeKeys(current {}, {} versions)", self.current, self.keys.len())
    }
}

/// Reads the pepper named by the variable.
///
/// # Errors
/// [`StartError::Secret`].
pub async fn pepper(aws: &Aws, settings: &Settings, variable: &'static str) -> Result<Pepper, StartError> {
    let text = read(aws, settings.get(variable), variable).await?;
    if text.len() < KEY_MIN {
        return Err(StartError::Secret {
            variable,
            reason: format!("it has less than {KEY_MIN} characters"),
        });
    }
    Ok(Pepper(text.into_bytes()))
}

/// Reads the code keys named by the variable.
///
/// # Errors
/// [`StartError::Secret`].
pub async fn code_keys(aws: &Aws, settings: &Settings, variable: &'static str) -> Result<CodeKeys, StartError> {
    let text = read(aws, settings.get(variable), variable).await?;
    CodeKeys::parse(&text).map_err(|reason| StartError::Secret { variable, reason })
}

/// The code keys named by the variable, for functions that show codes.
///
/// # Errors
/// [`StartError::Secret`].
pub async fn key_ring(aws: &Aws, settings: &Settings, variable: &'static str) -> Result<KeyRing, StartError> {
    let first = code_keys(aws, settings, variable).await?;
    let (aws, settings) = (aws.clone(), settings.clone());
    Ok(KeyRing::reading(first, move || {
        let (aws, settings) = (aws.clone(), settings.clone());
        Box::pin(async move { code_keys(&aws, &settings, variable).await })
    }))
}

async fn read(aws: &Aws, arn: &str, variable: &'static str) -> Result<String, StartError> {
    let config = aws_sdk_secretsmanager::config::Builder::from(aws.config())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_timeout(Duration::from_secs(6))
                .build(),
        )
        .build();
    let answer = Client::from_conf(config)
        .get_secret_value()
        .secret_id(arn)
        .send()
        .await
        .map_err(|error| {
            let reason = error.code().unwrap_or("no answer from the secret store").to_owned();
            StartError::Secret { variable, reason }
        })?;
    answer.secret_string.ok_or(StartError::Secret {
        variable,
        reason: "it holds no text".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_keys_are_read_by_version_and_never_shown() {
        let key = "k".repeat(32);
        let keys = CodeKeys::parse(&format!(r#"{{"current":"2","1":"{key}","2":"{key}"}}"#)).unwrap();
        assert_eq!((keys.current, keys.key(1).is_some(), keys.key(3)), (2, true, None));
        assert!(!format!("{keys:?}").contains("kk"));
    }

    #[test]
    fn a_secret_that_cannot_serve_is_refused_without_being_shown() {
        for text in [
            "",
            "{}",
            r#"{"current":"1"}"#,
            r#"{"current":"1","1":"short"}"#,
            r#"{"current":"x","1":"short"}"#,
        ] {
            let error = CodeKeys::parse(text).unwrap_err();
            assert!(!error.contains("short"), "{error}");
        }
    }
}
