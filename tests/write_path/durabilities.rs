//! One folder under one durability after the other, and answers that wait for the store.

use std::thread;
use std::time::Duration;

use telemetryflow::shared::Signal;

use crate::exactly_once::ledger::Ledger;
use crate::exactly_once::{Durability, Listeners, Numbers, Outcome, Request, Sender, Sent, compare};
use crate::support::Server;
use crate::support::faulty::Faulty;

const PATIENCE: Duration = Duration::from_secs(50);
const RESENT: &str = "telemetryflow_ingest_requests_resent_total";
const IN_FLIGHT: &str = "telemetryflow_ingest_items_in_flight";
const RUNS: usize = 3;
/// Requests of each signal in one run.
const REQUESTS: usize = 5;

/// Some of each signal, which have to be taken at once.
fn send_some(server: &Server, numbers: &Numbers) -> Vec<Sent> {
    let mut sender = Sender::new(PATIENCE);
    let requests = Signal::ALL.into_iter().cycle().take(REQUESTS * Signal::ALL.len());
    let sent = requests.map(|signal| {
        let request = Request::new(signal, numbers);
        assert_eq!(sender.send(Listeners::of(server), &request), Outcome::Taken);
        request.sent(1)
    });
    sent.collect()
}

/// What this process and those before it were sent is all in the store, as the ledger says.
fn until_stored(faulty: &Faulty, sent: &[Sent]) {
    for signal in Signal::ALL {
        let of_signal = sent.iter().filter(|sent| sent.signal == signal);
        let items = of_signal.map(|sent| sent.items.end - sent.items.start).sum();
        let expected = Ledger { received: items, stored: items, rejected: 0, dead_lettered: 0, in_flight: 0 };
        faulty.until(&format!("{expected:?} of {}", signal.name()), || {
            Ledger::of(&faulty.server, signal) == expected
        });
    }
}

fn durability_of(server: &Server) -> String {
    server.get("/readyz").json()["durability"].as_str().expect("a durability").to_owned()
}

#[test]
fn what_a_journal_holds_is_stored_under_memory_too_and_no_run_hides_what_another_stores() {
    let numbers = Numbers::default();
    let faulty = Faulty::start("down", &Durability::Journal.configuration());
    let mut sent = send_some(&faulty.server, &numbers);
    let memory = Durability::Memory.configuration();
    let mut faulty = faulty.restart_killed("up", &memory);
    assert_eq!(durability_of(&faulty.server), "memory");
    for _ in 0..RUNS {
        sent.extend(send_some(&faulty.server, &numbers));
        until_stored(&faulty, &sent);
        faulty = faulty.restart_stopped("up", &memory);
    }
    // And back to where they came from.
    faulty = faulty.restart_stopped("up", &Durability::Journal.configuration());
    sent.extend(send_some(&faulty.server, &numbers));
    until_stored(&faulty, &sent);
    compare(&faulty.stop(), &sent).assert_exactly_once();
}

#[test]
fn under_memory_nobody_waits_for_the_store() {
    let numbers = Numbers::default();
    let faulty = Faulty::start("hang", &Durability::Memory.configuration());
    let sent = send_some(&faulty.server, &numbers);
    faulty.order("up");
    faulty.until("everything is stored", || faulty.server.measured(IN_FLIGHT, &[]) == 0);
    compare(&faulty.stop(), &sent).assert_exactly_once();
}

#[test]
fn a_request_that_is_sent_again_while_the_first_waits_for_the_store_is_answered_with_it() {
    let numbers = Numbers::default();
    let faulty = Faulty::start("hang", &Durability::Store.configuration());
    let mut sent = Vec::new();
    for signal in Signal::ALL {
        let request = Request::new(signal, &numbers);
        let to = Listeners::of(&faulty.server);
        let send = || {
            let request = request.clone();
            thread::spawn(move || Sender::new(PATIENCE).send(to, &request))
        };
        let resent = faulty.server.measured(RESENT, &[]);
        faulty.order("hang");
        let first = send();
        faulty.until("the first waits", || faulty.server.measured(IN_FLIGHT, &[]) == 10);
        let again = [send(), send()];
        faulty.until("the others are recognised", || faulty.server.measured(RESENT, &[]) == resent + 2);
        assert!(!first.is_finished() && again.iter().all(|again| !again.is_finished()));
        faulty.order("up");
        for answer in [first].into_iter().chain(again) {
            assert_eq!(answer.join().expect("an outcome"), Outcome::Taken);
        }
        sent.push(request.sent(3));
    }
    compare(&faulty.stop(), &sent).assert_exactly_once();
}
