//! `Credential`: the value of an `Authorization` header taken apart (RFC 6750, section 2.1).

use sha2::{Digest, Sha256};

use crate::tenancy::domain::{KeyId, SecretHash};

/// Longer headers are refused unread. A key of ours has at most 64 + 1 + 43 bytes.
const HEADER_BYTES_MAX: usize = 512;

const SCHEME: &[u8] = b"bearer";

/// A key as it was presented: `id.secret`. Neither part is checked against anything yet.
#[derive(Clone, Copy)]
pub(super) struct Credential<'a> {
    /// Fit for a [`KeyId`].
    pub(super) id: &'a str,
    pub(super) secret: &'a str,
}

impl<'a> Credential<'a> {
    /// Absent if the header is too long, of another scheme, or holds no key.
    pub(super) fn parse(header: &'a [u8]) -> Option<Self> {
        if header.len() > HEADER_BYTES_MAX {
            return None;
        }
        let (scheme, rest) = header.split_at_checked(SCHEME.len())?;
        let token = rest.trim_ascii_start();
        if !scheme.eq_ignore_ascii_case(SCHEME) || token.len() == rest.len() {
            return None;
        }
        let (id, secret) = std::str::from_utf8(token.trim_ascii_end()).ok()?.split_once('.')?;
        let sane = KeyId::parse(id).is_ok() && !secret.is_empty() && secret.bytes().all(is_token_byte);
        sane.then_some(Self { id, secret })
    }
}

/// What a bearer token may consist of: `b64token` of RFC 6750, section 2.1.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)
}

/// What is kept of a secret.
pub fn hash_secret(secret: &str) -> SecretHash {
    SecretHash::new(Sha256::digest(secret.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(header: &[u8]) -> Option<(&str, &str)> {
        Credential::parse(header).map(|credential| (credential.id, credential.secret))
    }

    #[test]
    fn a_bearer_token_is_an_id_and_a_secret_and_its_scheme_has_any_case() {
        for header in ["Bearer shop.s3cret", "bearer shop.s3cret", "BEARER   shop.s3cret "] {
            assert_eq!(parts(header.as_bytes()), Some(("shop", "s3cret")), "{header}");
        }
        assert_eq!(parts(b"Bearer a.b.c=="), Some(("a", "b.c==")));
    }

    #[test]
    fn everything_else_is_no_credential() {
        let long = format!("Bearer a.{}", "b".repeat(HEADER_BYTES_MAX));
        let cases: [&[u8]; 16] = [
            b"",
            b"Bearer",
            b"Bearer ",
            b"Bearershop.s3cret",
            b"Basic c2hvcDpzM2NyZXQ=",
            b"Digest shop.s3cret",
            b"shop.s3cret",
            b"Bearer shop",
            b"Bearer shop.",
            b"Bearer .s3cret",
            b"Bearer SHOP.s3cret",
            b"Bearer shop.s3 cret",
            b"Bearer shop.s3cret,x",
            b"Bearer shop.\xff",
            b"Bearer sh\0op.s3cret",
            long.as_bytes(),
        ];
        for header in cases {
            assert_eq!(parts(header), None, "{:?}", String::from_utf8_lossy(header));
        }
    }

    /// FIPS 180-4's example for one block.
    #[test]
    fn the_hash_is_sha256() {
        let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash_secret("abc").to_string(), expected);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(header in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = parts(&header);
        }

        #[test]
        fn what_was_put_together_comes_apart(id in "[a-z0-9_-]{1,64}", secret in "[A-Za-z0-9_-]{1,43}") {
            let header = format!("Bearer {id}.{secret}");
            prop_assert_eq!(parts(header.as_bytes()), Some((id.as_str(), secret.as_str())));
        }
    }
}
