//! Signatures: Ed25519 (RFC 8037) in compact JWS (RFC 7515), with the content or detached from it.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_edge::api::keys::{PublicKey, PublicKeys};
use serde_json::{Value, json};

use crate::secrets::CodeKeys;

/// Statements about persons and proofs of erasure.
pub const STATEMENTS: &str = "treue-statement-key/1";
/// Allowances of branches without a line.
pub const ALLOWANCES: &str = "treue-allowance-key/1";
/// Longest signed text that is looked at, in characters.
const SIGNED_MAX: usize = 4_096;

/// The keys cannot serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key to sign with cannot be made of its secret")]
pub struct BadKey;

/// Signs with the key of the current version, and knows the public keys of all.
pub struct Signer {
    current: u32,
    pair: Ed25519KeyPair,
    keys: PublicKeys,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer(key {})", self.current)
    }
}

/// The key pair of a secret: its seed is an HMAC under the secret, so that any long secret text will do, and what is signed for
/// one purpose never passes for another.
fn pair(secret: &[u8], purpose: &str) -> Result<Ed25519KeyPair, BadKey> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let seed = hmac::sign(&key, purpose.as_bytes());
    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).map_err(|_| BadKey)
}

impl Signer {
    /// The signer with these keys, by version, for [`STATEMENTS`] or [`ALLOWANCES`].
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn new(secrets: &CodeKeys, purpose: &str) -> Result<Self, BadKey> {
        let current = secrets.current;
        let mut keys = Vec::new();
        for version in secrets.versions() {
            let public = pair(secrets.key(version).ok_or(BadKey)?, purpose)?;
            keys.push(PublicKey {
                kty: "OKP".to_owned(),
                crv: "Ed25519".to_owned(),
                x: URL_SAFE_NO_PAD.encode(public.public_key().as_ref()),
                kid: version.to_string(),
                alg: "EdDSA".to_owned(),
                key_use: "sig".to_owned(),
            });
        }
        Ok(Self {
            current,
            pair: pair(secrets.key(current).ok_or(BadKey)?, purpose)?,
            keys: PublicKeys { keys },
        })
    }

    /// The public keys.
    pub const fn keys(&self) -> &PublicKeys {
        &self.keys
    }

    /// Header, content and signature of a JWS, each in base64url.
    fn parts(&self, content: &[u8]) -> [String; 3] {
        let header = json!({"alg": "EdDSA", "kid": self.current.to_string()}).to_string();
        let (header, content) = (URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(content));
        let signature = self.pair.sign(format!("{header}.{content}").as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
        [header, content, signature]
    }

    /// A compact JWS with its content.
    pub fn signed(&self, content: &[u8]) -> String {
        self.parts(content).join(".")
    }

    /// A compact JWS without its content (RFC 7515, appendix F).
    pub fn detached(&self, content: &[u8]) -> String {
        let [header, _, signature] = self.parts(content);
        format!("{header}..{signature}")
    }

    /// The content of a compact JWS that was signed with one of the keys; `None` for any other text.
    pub fn verified(&self, jws: &str) -> Option<Vec<u8>> {
        if jws.len() > SIGNED_MAX {
            return None;
        }
        let (input, signature) = jws.rsplit_once('.')?;
        let (header, content) = input.split_once('.')?;
        let said: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        if said["alg"] != "EdDSA" {
            return None;
        }
        let key = self.keys.keys.iter().find(|key| said["kid"] == key.kid)?;
        let public = UnparsedPublicKey::new(&ED25519, URL_SAFE_NO_PAD.decode(&key.x).ok()?);
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        public.verify(input.as_bytes(), &signature).ok()?;
        URL_SAFE_NO_PAD.decode(content).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(current: &str) -> CodeKeys {
        let (old, new) = ("o".repeat(64), "n".repeat(64));
        CodeKeys::parse(&json!({"current": current, "1": old, "2": new}).to_string()).unwrap()
    }

    fn verifies(signer: &Signer, jws: &str, content: &[u8]) -> bool {
        let [header, _, signature] = jws.split('.').collect::<Vec<_>>().try_into().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        let keys = &signer.keys().keys;
        let key = keys
            .iter()
            .find(|key| said["kid"] == key.kid)
            .expect("the key of the header");
        let public = UnparsedPublicKey::new(&ED25519, URL_SAFE_NO_PAD.decode(&key.x).unwrap());
        let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(content));
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        public.verify(input.as_bytes(), &signature).is_ok()
    }

    #[test]
    fn x16_a_signature_covers_the_exact_bytes_and_outlives_a_rotation() {
        let old = Signer::new(&secrets("1"), STATEMENTS).unwrap();
        let jws = old.detached(b"{\"a\":1}");
        let rotated = Signer::new(&secrets("2"), STATEMENTS).unwrap();
        assert!(verifies(&rotated, &jws, b"{\"a\":1}"));
        assert!(!verifies(&rotated, &jws, b"{\"a\": 1}"));
        assert_ne!(rotated.detached(b"{\"a\":1}"), jws);
        let attached = rotated.signed(b"proof");
        assert!(verifies(&rotated, &attached, b"proof"));
        assert!(!format!("{old:?}").contains("oo"), "Debug shows no key");
    }

    #[test]
    fn x3_only_what_was_signed_for_the_purpose_comes_back_and_no_changed_text() {
        let signer = Signer::new(&secrets("2"), ALLOWANCES).unwrap();
        let old = Signer::new(&secrets("1"), ALLOWANCES).unwrap().signed(b"{\"limit\":1}");
        assert_eq!(signer.verified(&old).as_deref(), Some(b"{\"limit\":1}".as_slice()));
        let statement = Signer::new(&secrets("2"), STATEMENTS).unwrap().signed(b"{\"limit\":1}");
        let [header, _, signature] = old.split('.').collect::<Vec<_>>().try_into().unwrap();
        let more = URL_SAFE_NO_PAD.encode(b"{\"limit\":9}");
        let none = URL_SAFE_NO_PAD.encode(br#"{"alg":"none","kid":"1"}"#);
        let withdrawn = URL_SAFE_NO_PAD.encode(br#"{"alg":"EdDSA","kid":"7"}"#);
        for bad in [
            String::new(),
            "..".to_owned(),
            statement,
            format!("{header}.{more}.{signature}"),
            format!("{none}.{more}."),
            format!("{withdrawn}.{more}.{signature}"),
            format!("{old}A"),
            format!("{old}{}", "A".repeat(SIGNED_MAX)),
        ] {
            assert_eq!(signer.verified(&bad), None, "{bad}");
        }
    }

    /// The first vector of RFC 8032, section 7.1: the curve and the encoding are the ones that everybody has.
    #[test]
    fn x16_keys_are_those_of_the_rfc() {
        let seed: Vec<u8> = (0..32)
            .map(|i| {
                let text = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
                u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()
            })
            .collect();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        );
    }
}
