//! `TenantId`: whose data it is. Every key, row and query begins with it.

use std::fmt;
use std::sync::Arc;

/// Longest accepted tenant id, in bytes. It stands in front of every key of the store, so it stays short.
pub const TENANT_ID_BYTES_MAX: usize = 64;

/// Identifies a tenant: 1 to 64 characters out of `a-z`, `0-9`, `_` and `-`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

/// Why a text is not a tenant id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TenantIdError {
    #[error("a tenant id has 1 to {TENANT_ID_BYTES_MAX} characters")]
    Length,
    #[error("a tenant id consists of a-z, 0-9, '_' and '-'")]
    Character,
}

impl TenantId {
    /// The tenant of a server on which no keys are configured.
    pub fn unnamed() -> Self {
        Self(Arc::from("default"))
    }

    pub fn parse(text: &str) -> Result<Self, TenantIdError> {
        if text.is_empty() || text.len() > TENANT_ID_BYTES_MAX {
            return Err(TenantIdError::Length);
        }
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        if !text.bytes().all(allowed) {
            return Err(TenantIdError::Character);
        }
        Ok(Self(Arc::from(text)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_lower_case_digits_and_dashes() {
        assert_eq!(TenantId::parse("team-7_a").unwrap().as_str(), "team-7_a");
        assert_eq!(TenantId::unnamed(), TenantId::parse("default").unwrap());
    }

    #[test]
    fn refuses_empty_long_and_foreign_characters() {
        assert_eq!(TenantId::parse(""), Err(TenantIdError::Length));
        assert_eq!(TenantId::parse(&"a".repeat(65)), Err(TenantIdError::Length));
        for bad in ["A", "a b", "a'b", "ü", "a/b"] {
            assert_eq!(TenantId::parse(bad), Err(TenantIdError::Character), "{bad}");
        }
    }
}
