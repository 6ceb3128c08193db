//! `Role`: what a key is for, and which actions that allows.

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Bring telemetry in.
    Send,
    /// Query what the tenant has sent, and what was rejected of it.
    Read,
    /// Change what the server does for the tenant: raise alerts, silence some.
    Write,
    /// See how the server does: counters of all tenants.
    Operate,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// For SDKs and Collectors: may send, and read nothing.
    Ingest,
    /// For dashboards and people: may read, and send nothing.
    Read,
    /// May do both, change things, and operate the server.
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Ingest, Self::Read, Self::Admin];

    /// The name in the configuration and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }

    /// Absent if no role has this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    pub const fn allows(self, action: Action) -> bool {
        match self {
            Self::Ingest => matches!(action, Action::Send),
            Self::Read => matches!(action, Action::Read),
            Self::Admin => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_allows_what_it_is_for_and_nothing_else() {
        let allowed =
            |role: Role| [Action::Send, Action::Read, Action::Write, Action::Operate].map(|a| role.allows(a));
        assert_eq!(allowed(Role::Ingest), [true, false, false, false]);
        assert_eq!(allowed(Role::Read), [false, true, false, false]);
        assert_eq!(allowed(Role::Admin), [true, true, true, true]);
    }

    #[test]
    fn a_role_is_found_by_its_exact_name() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(role));
        }
        for other in ["", "Admin", "root", "read "] {
            assert_eq!(Role::parse(other), None, "{other}");
        }
    }
}
