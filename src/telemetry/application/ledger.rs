//! `Ledger`: what became of every item that was acknowledged, exact, by tenant and signal.
//!
//! `received = stored + rejected + dead-lettered + in flight + lost`, at every moment. What happens to it happens in the
//! journal's order and bears a place in it, so that a copy of the ledger says up to where it counts.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::shared::{Signal, TenantId, Timestamp};
use crate::telemetry::domain::Rejection;

use super::resent::BodyHash;
use super::tally::Tally;

/// One tenant's items of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// In requests that were acknowledged.
    pub received: u64,
    rejected: [u64; Rejection::ALL.len()],
    pub stored: u64,
    /// Refused by the store for good, and kept aside; less those that were replayed.
    pub dead_lettered: u64,
    /// Accepted, neither stored nor dead-lettered yet.
    pub in_flight: u64,
    /// Gone with a damaged disk; without a journal also what the store refused. Anything but 0 is a reason to look at it.
    pub lost: u64,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            received: 0,
            rejected: [0; Rejection::ALL.len()],
            stored: 0,
            dead_lettered: 0,
            in_flight: 0,
            lost: 0,
        }
    }
}

impl Account {
    /// Reasons that occurred, with their counts.
    pub fn rejected(&self) -> impl Iterator<Item = (Rejection, u64)> {
        Rejection::ALL.iter().copied().zip(self.rejected).filter(|(_, items)| *items > 0)
    }

    pub fn add_rejected(&mut self, reason: Rejection, items: u64) {
        if let Some(count) = self.rejected.get_mut(reason as usize) {
            *count += items;
        }
    }

    fn acknowledge(&mut self, tally: &Tally) {
        self.received += tally.received();
        self.in_flight += tally.accepted;
        tally.rejected.iter().for_each(|(reason, items)| self.add_rejected(*reason, *items));
    }

    fn settle(&mut self, settlement: Settlement, items: u64) {
        self.in_flight = self.in_flight.saturating_sub(items);
        match settlement {
            Settlement::Stored => self.stored += items,
            Settlement::DeadLettered => self.dead_lettered += items,
            Settlement::Lost => self.lost += items,
        }
    }

    fn revive(&mut self, items: u64) {
        self.dead_lettered = self.dead_lettered.saturating_sub(items);
        self.in_flight += items;
    }
}

/// Items of all accounts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Acknowledged and not rejected, whatever became of them.
    pub accepted: u64,
    pub in_flight: u64,
}

/// What became of accepted items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    Stored,
    DeadLettered,
    /// Nobody has them any more.
    Lost,
}

/// Whose items of which signal.
pub type AccountKey = (TenantId, Signal);

/// Accepted items that are settled together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub key: AccountKey,
    pub items: u64,
}

/// What enters the ledger when something is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    Request {
        tally: Tally,
        hash: BodyHash,
        received_at: Timestamp,
    },
    /// A dead letter is tried again.
    Revived {
        items: u64,
        hash: BodyHash,
        at: Timestamp,
    },
}

/// A place in the journal: everything below it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position(pub u64);

/// A copy of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerCopy {
    pub accounts: Vec<(AccountKey, Account)>,
    pub next: Position,
    /// Bodies that were acknowledged since the last copy was taken.
    pub bodies: Vec<(BodyHash, Timestamp)>,
}

/// Shared by everything that counts.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    accounts: HashMap<AccountKey, Account>,
    next: Position,
    bodies: Vec<(BodyHash, Timestamp)>,
}

impl Ledger {
    /// Goes on from a copy.
    pub fn restored(copy: LedgerCopy) -> Self {
        let LedgerCopy { accounts, next, .. } = copy;
        Self(Mutex::new(Books { accounts: accounts.into_iter().collect(), next, bodies: Vec::new() }))
    }

    /// Something was acknowledged; in the journal where there is a `position`.
    pub fn enter(&self, position: Option<Position>, key: AccountKey, entered: &Entered) {
        let mut books = self.0.lock();
        books.advance(position);
        let account = books.accounts.entry(key).or_default();
        let body = match entered {
            Entered::Revived { items, hash, at } => {
                account.revive(*items);
                (*hash, *at)
            }
            Entered::Request { tally, hash, received_at } => {
                account.acknowledge(tally);
                (*hash, *received_at)
            }
        };
        if position.is_some() {
            books.bodies.push(body);
        }
    }

    /// Something happened in the journal that moves no items, or these.
    pub fn settle(&self, position: Option<Position>, settlement: Settlement, settled: &[Settled]) {
        let mut books = self.0.lock();
        books.advance(position);
        for Settled { key, items } in settled {
            books.accounts.entry(key.clone()).or_default().settle(settlement, *items);
        }
    }

    /// What the journal gave back is what is in flight, whatever was counted: after damage the two may differ.
    pub fn set_in_flight(&self, open: &HashMap<AccountKey, u64>) {
        let mut books = self.0.lock();
        open.keys().for_each(|key| _ = books.accounts.entry(key.clone()).or_default());
        for (key, account) in &mut books.accounts {
            let open = open.get(key).copied().unwrap_or_default();
            // Missing records are lost; marks that are missing bring back what was stored.
            account.lost += account.in_flight.saturating_sub(open);
            account.stored = account.stored.saturating_sub(open.saturating_sub(account.in_flight));
            account.in_flight = open;
        }
    }

