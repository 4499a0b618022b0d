//! Generated values by the rules of CloudFormation's `GenerateSecretString`.

use crate::aws::AwsError;
use serde_json::Value;

/// The kinds of characters that a generated value draws from.
const KINDS: [&str; 4] = [
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
];
const SPACE: &str = " ";

/// The longest value AWS generates.
const MAX_LENGTH: usize = 4_096;

/// Draws until one has a character of each kind. The least likely rule, four characters of four kinds, needs 17 draws on
/// average; not to succeed in this many is as good as impossible.
const MAX_DRAWS: usize = 10_000;

/// How to generate a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRules {
    /// Characters of the value (`PasswordLength`), 1 to 4096.
    pub length: usize,
    /// Characters that must not occur: `ExcludeCharacters`, and the whole kind for `ExcludePunctuation` and the like.
    pub excluded: String,
    /// Whether a space may occur (`IncludeSpace`).
    pub include_space: bool,
    /// Whether at least one character of each kind that is not excluded must occur (`RequireEachIncludedType`).
    pub require_each_kind: bool,
    /// A JSON object and the key under which the value is added to it (`SecretStringTemplate`, `GenerateStringKey`).
    pub within: Option<(Value, String)>,
}

impl Default for SecretRules {
    fn default() -> Self {
        Self {
            length: 32,
            excluded: String::new(),
            include_space: false,
            require_each_kind: true,
            within: None,
        }
    }
}

/// Generates a value with the operating system's random numbers.
pub(super) fn generate(rules: &SecretRules) -> Result<String, AwsError> {
    let refuse = |reason: String| AwsError::Invalid {
        what: "rules of a generated secret".to_owned(),
        reason,
    };
    if !(1..=MAX_LENGTH).contains(&rules.length) {
        return Err(refuse(format!("the length must be between 1 and {MAX_LENGTH}")));
    }
    let kinds = KINDS.into_iter().chain(rules.include_space.then_some(SPACE));
    let kinds: Vec<Vec<char>> = kinds
        .map(|kind| kind.chars().filter(|c| !rules.excluded.contains(*c)).collect())
        .filter(|kind: &Vec<char>| !kind.is_empty())
        .collect();
    let alphabet: Vec<char> = kinds.iter().flatten().copied().collect();
    if alphabet.is_empty() {
        return Err(refuse("every character is excluded".to_owned()));
    }
    if rules.require_each_kind && rules.length < kinds.len() {
        return Err(refuse(format!(
            "{} characters cannot hold one of each of {} kinds",
            rules.length,
            kinds.len()
        )));
    }
    for _ in 0..MAX_DRAWS {
        let value = draw(&alphabet, rules.length)?;
        if !rules.require_each_kind || kinds.iter().all(|kind| value.contains(kind.as_slice())) {
            return within(rules, value);
        }
    }
    Err(AwsError::Random(format!(
        "no value with a character of each kind in {MAX_DRAWS} draws"
    )))
}

fn within(rules: &SecretRules, value: String) -> Result<String, AwsError> {
    let Some((template, key)) = &rules.within else {
        return Ok(value);
    };
    let mut object = template.as_object().cloned().ok_or_else(|| AwsError::Invalid {
        what: "SecretStringTemplate".to_owned(),
        reason: "it must be a JSON object".to_owned(),
    })?;
    object.insert(key.clone(), Value::String(value));
    Ok(Value::Object(object).to_string())
}

fn draw(alphabet: &[char], length: usize) -> Result<String, AwsError> {
    let size = u32::try_from(alphabet.len()).unwrap_or(u32::MAX);
    // Numbers from the incomplete last round are drawn again, so that every character is equally likely.
    let limit = u32::MAX - u32::MAX % size;
    let mut value = String::with_capacity(length);
    let mut drawn = 0;
    while drawn < length {
        let number = getrandom::u32().map_err(|error| AwsError::Random(error.to_string()))?;
        if number < limit {
            value.push(alphabet[(number % size) as usize]);
            drawn += 1;
        }
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_length_one_of_each_kind_and_nothing_excluded() {
        let rules = SecretRules {
            length: 64,
            excluded: KINDS[3].to_owned(),
            ..SecretRules::default()
        };
        let value = generate(&rules).unwrap();
        assert_eq!(value.len(), 64);
        assert!(value.chars().all(|c| c.is_ascii_alphanumeric()));
        assert!(value.contains(|c: char| c.is_ascii_digit()) && value.contains(|c: char| c.is_ascii_uppercase()));
        assert_ne!(value, generate(&rules).unwrap());

        let shortest = SecretRules {
            length: 4,
            ..SecretRules::default()
        };
        let value = generate(&shortest).unwrap();
        assert!(KINDS.iter().all(|kind| value.contains(|c| kind.contains(c))));
    }

    #[test]
    fn a_value_is_added_to_its_template() {
        let template = serde_json::json!({ "current": "1" });
        let rules = SecretRules {
            within: Some((template, "1".to_owned())),
            ..SecretRules::default()
        };
        let value: Value = serde_json::from_str(&generate(&rules).unwrap()).unwrap();
        assert_eq!(value["current"], "1");
        assert_eq!(value["1"].as_str().unwrap().len(), 32);
    }

    #[test]
    fn impossible_rules_are_refused() {
        let refused = [
            SecretRules {
                length: 0,
                ..SecretRules::default()
            },
            SecretRules {
                length: 4_097,
                ..SecretRules::default()
            },
            SecretRules {
                length: 3,
                ..SecretRules::default()
            },
            SecretRules {
                excluded: KINDS.concat(),
                ..SecretRules::default()
            },
        ];
        for rules in refused {
            assert!(matches!(generate(&rules), Err(AwsError::Invalid { .. })), "{rules:?}");
        }
        let digits_only = SecretRules {
            length: 1,
            excluded: [KINDS[0], KINDS[1], KINDS[3]].concat(),
            ..SecretRules::default()
        };
        assert!(generate(&digits_only).unwrap().parse::<u8>().is_ok());
    }
}
