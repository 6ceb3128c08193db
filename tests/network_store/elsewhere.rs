//! *Scenario*: a server whose tables are kept by another one; answers are lost on the way, the other one is killed and comes back.
//! *Guarantees*: what was acknowledged is stored exactly once and can be read, and nothing is refused while the store is away.

use std::time::Duration;

use telemetryflow::shared::Signal;
use tempfile::TempDir;

use super::between::Between;
use crate::exactly_once::ledger::settle;
use crate::exactly_once::{Durability, Listeners, Numbers, Outcome, Request, Sender, Sent, compare};
use crate::support::engine::Engine;
use crate::support::server::{configure, folder, program};
use crate::support::{Server, eventually};

const PATIENCE: Duration = Duration::from_secs(50);
const RETRIES: &str = "telemetryflow_ingest_insert_retries_total";
/// Requests of each signal at a time.
const REQUESTS: usize = 6;

struct Scene {
    server: Server,
    engine: Engine,
    between: Between,
    folder: TempDir,
    numbers: Numbers,
    sent: Vec<Sent>,
}

impl Scene {
    fn begin() -> Self {
        let folder = folder();
        let engine = Engine::start(folder.path(), 0);
        let between = Between::start(engine.address());
        let store = engine.as_store_at(between.address) + &Durability::Journal.configuration();
        let server = Server::launch(program(), &configure(folder.path(), &store)).ready();
        let server = server.unwrap_or_else(|ended| panic!("{}: {}", ended.status, ended.stderr));
        Self { server, engine, between, folder, numbers: Numbers::default(), sent: Vec::new() }
    }

    fn send(&mut self) {
        let mut sender = Sender::new(PATIENCE);
        for signal in Signal::ALL.into_iter().cycle().take(REQUESTS * Signal::ALL.len()) {
            let request = Request::new(signal, &self.numbers);
            assert_eq!(sender.send(Listeners::of(&self.server), &request), Outcome::Taken);
            self.sent.push(request.sent(1));
        }
    }

    fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        eventually(what, PATIENCE, || is_so(self).then_some(()));
    }

    /// Everything is stored, the server stops, and the tables are compared with what was sent.
    fn end(self) {
        settle(&self.server, Durability::Journal, &self.sent, &[]);
        let stopped = self.server.stop();
        assert!(stopped.status.success() && !stopped.stderr.contains("panicked"), "{}", stopped.stderr);
        assert!(!stopped.stderr.contains("write-secret"), "the password is in the log");
        drop(self.engine.stop());
        compare(&self.folder, &self.sent).assert_exactly_once();
    }
}

#[test]
fn all_signals_are_stored_elsewhere_and_read_back() {
    let mut scene = Scene::begin();
    scene.send();
    settle(&scene.server, Durability::Journal, &scene.sent, &[]);
    for (path, list) in [
        ("/api/v2/logs?limit=5", "/logs"),
        ("/api/v2/traces?limit=5", "/traces"),
        ("/api/v2/metrics", "/metrics"),
    ] {
        let answer = scene.server.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let found = answer.json().pointer(list).and_then(|list| list.as_array().map(Vec::len));
        assert!(found.is_some_and(|found| found > 0), "{path}: {}", answer.text());
    }
    scene.end();
}

#[test]
fn inserts_whose_answers_are_cut_are_made_once() {
    let mut scene = Scene::begin();
    scene.between.cut_answers();
    scene.send();
    scene.until("answers were cut, and inserts repeated", |scene| {
        scene.between.cut() >= 3 && scene.server.measured(RETRIES, &[]) >= 3
    });
    scene.between.let_pass();
    scene.send();
    scene.end();
}

#[test]
fn while_the_store_is_away_requests_are_acknowledged_and_stored_when_it_is_back() {
    let mut scene = Scene::begin();
    scene.send();
    let address = scene.engine.address();
    let killed = std::mem::replace(&mut scene.engine, Engine::Elsewhere { database: String::new() });
    killed.kill();
    scene.send();
    scene.until("inserts fail", |scene| scene.server.measured(RETRIES, &[]) >= 1);
    assert_eq!(scene.server.get("/readyz").status, 200);
    assert_eq!(scene.server.get("/api/v2/logs").status, 503);
    scene.engine = Engine::start(scene.folder.path(), address.port());
    scene.send();
    scene.end();
}
