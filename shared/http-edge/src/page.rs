//! Opaque paging tokens: where a listing goes on.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::problem::{Code, Problem};

/// Longest token that is looked at, in characters.
const TOKEN_MAX: usize = 4_096;
/// Longest sort key that a token may carry: below the table's limit of 1024 bytes, and far above any key of ours.
const SORT_KEY_MAX: usize = 1_000;

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    k: T,
}

/// The token for a position. A position names no other partition than the one the path asks for, so a made-up token only
/// moves within what the caller may read anyway.
pub fn token<T: Serialize>(position: &T) -> String {
    let json = serde_json::to_vec(&Versioned { v: 1, k: position }).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(json)
}

/// The problem of a token that [`token`] did not make.
pub fn foreign(name: &str) -> Problem {
    Problem::new(Code::MalformedParameter, format!("{name}: not a token of this listing"))
}

/// A sort key out of a position. The table refuses a start that no key of it could have; such a token is not one of ours.
///
/// # Errors
/// [`Code::MalformedParameter`].
pub fn sort_key(name: &str, key: String) -> Result<String, Problem> {
    if (1..=SORT_KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(key)
    } else {
        Err(foreign(name))
    }
}

/// The position of a token.
///
/// # Errors
/// [`Code::MalformedParameter`] for anything that [`token`] did not make.
pub fn position<T: DeserializeOwned>(name: &str, token: &str) -> Result<T, Problem> {
    if token.len() > TOKEN_MAX {
        return Err(foreign(name));
    }
    let json = URL_SAFE_NO_PAD.decode(token).map_err(|_| foreign(name))?;
    let versioned: Versioned<T> = serde_json::from_slice(&json).map_err(|_| foreign(name))?;
    if versioned.v == 1 {
        Ok(versioned.k)
    } else {
        Err(foreign(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sort_key_that_no_item_has_is_refused() {
        let longest = "x".repeat(SORT_KEY_MAX);
        assert_eq!(sort_key("next", longest.clone()).unwrap(), longest);
        for bad in ["", "a b", "\u{1}", "ü", &format!("{longest}x")] {
            let refused = sort_key("next", bad.to_owned()).unwrap_err();
            assert_eq!(refused.code, Code::MalformedParameter, "{bad}");
        }
    }

    #[test]
    fn a_token_leads_back_to_its_position_and_anything_else_is_refused() {
        let made = token(&"LEDGER#1".to_owned());
        assert_eq!(position::<String>("next", &made).unwrap(), "LEDGER#1");
        for bad in ["", "!", "e30", "eyJ2IjoyLCJrIjoiYSJ9"] {
            assert_eq!(
                position::<String>("next", bad).unwrap_err().code,
                Code::MalformedParameter
            );
        }
    }
}
