//! `Access`: decides who a request comes from. The credential decides, and nothing else that the request says.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use subtle::ConstantTimeEq;

use super::AccessCounters;
use super::credential::{Credential, hash_secret};
use super::failures::Failures;
use crate::shared::{Clock, Timestamp};
use crate::tenancy::domain::{Action, ApiKey, Caller, KeyId, NotAllowed, SecretHash};

/// Why a request is not known to come from anybody. Does not say which part of a key was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    #[error("an API key is needed: Authorization: Bearer id.secret")]
    Missing,
    #[error("the Authorization header is not of the form: Bearer id.secret")]
    Malformed,
    /// Unknown, not its secret, or expired.
    #[error("the API key is wrong or has expired")]
    Wrong,
    /// There were too many wrong secrets for this key from this address, and this is another one.
    #[error("too many wrong API keys; try again later")]
    TooManyFailures { retry_after: Duration },
}

impl Denial {
    /// Stable name, for counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "key_missing",
            Self::Malformed => "key_malformed",
            Self::Wrong => "key_wrong",
            Self::TooManyFailures { .. } => "too_many_failures",
        }
    }
}

/// Why a request is not let in. [`Denial`]s are 401 (UNAUTHENTICATED), but for `TooManyFailures`, which is 429
/// (RESOURCE_EXHAUSTED); `NotAllowed` is 403 (PERMISSION_DENIED).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    #[error(transparent)]
    Denied(#[from] Denial),
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
}

impl AccessError {
    /// Stable name, for counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Denied(denial) => denial.name(),
            Self::NotAllowed(_) => "not_allowed",
        }
    }
}

/// Who may come in. Cheap to clone; clones share what is replaced.
#[derive(Debug, Clone)]
pub struct Access(Arc<RwLock<Policy>>);

#[derive(Debug)]
enum Policy {
    Open,
    Keys(Keyring),
}

impl Access {
    /// Without keys: everybody is the tenant `default` and may do everything. Credentials are not looked at.
    pub fn open() -> Self {
        Self(Arc::new(RwLock::new(Policy::Open)))
    }

    /// Only bearers of these keys. With none at all nobody comes in.
    pub fn with_keys(
        keys: impl IntoIterator<Item = ApiKey>,
        clock: Arc<dyn Clock>,
        counters: AccessCounters,
    ) -> Self {
        let keys = by_id(keys);
        Self(Arc::new(RwLock::new(Policy::Keys(Keyring {
            keys,
            failures: Failures::default(),
            clock,
            counters,
        }))))
    }

    /// From now on these keys are right, and no others. Failures are remembered. Where no key was needed, it stays so.
    pub fn replace_keys(&self, keys: impl IntoIterator<Item = ApiKey>) {
        if let Policy::Keys(keyring) = &mut *self.0.write() {
            keyring.keys = by_id(keys);
        }
    }

    /// Who presents this `Authorization` header. `peer` is the address it came from, where it is known.
    pub fn authenticate(&self, peer: Option<IpAddr>, authorization: Option<&[u8]>) -> Result<Caller, Denial> {
        match &*self.0.read() {
            Policy::Open => Ok(Caller::anybody()),
            Policy::Keys(keyring) => keyring.authenticate(peer, authorization),
        }
    }

    /// [`Self::authenticate`], and whether the caller may do what it asks for. Refusals are counted.
    pub fn permit(
        &self,
        peer: Option<IpAddr>,
        authorization: Option<&[u8]>,
        action: Action,
    ) -> Result<Caller, AccessError> {
        let permitted = self.authenticate(peer, authorization).map_err(AccessError::from);
        let permitted = permitted.and_then(|caller| Ok(caller.may(action).map(|()| caller)?));
        if let (Err(error), Policy::Keys(keyring)) = (&permitted, &*self.0.read()) {
            keyring.counters.refused(error.name());
        }
        permitted
    }
}

fn by_id(keys: impl IntoIterator<Item = ApiKey>) -> HashMap<KeyId, ApiKey> {
    keys.into_iter().map(|key| (key.id.clone(), key)).collect()
}

struct Keyring {
    keys: HashMap<KeyId, ApiKey>,
    failures: Failures,
    clock: Arc<dyn Clock>,
    counters: AccessCounters,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// Compared with where the id is unknown, so that this takes as long. That it might match changes nothing.
const NOBODYS_HASH: SecretHash = SecretHash::new([0; SecretHash::BYTES]);

impl Keyring {
    fn authenticate(&self, peer: Option<IpAddr>, authorization: Option<&[u8]>) -> Result<Caller, Denial> {
        let header = authorization.ok_or(Denial::Missing)?;
        let credential = Credential::parse(header).ok_or(Denial::Malformed)?;
        let now = self.clock.now();
        // The right secret always passes, or anybody who shares an address with a sender (behind a proxy, say) could lock it out.
        if let Some(caller) = self.check(credential, now) {
            return Ok(caller);
        }
        let Some(peer) = peer else { return Err(Denial::Wrong) };
        if let Some(retry_after) = self.failures.wait(peer, credential.id, now) {
            return Err(Denial::TooManyFailures { retry_after });
        }
        self.failures.add(peer, credential.id, now);
        Err(Denial::Wrong)
    }

    fn check(&self, credential: Credential<'_>, now: Timestamp) -> Option<Caller> {
        let key = self.keys.get(credential.id);
        let expected = key.map_or(NOBODYS_HASH, |key| key.hash);
        let is_its_secret: bool = hash_secret(credential.secret).as_bytes().ct_eq(expected.as_bytes()).into();
        let key = key.filter(|key| is_its_secret && !key.is_expired(now))?;
        Some(Caller { tenant: key.tenant.clone(), role: key.role, key: Some(key.id.clone()) })
    }
}

#[cfg(test)]
mod tests;
