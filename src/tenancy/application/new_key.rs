//! `NewKey`: a key as it is handed out, once. What the server keeps of it is its hash.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::credential::hash_secret;
use crate::tenancy::domain::{KeyId, SecretHash};

/// A key with its secret.
pub struct NewKey {
    id: KeyId,
    secret: String,
}

impl NewKey {
    /// Random bytes in a secret: 256 bits.
    pub const RANDOM_BYTES: usize = 32;

    /// `random` has to come from the operating system. The secret is its base64url text, 43 characters.
    pub fn new(id: KeyId, random: &[u8; Self::RANDOM_BYTES]) -> Self {
        Self { id, secret: URL_SAFE_NO_PAD.encode(random) }
    }

    /// What the bearer sends after `Bearer`: `id.secret`.
    pub fn token(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    pub fn hash(&self) -> SecretHash {
        hash_secret(&self.secret)
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::credential::Credential;
    use super::*;

    #[test]
    fn the_token_is_a_credential_whose_secret_has_the_hash() {
        let key = NewKey::new(KeyId::parse("shop").unwrap(), &[0xfb; 32]);
        let header = format!("Bearer {}", key.token());
        let credential = Credential::parse(header.as_bytes()).unwrap();
        assert_eq!((credential.id, credential.secret.len()), ("shop", 43));
        assert_eq!(hash_secret(credential.secret).as_bytes(), key.hash().as_bytes());
        assert!(!format!("{key:?}").contains(credential.secret));
    }
}