    /// One tenant's accounts, by signal.
    pub fn accounts(&self, tenant: &TenantId) -> [Account; Signal::ALL.len()] {
        let books = self.0.lock();
        Signal::ALL.map(|signal| books.accounts.get(&(tenant.clone(), signal)).copied().unwrap_or_default())
    }

    /// Items of all tenants.
    pub fn totals(&self) -> Totals {
        let books = self.0.lock();
        books.accounts.values().fold(Totals::default(), |sum, account| {
            let Account { stored, dead_lettered, in_flight, lost, .. } = *account;
            Totals {
                accepted: sum.accepted + stored + dead_lettered + in_flight + lost,
                in_flight: sum.in_flight + in_flight,
            }
        })
    }

    /// A copy of all accounts. Bodies are handed out once.
    pub fn copy(&self) -> LedgerCopy {
        let mut books = self.0.lock();
        let bodies = std::mem::take(&mut books.bodies);
        let accounts = books.accounts.iter().map(|(key, account)| (key.clone(), *account)).collect();
        LedgerCopy { accounts, next: books.next, bodies }
    }

    /// Takes back bodies whose copy could not be kept.
    pub fn take_back(&self, mut bodies: Vec<(BodyHash, Timestamp)>) {
        let mut books = self.0.lock();
        bodies.append(&mut books.bodies);
        books.bodies = bodies;
    }
}

impl Books {
    fn advance(&mut self, position: Option<Position>) {
        if let Some(Position(at)) = position {
            self.next = self.next.max(Position(at + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(signal: Signal) -> AccountKey {
        (TenantId::unnamed(), signal)
    }

    fn request(accepted: u64, rejected: &[(Rejection, u64)]) -> Entered {
        let tally = Tally { accepted, rejected: rejected.to_vec() };
        Entered::Request { tally, hash: BodyHash(accepted.into()), received_at: Timestamp::EPOCH }
    }

    fn settled(items: u64) -> [Settled; 1] {
        [Settled { key: key(Signal::Logs), items }]
    }

    fn balances(account: &Account) -> bool {
        let rejected: u64 = account.rejected().map(|(_, items)| items).sum();
        account.received
            == account.stored + rejected + account.dead_lettered + account.in_flight + account.lost
    }

    #[test]
    fn every_item_is_in_one_place_at_every_moment() {
        let ledger = Ledger::default();
        let account = || {
            let [_, logs, _] = ledger.accounts(&TenantId::unnamed());
            assert!(balances(&logs), "{logs:?}");
            logs
        };
        ledger.enter(Some(Position(1)), key(Signal::Logs), &request(10, &[(Rejection::TimeTooOld, 2)]));
        assert_eq!((account().received, account().in_flight), (12, 10));
        ledger.settle(Some(Position(3)), Settlement::Stored, &settled(6));
        ledger.settle(Some(Position(4)), Settlement::DeadLettered, &settled(3));
        ledger.settle(None, Settlement::Lost, &settled(1));
        let after = account();
        assert_eq!((after.stored, after.dead_lettered, after.lost, after.in_flight), (6, 3, 1, 0));
        let revived = Entered::Revived { items: 3, hash: BodyHash(0), at: Timestamp::EPOCH };
        ledger.enter(Some(Position(5)), key(Signal::Logs), &revived);
        assert_eq!((account().dead_lettered, account().in_flight), (0, 3));
        ledger.settle(Some(Position(6)), Settlement::Stored, &settled(3));
        assert_eq!(account().stored, 9);
        assert_eq!(account().rejected().collect::<Vec<_>>(), [(Rejection::TimeTooOld, 2)]);
        assert_eq!(ledger.copy().next, Position(7));
    }

    #[test]
    fn what_a_damaged_journal_does_not_give_back_is_lost_and_what_it_gives_back_twice_is_in_flight() {
        let ledger = Ledger::default();
        ledger.enter(Some(Position(1)), key(Signal::Logs), &request(10, &[]));
        ledger.set_in_flight(&HashMap::from([(key(Signal::Logs), 7)]));
        let [_, logs, _] = ledger.accounts(&TenantId::unnamed());
        assert_eq!((logs.in_flight, logs.lost, balances(&logs)), (7, 3, true));
        ledger.settle(Some(Position(2)), Settlement::Stored, &settled(7));
        ledger.set_in_flight(&HashMap::from([(key(Signal::Logs), 2)]));
        let [_, logs, _] = ledger.accounts(&TenantId::unnamed());
        assert_eq!((logs.in_flight, logs.stored, balances(&logs)), (2, 5, true));
    }

    #[test]
    fn a_copy_says_up_to_where_it_counts_and_hands_out_each_body_once() {
        let ledger = Ledger::default();
        ledger.enter(Some(Position(4)), key(Signal::Logs), &request(1, &[]));
        ledger.enter(None, key(Signal::Traces), &request(2, &[]));
        let copy = ledger.copy();
        assert_eq!((copy.next, copy.accounts.len()), (Position(5), 2));
        assert_eq!(
            copy.bodies,
            [(BodyHash(1), Timestamp::EPOCH)],
            "what is in no journal does not come back"
        );
        assert!(ledger.copy().bodies.is_empty());
        ledger.take_back(copy.bodies.clone());
        assert_eq!(ledger.copy().bodies, copy.bodies);
        let restored = Ledger::restored(copy);
        assert_eq!(restored.accounts(&TenantId::unnamed()), ledger.accounts(&TenantId::unnamed()));
    }
}
