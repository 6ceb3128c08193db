//! `ApiKey`: what the server knows of a key. The secret itself is not part of that.

use std::fmt;
use std::sync::Arc;

use crate::shared::{TenantId, Timestamp};

use super::Role;

/// Longest id of a key, in bytes.
const KEY_ID_BYTES_MAX: usize = 64;

/// Names a key: 1 to 64 characters out of `a-z`, `0-9`, `_` and `-`. Not a secret. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Arc<str>);

/// The text is no id of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's id has 1 to {KEY_ID_BYTES_MAX} characters out of a-z, 0-9, _ and -")]
pub struct KeyIdError;

impl KeyId {
    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        let sane = (1..=KEY_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed);
        if sane { Ok(Self(Arc::from(text))) } else { Err(KeyIdError) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lets a map be asked with a borrowed text.
impl std::borrow::Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

/// SHA-256 of a secret. Compared in constant time, and therefore without `PartialEq`.
///
/// A fast hash is right here: secrets are random texts of at least 128 bits, which no speed makes guessable. (Slow
/// hashes are for passwords, and would let whoever sends wrong keys busy the server.)
#[derive(Clone, Copy)]
pub struct SecretHash([u8; Self::BYTES]);

impl SecretHash {
    pub const BYTES: usize = 32;

    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

/// As the configuration has it: `sha256:` and 64 hexadecimal digits.
impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// A key as it is kept.
#[derive(Debug, Clone)]
pub struct ApiKey {
    pub id: KeyId,
    pub hash: SecretHash,
    /// Whose data its bearers send and read.
    pub tenant: TenantId,
    pub role: Role,
    /// From then on the key is wrong; `None`: never.
    pub expires: Option<Timestamp>,
}

impl ApiKey {
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_short_and_plain() {
        assert_eq!(KeyId::parse("shop-7_a").map(|id| id.as_str().to_owned()), Ok("shop-7_a".to_owned()));
        for wrong in ["", "A", "a.b", "a b", "ü", "a\n", &"a".repeat(65)] {
            assert_eq!(KeyId::parse(wrong), Err(KeyIdError), "{wrong:?}");
        }
        assert!(KeyId::parse(&"a".repeat(64)).is_ok());
    }

    #[test]
    fn a_hash_is_written_as_configured_and_not_in_debug_output() {
        let hash = SecretHash::new([0xab; 32]);
        assert_eq!(hash.to_string(), format!("sha256:{}", "ab".repeat(32)));
        assert_eq!(format!("{hash:?}"), "SecretHash(..)");
    }

    #[test]
    fn a_key_expires_at_its_moment_and_not_before() {
        let at = Timestamp::from_nanos(100);
        let key = ApiKey {
            id: KeyId::parse("k").unwrap(),
            hash: SecretHash::new([0; 32]),
            tenant: TenantId::unnamed(),
            role: Role::Read,
            expires: Some(at),
        };
        assert!(!key.is_expired(Timestamp::from_nanos(99)));
        assert!(key.is_expired(at) && key.is_expired(Timestamp::from_nanos(101)));
        assert!(!ApiKey { expires: None, ..key }.is_expired(Timestamp::LATEST));
    }
}
