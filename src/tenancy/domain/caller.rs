//! `Caller`: whom a request comes from, once its credential has been checked.

use crate::shared::TenantId;

use super::{Action, KeyId, Role};

/// The key's role does not allow what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key of the role {} may not {}", role.name(), verb(*action))]
pub struct NotAllowed {
    pub role: Role,
    pub action: Action,
}

const fn verb(action: Action) -> &'static str {
    match action {
        Action::Send => "send",
        Action::Read => "read",
        Action::Write => "change anything",
        Action::Operate => "operate the server",
    }
}

/// An authenticated caller. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whose data it sends and reads.
    pub tenant: TenantId,
    pub role: Role,
    /// The key it came with; `None` on a server without keys.
    pub key: Option<KeyId>,
}

impl Caller {
    /// Anybody, on a server without keys: the tenant `default`, and everything is allowed.
    pub fn anybody() -> Self {
        Self { tenant: TenantId::unnamed(), role: Role::Admin, key: None }
    }

    pub const fn may(&self, action: Action) -> Result<(), NotAllowed> {
        match self.role.allows(action) {
            true => Ok(()),
            false => Err(NotAllowed { role: self.role, action }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_role_does_not_allow_is_named() {
        let sender = Caller { role: Role::Ingest, ..Caller::anybody() };
        assert_eq!(sender.may(Action::Send), Ok(()));
        let refused = sender.may(Action::Read).unwrap_err();
        assert_eq!(refused.to_string(), "a key of the role ingest may not read");
    }
}
