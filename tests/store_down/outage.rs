//! `Outage`: a server under load whose store and disk do as they are told.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use telemetryflow::shared::Signal;
use tempfile::TempDir;

use crate::exactly_once::{
    Clients, Comparison, DURABILITY, Durability, Listeners, Outcome, Request, Sender, compare, ledger,
};
use crate::support::faulty::give_order;
use crate::support::server::{Stopped, faulty, folder};
use crate::support::{Server, eventually};

/// What is waited for comes within it, also on a busy machine; an insert is tried again after five seconds at most.
const PATIENCE: Duration = Duration::from_secs(50);
/// About what a start takes.
const START: Duration = Duration::from_millis(700);
/// How long a server may take to stop, ...
const STOP_DEADLINE: &str = "2s";
/// ... and how long it may take to end then, also on a busy machine.
const STOPPED_WITHIN: Duration = Duration::from_secs(25);
/// Requests that show that the load passes.
const SOME: u64 = 30;

#[derive(Debug)]
pub struct Outage {
    pub durability: Durability,
    pub clients: Clients,
    pub server: Server,
    folder: TempDir,
    control: PathBuf,
    /// Acknowledged, and never stored.
    dead: Vec<Request>,
}

impl Outage {
    /// A server at work, whose clients wait for each answer at most for `patience`.
    pub fn begin(patience: Duration) -> Self {
        Self::begin_with(patience, &[])
    }

    /// As [`Self::begin`]. The environment is that of the first server alone.
    pub fn begin_with(patience: Duration, environment: &[(&str, &str)]) -> Self {
        let folder = folder();
        let control = folder.path().join("control");
        let server = start_with(&folder, &control, environment);
        let clients = Clients::start(patience);
        clients.send_to(&server);
        let outage = Self { durability: DURABILITY, clients, server, folder, control, dead: Vec::new() };
        outage.load_passes();
        outage
    }

    /// From now on the store (and the disk) are like this; see `tests/faulty/program.rs`.
    pub fn order(&self, order: &str) {
        give_order(&self.control, order);
    }

    /// Returns when the server has acknowledged some more.
    pub fn load_passes(&self) {
        let enough = self.clients.acknowledged() + SOME;
        self.until("requests are acknowledged", || self.clients.acknowledged() >= enough);
    }

    pub fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        eventually(what, PATIENCE, || is_so().then_some(()));
    }

    /// Items among the dead letters, as the server says.
    pub fn dead_lettered(&self, signal: Signal) -> u64 {
        let stats = self.server.get("/api/v2/ingest/stats").json();
        stats
            .pointer(&format!("/signals/{}/deadLettered", signal.name()))
            .and_then(serde_json::Value::as_u64)
            .expect("a count")
    }

    /// Sends a request of its own, once.
    pub fn send(&self, request: &Request) -> Outcome {
        Sender::new(PATIENCE).send(Listeners::of(&self.server), request)
    }

    /// The store will never take this request, which was acknowledged.
    pub fn is_dead(&mut self, request: Request) {
        self.dead.push(request);
    }

    /// SIGTERM, and another server on the same data, for which the store is as `order` says. The clients go on.
    pub fn restart_stopped(mut self, order: &str) -> Self {
        self.clients.hold();
        let Stopped { took, stderr, .. } = self.server.stop();
        assert!(took < STOPPED_WITHIN && !stderr.contains("panicked"), "{took:?}: {stderr}");
        give_order(&self.control, order);
        self.server = start(&self.folder, &self.control);
        self.clients.send_to(&self.server);
        self
    }

    /// SIGKILL, and another server on the same data, for which the store is as `order` says. The clients go on.
    pub fn restart_killed(mut self, order: &str) -> Self {
        self.clients.hold();
        let Stopped { stderr, .. } = self.server.kill();
        assert!(!stderr.contains("panicked"), "{stderr}");
        give_order(&self.control, order);
        self.server = start(&self.folder, &self.control);
        self.clients.send_to(&self.server);
        self
    }

    /// SIGKILL, and then server after server that is killed at a random moment of its start. The clients go on with the
    /// one that is left alone.
    pub fn restart_killed_while_starting(mut self, count: usize) -> Self {
        self.clients.hold();
        self.server.kill();
        for _ in 0..count {
            let server = spawn(&self.folder, &self.control, &[]);
            thread::sleep(START.mul_f64(fastrand::f64()));
            let Stopped { stderr, .. } = server.kill();
            assert!(!stderr.contains("panicked"), "{stderr}");
        }
        self.server = start(&self.folder, &self.control);
        self.clients.send_to(&self.server);
        self
    }

    /// The store is back; returns what was found when everything had been stored.
    pub fn end(mut self) -> Comparison {
        self.order("up");
        self.load_passes();
        let sent = self.clients.finish();
        ledger::settle(&self.server, self.durability, &sent, &self.dead);
        let stopped = self.server.stop();
        assert!(stopped.status.success() && !stopped.stderr.contains("panicked"), "{}", stopped.stderr);
        compare(&self.folder, &sent)
    }
}

fn start(folder: &TempDir, control: &Path) -> Server {
    start_with(folder, control, &[])
}

fn start_with(folder: &TempDir, control: &Path, environment: &[(&str, &str)]) -> Server {
    let server = spawn(folder, control, environment).ready();
    server.unwrap_or_else(|ended| panic!("{}: {}", ended.status, ended.stderr))
}

fn spawn(folder: &TempDir, control: &Path, environment: &[(&str, &str)]) -> Server {
    let mut program = faulty();
    program.env("FAULTY_CONTROL", control).env("TELEMETRYFLOW__SHUTDOWN__DEADLINE", STOP_DEADLINE);
    // What was stored twice is to be seen.
    program.env("FAULTY_KEEP_COPIES", "1").envs(environment.iter().copied());
    Server::spawn(program, folder, &DURABILITY.configuration())
}
