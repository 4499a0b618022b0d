//! Settings from the environment, all missing ones named at once.

use std::collections::BTreeMap;

/// A function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Environment variables are missing.
    #[error("missing environment variables: {}. The template sets them; a run without it must too.", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// A secret cannot be read.
    #[error("the secret in {variable} cannot be read: {reason}")]
    Secret {
        /// The variable that names it.
        variable: &'static str,
        /// Why, without its content.
        reason: String,
    },
}

/// The values of the variables a function asked for.
#[derive(Debug, Clone)]
pub struct Settings(BTreeMap<&'static str, String>);

impl Settings {
    /// Reads the named variables.
    ///
    /// # Errors
    /// [`StartError::Missing`] with every absent or empty one.
    pub fn read(names: &[&'static str]) -> Result<Self, StartError> {
        let mut missing = Vec::new();
        let mut values = BTreeMap::new();
        for name in names {
            match std::env::var(name) {
                Ok(value) if !value.is_empty() => drop(values.insert(*name, value)),
                _ => missing.push(*name),
            }
        }
        if missing.is_empty() {
            Ok(Self(values))
        } else {
            Err(StartError::Missing(missing))
        }
    }

    /// The value of a variable that [`Settings::read`] was asked for; empty for any other.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = Settings::read(&["PATH", "TREUE_ABSENT_1", "TREUE_ABSENT_2"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("TREUE_ABSENT_1, TREUE_ABSENT_2"), "{error}");
    }
}
