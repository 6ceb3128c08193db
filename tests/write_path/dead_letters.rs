//! Dead letters from the request that the store refuses to the last that is heard of it.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use telemetryflow::shared::Signal;
use tempfile::TempDir;

use crate::exactly_once::ledger::Ledger;
use crate::exactly_once::{DURABILITY, Listeners, Numbers, Outcome, Request, Sender, Sent, compare};
use crate::support::faulty::Faulty;
use crate::support::server::program;

const PATIENCE: Duration = Duration::from_secs(50);
const REFUSES: &str = "refuse poison";
/// Of each request.
const ITEMS: u64 = 10;

/// A server, with a request of each signal that its store refuses and one that it does not.
struct Poisoned {
    faulty: Faulty,
    sent: Vec<Sent>,
}

impl Poisoned {
    fn begin() -> Self {
        let faulty = Faulty::start(REFUSES, &DURABILITY.configuration());
        let numbers = Numbers::default();
        let requests: Vec<Request> = Signal::ALL
            .into_iter()
            .flat_map(|signal| ["poison", "food"].map(|text| Request::with_text(signal, &numbers, text)))
            .collect();
        let mut sender = Sender::new(PATIENCE);
        for request in &requests {
            assert_eq!(sender.send(Listeners::of(&faulty.server), request), Outcome::Taken);
        }
        let sent = requests.iter().map(|request| request.sent(1)).collect();
        let own = Self { faulty, sent };
        own.until_settled(ITEMS);
        own
    }

    /// Of each signal so many items are among the dead letters in the end, and all others are stored.
    fn until_settled(&self, dead_lettered: u64) {
        let received = 2 * ITEMS;
        let stored = received - dead_lettered;
        let expected = Ledger { received, stored, rejected: 0, dead_lettered, in_flight: 0 };
        for signal in Signal::ALL {
            self.faulty.until(&format!("{expected:?} of {}", signal.name()), || {
                Ledger::of(&self.faulty.server, signal) == expected
            });
        }
    }

    /// What the command line prints; it has to succeed.
    fn call(&self, arguments: &[&str]) -> String {
        let config = self.faulty.folder.path().join("config.toml");
        let mut call = program();
        call.arg("dead-letters").args(arguments).arg("--config").arg(config);
        let output = call.output().expect("the program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    fn letters(&self) -> Vec<Value> {
        let list = self.call(&["list", "--format", "json"]);
        serde_json::from_str(&list).expect("a list in JSON")
    }

    fn say_of_all(&self, action: &str, in_words: &str) {
        let said = self.call(&[action, "--all"]);
        let count = Signal::ALL.len();
        let expected = format!("{count} dead letters with {} items to be {in_words}\n", 3 * ITEMS);
        assert!(said.ends_with(&expected), "{said}");
    }

    fn assert_all_stored_once(self) {
        let Self { faulty, sent } = self;
        compare(&faulty.stop(), &sent).assert_exactly_once();
    }
}

fn letters_in(folder: &TempDir) -> usize {
    fs::read_dir(folder.path().join("data/dead-letters")).expect("the folder").count()
}

fn ids(letters: &[Value]) -> HashSet<String> {
    letters.iter().map(|letter| letter["id"].as_str().expect("an id").to_owned()).collect()
}

/// The letters have to be one of each signal, and nothing said of them yet.
#[track_caller]
fn assert_one_of_each_signal(letters: &[Value]) {
    let mut signals: Vec<&str> = letters.iter().filter_map(|letter| letter["signal"].as_str()).collect();
    signals.sort_unstable();
    assert_eq!(signals, ["logs", "metrics", "traces"]);
    for letter in letters {
        assert_eq!(
            (&letter["tenant"], &letter["items"], &letter["state"]),
            (&"default".into(), &ITEMS.into(), &"kept".into())
        );
        assert!(
            letter["reason"].as_str().is_some_and(|reason| reason.contains("refuses this text")),
            "{letter}"
        );
        assert!(letter["tokens"].as_array().is_some_and(|tokens| !tokens.is_empty()), "{letter}");
    }
}

#[test]
fn a_letter_that_is_replayed_too_early_comes_back_and_one_that_is_replayed_in_time_is_stored_once() {
    let poisoned = Poisoned::begin();
    let first = poisoned.letters();
    assert_one_of_each_signal(&first);

    poisoned.say_of_all("replay", "replayed");
    poisoned.faulty.until("each has become a new letter", || {
        let now = poisoned.letters();
        now.len() == first.len() && ids(&now).is_disjoint(&ids(&first))
    });
    assert_one_of_each_signal(&poisoned.letters());
    poisoned.until_settled(ITEMS);

    poisoned.faulty.order("up");
    poisoned.say_of_all("replay", "replayed");
    poisoned.until_settled(0);
    poisoned.faulty.until("the folder is empty", || letters_in(&poisoned.faulty.folder) == 0);
    poisoned.assert_all_stored_once();
}

/// The process dies right after it was asked; then each time when one more letter is in the journal and still in
/// the folder; then when a batch of letters is sealed, and when it is stored and nobody knows.
fn replay_cut_short_again_and_again(resent_window: &str) {
    let configuration = DURABILITY.configuration().replace("10m", resent_window);
    // Nothing but letters is written: no batch is sealed.
    let unsealed = configuration.replace("20ms", "1m");
    let poisoned = Poisoned::begin();
    poisoned.say_of_all("replay", "replayed");
    let Poisoned { faulty, sent } = poisoned;
    let ended = faulty.kill();
    for left in [3, 2, 1] {
        // The first sync is the start's own.
        ended.crash("after_sync:2", "up", &unsealed);
        assert_eq!(letters_in(&ended.folder), left);
    }
    ended.crash("before_insert:1", "up", &configuration);
    ended.crash("after_insert:1", "up", &configuration);
    let poisoned = Poisoned { faulty: ended.start("up", &configuration), sent };
    poisoned.until_settled(0);
    poisoned.faulty.until("the folder is empty", || letters_in(&poisoned.faulty.folder) == 0);
    poisoned.assert_all_stored_once();
}

#[test]
fn a_replay_that_is_cut_short_again_and_again_stores_each_letter_once() {
    replay_cut_short_again_and_again("10m");
}

#[test]
fn a_letter_that_was_replayed_is_known_also_where_requests_are_not_recognised() {
    replay_cut_short_again_and_again("0s");
}

#[test]
fn a_letter_that_is_dropped_is_gone_and_still_counted() {
    let poisoned = Poisoned::begin();
    poisoned.say_of_all("drop", "dropped");
    poisoned.faulty.until("the folder is empty", || letters_in(&poisoned.faulty.folder) == 0);
    poisoned.until_settled(ITEMS);
    let Poisoned { faulty, sent } = poisoned;
    let faulty = faulty.restart_killed("up", &DURABILITY.configuration());
    let poisoned = Poisoned { faulty, sent };
    poisoned.until_settled(ITEMS);
    assert_eq!(poisoned.call(&["list"]), "no dead letters\n");
    let found = compare(&poisoned.faulty.stop(), &poisoned.sent);
    assert_eq!(found.missing.items, usize::try_from(3 * ITEMS).expect("a count"), "{found:#?}");
    assert_eq!((found.duplicates.items, found.foreign.items, found.orphans), (0, 0, 0), "{found:#?}");
}
