//! `Failures`: slows down guessing. Counts wrong secrets by address and key id, and says when to stop checking.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;

use crate::shared::Timestamp;

/// Wrong secrets from one address for one key id, in one window, before nothing is checked any more.
pub(super) const FAILURES_MAX: u32 = 20;
/// Counted from the first wrong secret.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Addresses and ids that are remembered at once; beyond it the oldest is forgotten.
const SUSPECTS_MAX: usize = 4_096;

/// Who guesses at what. The id is part of it, so that one client with a wrong key does not lock out those that share
/// its address (behind a proxy, all of them).
type Suspect = (IpAddr, Box<str>);

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Timestamp,
    failures: u32,
}

impl Window {
    /// Absent once it is over, also if the clock was set back.
    fn left(self, now: Timestamp) -> Option<Duration> {
        let age = now.since(self.began);
        (now >= self.began && age < WINDOW).then(|| WINDOW - age)
    }
}

/// A bounded memory of wrong secrets.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<Suspect, Window>>);

impl Failures {
    /// How long nothing is checked for this address and id; absent if it is.
    pub(super) fn wait(&self, address: IpAddr, id: &str, now: Timestamp) -> Option<Duration> {
        let windows = self.0.lock();
        if windows.is_empty() {
            return None;
        }
        let window = windows.get(&suspect(address, id))?;
        window.left(now).filter(|_| window.failures >= FAILURES_MAX)
    }

    /// Remembers a wrong secret.
    pub(super) fn add(&self, address: IpAddr, id: &str, now: Timestamp) {
        let mut windows = self.0.lock();
        let suspect = suspect(address, id);
        if windows.len() >= SUSPECTS_MAX && !windows.contains_key(&suspect) {
            make_room(&mut windows, now);
        }
        let window = windows.entry(suspect).or_insert(Window { began: now, failures: 0 });
        if window.left(now).is_none() {
            *window = Window { began: now, failures: 0 };
        }
        window.failures = window.failures.saturating_add(1);
    }
}

/// Of an IPv6 address the network counts (RFC 6177: a site has at least a /64 to itself).
fn suspect(address: IpAddr, id: &str) -> Suspect {
    let address = match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    };
    (address, id.into())
}

fn make_room(windows: &mut HashMap<Suspect, Window>, now: Timestamp) {
    windows.retain(|_, window| window.left(now).is_some());
    if windows.len() >= SUSPECTS_MAX {
        let oldest =
            windows.iter().min_by_key(|(_, window)| window.began).map(|(suspect, _)| suspect.clone());
        oldest.and_then(|suspect| windows.remove(&suspect));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(1_795_000_000_000_000_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn fail(failures: &Failures, from: &str, times: u32) {
        (0..times).for_each(|_| failures.add(address(from), "shop", NOW));
    }

    #[test]
    fn after_so_many_wrong_secrets_nothing_is_checked_until_the_window_ends() {
        let failures = Failures::default();
        fail(&failures, "10.0.0.1", FAILURES_MAX - 1);
        assert_eq!(failures.wait(address("10.0.0.1"), "shop", NOW), None);
        fail(&failures, "10.0.0.1", 1);
        assert_eq!(failures.wait(address("10.0.0.1"), "shop", NOW), Some(WINDOW));
        let later = NOW.plus(Duration::from_secs(59));
        assert_eq!(failures.wait(address("10.0.0.1"), "shop", later), Some(Duration::from_secs(1)));
        assert_eq!(failures.wait(address("10.0.0.1"), "shop", NOW.plus(WINDOW)), None);
        failures.add(address("10.0.0.1"), "shop", NOW.plus(WINDOW));
        assert_eq!(failures.wait(address("10.0.0.1"), "shop", NOW.plus(WINDOW)), None, "a new window");
    }

    #[test]
    fn other_ids_and_other_addresses_are_not_held_up() {
        let failures = Failures::default();
        fail(&failures, "10.0.0.1", FAILURES_MAX);
        assert_eq!(failures.wait(address("10.0.0.1"), "other", NOW), None);
        assert_eq!(failures.wait(address("10.0.0.2"), "shop", NOW), None);
        assert!(failures.wait(address("::ffff:10.0.0.1"), "shop", NOW).is_some(), "the same address");
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let failures = Failures::default();
        fail(&failures, "2001:db8:1:2::1", FAILURES_MAX);
        assert!(failures.wait(address("2001:db8:1:2:ffff::9"), "shop", NOW).is_some());
        assert_eq!(failures.wait(address("2001:db8:1:3::1"), "shop", NOW), None);
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nobody_up() {
        let failures = Failures::default();
        fail(&failures, "10.0.0.1", FAILURES_MAX);
        let before = NOW.minus(Duration::from_secs(3_600));
        assert_eq!(failures.wait(address("10.0.0.1"), "shop", before), None);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_oldest_is_forgotten_first() {
        let failures = Failures::default();
        fail(&failures, "10.0.0.1", FAILURES_MAX);
        let later = NOW.plus(Duration::from_secs(1));
        for id in 0..SUSPECTS_MAX {
            failures.add(address("10.0.0.2"), &id.to_string(), later);
        }
        assert_eq!(failures.0.lock().len(), SUSPECTS_MAX);
        assert_eq!(failures.wait(address("10.0.0.1"), "shop", later), None, "it was the oldest");
        failures.add(address("10.0.0.3"), "new", later.plus(WINDOW));
        assert_eq!(failures.0.lock().len(), 1, "what is over is forgotten when room is needed");
    }
}
