//! `Turns`: who may query the store now. So many queries at once in all, so many of one tenant, in the order in which they came.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::shared::TenantId;

/// Hands out turns. At most its own share of a tenant's queries stand in the common queue, so whoever comes after a flood of
/// another tenant's waits for few of them.
#[derive(Debug)]
pub struct Turns {
    all: Arc<Semaphore>,
    tenant_max: usize,
    /// Of the tenants that query or wait now.
    tenants: Mutex<HashMap<TenantId, Weak<Semaphore>>>,
}

/// The right to query; given back when it is dropped.
#[derive(Debug)]
pub struct Turn {
    _all: OwnedSemaphorePermit,
    /// Keeps the tenant's share alive, too.
    _own: OwnedSemaphorePermit,
}

impl Turns {
    /// Of `max` turns in all a tenant has at most `tenant_max`.
    pub fn new(max: usize, tenant_max: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(max)), tenant_max, tenants: Mutex::default() }
    }

    /// Absent if none came free in time.
    pub async fn take(&self, tenant: &TenantId, wait_max: Duration) -> Option<Turn> {
        let both = async {
            let own = self.share(tenant).acquire_owned().await.ok()?;
            let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Turn { _all: all, _own: own })
        };
        tokio::time::timeout(wait_max, both).await.ok().flatten()
    }

    fn share(&self, tenant: &TenantId) -> Arc<Semaphore> {
        let mut tenants = self.tenants.lock();
        if let Some(share) = tenants.get(tenant).and_then(Weak::upgrade) {
            return share;
        }
        tenants.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.tenant_max));
        tenants.insert(tenant.clone(), Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_AT_ALL: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(60);

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    #[tokio::test]
    async fn a_tenant_that_floods_keeps_no_other_one_out() {
        let turns = Turns::new(3, 2);
        let (flood, other) = (tenant("flood"), tenant("other"));
        let first = turns.take(&flood, NOT_AT_ALL).await.unwrap();
        let _second = turns.take(&flood, NOT_AT_ALL).await.unwrap();
        assert!(turns.take(&flood, NOT_AT_ALL).await.is_none());
        let _others = turns.take(&other, NOT_AT_ALL).await.unwrap();
        assert!(turns.take(&other, NOT_AT_ALL).await.is_none(), "there are three in all");
        drop(first);
        assert!(turns.take(&flood, NOT_AT_ALL).await.is_some());
    }

    #[tokio::test]
    async fn whoever_waits_gets_the_turn_that_is_given_back() {
        let turns = Turns::new(1, 1);
        let [one, next, other] = ["one", "next", "other"].map(tenant);
        let turn = turns.take(&one, LONG).await.unwrap();
        let (next, ()) = tokio::join!(turns.take(&next, LONG), async {
            assert!(turns.take(&other, NOT_AT_ALL).await.is_none());
            drop(turn);
        });
        assert!(next.is_some());
        assert!(turns.take(&one, NOT_AT_ALL).await.is_none(), "and nobody else");
    }

    #[tokio::test]
    async fn tenants_that_do_not_query_are_forgotten() {
        let turns = Turns::new(8, 8);
        for number in 0..100 {
            drop(turns.take(&tenant(&format!("t{number}")), NOT_AT_ALL).await);
        }
        assert_eq!(turns.tenants.lock().len(), 1);
    }
}
