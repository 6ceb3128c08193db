//! Whom `Access` lets in, and how it refuses everybody else.

use std::sync::atomic::{AtomicI64, Ordering};

use super::super::failures::{FAILURES_MAX, WINDOW};
use super::*;
use crate::shared::TenantId;
use crate::tenancy::domain::Role;

const START: i64 = 1_795_000_000_000_000_000;
const PEER: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl SetClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_nanos()).unwrap(), Ordering::Relaxed);
    }
}

fn key(id: &str, secret: &str, tenant: &str, role: Role) -> ApiKey {
    ApiKey {
        id: KeyId::parse(id).unwrap(),
        hash: hash_secret(secret),
        tenant: TenantId::parse(tenant).unwrap(),
        role,
        expires: None,
    }
}

struct Door {
    access: Access,
    clock: Arc<SetClock>,
    counters: AccessCounters,
}

fn door() -> Door {
    let clock = Arc::new(SetClock(AtomicI64::new(START)));
    let counters = AccessCounters::default();
    let passing = Some(Timestamp::from_nanos(START).plus(Duration::from_secs(10)));
    let keys = [
        key("shop", "shop-secret", "shop", Role::Ingest),
        key("desk", "desk-secret", "shop", Role::Read),
        key("bank", "bank-secret", "bank", Role::Admin),
        ApiKey { expires: passing, ..key("guest", "guest-secret", "shop", Role::Read) },
    ];
    let access = Access::with_keys(keys, Arc::clone(&clock) as _, counters.clone());
    Door { access, clock, counters }
}

impl Door {
    fn ask(&self, header: &str) -> Result<Caller, Denial> {
        self.access.authenticate(PEER, Some(header.as_bytes()))
    }
}

#[test]
fn a_key_names_its_tenant_and_role() {
    let caller = door().ask("Bearer bank.bank-secret").unwrap();
    assert_eq!((caller.tenant.as_str(), caller.role), ("bank", Role::Admin));
    assert_eq!(caller.key.unwrap().as_str(), "bank");
    assert_eq!(door().ask("bEARER desk.desk-secret").unwrap().tenant.as_str(), "shop");
}

#[test]
fn without_keys_everybody_is_the_default_tenant_and_may_do_everything() {
    let access = Access::open();
    for header in [None, Some(&b"Bearer shop.shop-secret"[..]), Some(b"\xff")] {
        let caller = access.authenticate(None, header).unwrap();
        assert_eq!(caller, Caller::anybody());
        assert!([Action::Send, Action::Read, Action::Operate].iter().all(|a| caller.may(*a).is_ok()));
    }
}

#[test]
fn wrong_unknown_foreign_and_expired_keys_are_told_apart_by_nobody() {
    let door = door();
    for header in [
        "Bearer shop.bank-secret",
        "Bearer shop.shop-secre",
        "Bearer shop.shop-secretx",
        "Bearer nobody.shop-secret",
        "Bearer bank.shop.bank-secret",
    ] {
        assert_eq!(door.ask(header), Err(Denial::Wrong), "{header}");
    }
    assert!(door.ask("Bearer guest.guest-secret").is_ok());
    door.clock.advance(Duration::from_secs(10));
    assert_eq!(door.ask("Bearer guest.guest-secret"), Err(Denial::Wrong));
}

#[test]
fn a_secret_that_hashes_to_nobodys_hash_would_still_be_nobodys() {
    let no_keys = Access::with_keys([], Arc::new(SetClock(AtomicI64::new(START))), AccessCounters::default());
    assert_eq!(no_keys.authenticate(None, Some(b"Bearer a.b")), Err(Denial::Wrong));
}

#[test]
fn missing_and_malformed_credentials_are_named() {
    let door = door();
    assert_eq!(door.access.authenticate(PEER, None), Err(Denial::Missing));
    for header in
        ["", "Bearer", "Basic c2hvcDpzaG9wLXNlY3JldA==", "Bearer shop-secret", "Bearer eyJhbGciOi.x"]
    {
        assert_eq!(door.ask(header), Err(Denial::Malformed), "{header}");
    }
}

#[test]
fn a_role_is_held_to_what_it_is_for_and_refusals_are_counted_by_reason() {
    let door = door();
    let permit = |header: &str, action| door.access.permit(PEER, Some(header.as_bytes()), action);
    assert!(permit("Bearer shop.shop-secret", Action::Send).is_ok());
    for (header, action) in [
        ("Bearer shop.shop-secret", Action::Read),
        ("Bearer desk.desk-secret", Action::Send),
        ("Bearer desk.desk-secret", Action::Operate),
    ] {
        assert!(matches!(permit(header, action), Err(AccessError::NotAllowed(_))), "{header}");
    }
    assert_eq!(permit("Bearer shop.x", Action::Send), Err(Denial::Wrong.into()));
    assert_eq!(door.access.permit(PEER, None, Action::Send), Err(Denial::Missing.into()));
    let counts = ["not_allowed", "key_wrong", "key_missing", "key_malformed"].map(|r| door.counters.count(r));
    assert_eq!(counts, [3, 1, 1, 0]);
}

#[test]
fn who_guesses_is_told_to_wait_and_even_the_right_secret_is_not_looked_at() {
    let door = door();
    for guess in 0..FAILURES_MAX {
        assert_eq!(door.ask(&format!("Bearer shop.guess{guess}")), Err(Denial::Wrong));
    }
    let waits = Err(Denial::TooManyFailures { retry_after: WINDOW });
    assert_eq!(door.ask("Bearer shop.guess"), waits);
    assert!(door.ask("Bearer shop.shop-secret").is_ok(), "the right secret is not locked out");
    assert_eq!(door.ask("Bearer desk.guess"), Err(Denial::Wrong), "another key from the same address");
    let elsewhere = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(door.access.authenticate(elsewhere, Some(b"Bearer shop.guess")), Err(Denial::Wrong));
    door.clock.advance(WINDOW);
    assert_eq!(door.ask("Bearer shop.guess"), Err(Denial::Wrong));
}

#[test]
fn headers_without_a_guess_in_them_do_not_count_as_guesses() {
    let door = door();
    for _ in 0..=FAILURES_MAX {
        assert_eq!(door.ask("Bearer shop"), Err(Denial::Malformed));
        assert_eq!(door.access.authenticate(PEER, None), Err(Denial::Missing));
    }
    assert!(door.ask("Bearer shop.shop-secret").is_ok());
}
