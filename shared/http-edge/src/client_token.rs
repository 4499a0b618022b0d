//! Names that callers make up for their calls, so that a call sent again is told from another one.

/// Longest name.
const LENGTH_MAX: usize = 64;

/// What a token must be, for people.
pub const RULE: &str = "a token must be 1 to 64 characters from A-Z, a-z, 0-9, ., - and _";

/// Whether the text can name a call.
pub fn is_valid(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed)
}
