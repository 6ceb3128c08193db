//! `NodeSecret`: what nodes know each other by.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A shorter one could be guessed.
pub const NODE_SECRET_BYTES_MIN: usize = 16;
const BYTES_MAX: usize = 256;

/// All nodes over a store have the same one. Never shown.
#[derive(Debug, Clone)]
pub struct NodeSecret(SecretString);

/// A text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret of nodes has {NODE_SECRET_BYTES_MIN} to {BYTES_MAX} visible ASCII characters")]
pub struct NodeSecretError;

impl NodeSecret {
    pub fn parse(text: &str) -> Result<Self, NodeSecretError> {
        let fits = (NODE_SECRET_BYTES_MIN..=BYTES_MAX).contains(&text.len());
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits && visible { Ok(Self(SecretString::from(text))) } else { Err(NodeSecretError) }
    }

    /// Whether a request was sent by somebody who knows it. Takes as long for a wrong one as for the right one.
    pub fn is_shown_by(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return false };
        let digest = |bytes: &[u8]| Sha256::digest(bytes);
        digest(value.as_bytes()).ct_eq(&digest(self.credential().as_bytes())).into()
    }

    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.credential()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn credential(&self) -> String {
        format!("Bearer {}", self.0.expose_secret())
    }
}
