//! `Rounds`: one data folder, one crowd of clients, and server after server that does not end well.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::exactly_once::{Clients, Comparison, Durability, compare, ledger};
use crate::support::server::{Stopped, faulty, folder, program};
use crate::support::{Server, eventually};

/// How often `make test` kills servers in all.
const KILLS: usize = 30;
/// After so many, a table that is never merged has more parts than a server can start with in good time.
const KEPT_KILLS_MAX: usize = 100;
/// How long a server lives that is killed at any moment: a few dozen batches.
const LIFE_MAX: Duration = Duration::from_millis(1_200);
/// About what a start takes.
const START: Duration = Duration::from_millis(700);
/// Points are visited so often at most before the process dies.
const VISITS_MAX: u32 = 40;
/// Requests that have to be acknowledged by the last server, which nobody kills.
const LAST_REQUESTS: u64 = 30;
/// How long a client waits for an answer (the exporters' default is ten seconds).
const PATIENCE: Duration = Duration::from_secs(10);
/// Within it a server gets to work, also on a busy machine.
const AT_WORK_WITHIN: Duration = Duration::from_secs(60);

/// How a server ends.
#[derive(Debug, Clone, Copy)]
pub enum Kill {
    AnyMoment,
    /// Before it is ready.
    WhileStarting,
    /// By its own hand, at a point of `tests/faulty/program.rs`.
    At(&'static str),
}

#[derive(Debug)]
pub struct Rounds {
    name: &'static str,
    durability: Durability,
    folder: TempDir,
    clients: Clients,
    random: fastrand::Rng,
    seed: u64,
    /// A loopback address that no other test uses: the port of a dead server may be another one's at once, and clients
    /// would send it what it never heard of.
    host: String,
    starts: Vec<Duration>,
    kills: usize,
}

/// How many of all kills are those that are `of` by default.
pub fn share(of: usize) -> usize {
    (of * kills()).div_ceil(KILLS)
}

/// In all tests together.
fn kills() -> usize {
    let kills = std::env::var("TELEMETRYFLOW_KILLS").map(|kills| kills.parse().expect("TELEMETRYFLOW_KILLS"));
    kills.unwrap_or(KILLS)
}

impl Rounds {
    /// A server that promises what `durability` says.
    pub fn begin(name: &'static str, durability: Durability) -> Self {
        let seed = std::env::var("TELEMETRYFLOW_SEED").map(|seed| seed.parse().expect("TELEMETRYFLOW_SEED"));
        let seed = seed.unwrap_or_else(|_| fastrand::u64(..));
        let mut folder = folder();
        folder.disable_cleanup(true);
        say(&format!("crash, {name}: TELEMETRYFLOW_SEED={seed} in {}", folder.path().display()));
        Self {
            name,
            durability,
            folder,
            clients: Clients::start(PATIENCE),
            random: fastrand::Rng::with_seed(seed),
            seed,
            host: own_host(),
            starts: Vec::new(),
            kills: 0,
        }
    }

    /// In turn, `count` in all. The folder with the data and the servers' logs stays unless all is well in the end.
    pub fn killed(mut self, count: usize, kills: &[Kill]) -> Self {
        for kill in kills.iter().cycle().take(count) {
            let ended = match kill {
                Kill::AnyMoment => self.kill_at_any_moment(),
                Kill::WhileStarting => self.kill_while_starting(),
                Kill::At(point) => self.let_die_at(point),
            };
            self.keep_log(&ended, &format!("{kill:?}"));
            assert_eq!(ended.status.signal(), Some(9), "{kill:?}: {}\n{}", ended.status, ended.stderr);
            assert!(!ended.stderr.contains("panicked"), "{kill:?}: {}", ended.stderr);
            self.kills += 1;
        }
        self
    }

    /// After those of the servers before.
    fn keep_log(&self, ended: &Stopped, how: &str) {
        let mut options = OpenOptions::new();
        let log = options.create(true).append(true).open(self.folder.path().join("log"));
        let text = format!("{}-- {how}: {}\n", ended.stderr, ended.status);
        log.and_then(|mut log| log.write_all(text.as_bytes())).expect("the log is kept");
    }

    fn kill_at_any_moment(&mut self) -> Stopped {
        let server = self.start();
        thread::sleep(LIFE_MAX.mul_f64(self.random.f64()));
        self.clients.hold();
        server.kill()
    }

    fn kill_while_starting(&mut self) -> Stopped {
        let server = self.spawn(program());
        thread::sleep(START.mul_f64(self.random.f64()));
        server.kill()
    }

    /// Also while it starts, if it comes to the point by then.
    fn let_die_at(&mut self, point: &str) -> Stopped {
        let visit = self.random.u32(1..=VISITS_MAX);
        let mut program = faulty();
        program.env("FAULTY_CRASH", format!("{point}:{visit}"));
        if kills() <= KEPT_KILLS_MAX {
            program.env("FAULTY_KEEP_COPIES", "1");
        }
        let ended = self.try_start(program).map_or_else(|ended| ended, Server::wait);
        self.clients.hold();
        ended
    }

    fn start(&mut self) -> Server {
        self.try_start(program()).unwrap_or_else(|ended| panic!("{}: {}", ended.status, ended.stderr))
    }

    fn try_start(&mut self, program: Command) -> Result<Server, Stopped> {
        let begun = Instant::now();
        let server = self.spawn(program).ready()?;
        self.starts.push(begun.elapsed());
        self.clients.send_to(&server);
        Ok(server)
    }

    fn spawn(&self, mut program: Command) -> Server {
        for listener in ["OTLP_GRPC", "OTLP_HTTP", "API"] {
            program.env(format!("TELEMETRYFLOW__LISTEN__{listener}"), format!("{}:0", self.host));
        }
        Server::spawn(program, &self.folder, &self.durability.configuration())
    }

    /// The last server is left alone until all is acknowledged. Then the tables are compared with what was sent; fails
    /// unless the promise was kept.
    pub fn reconcile(mut self) -> Comparison {
        let server = self.start();
        let enough = self.clients.acknowledged() + LAST_REQUESTS;
        eventually("the last server is at work", AT_WORK_WITHIN, || {
            (self.clients.acknowledged() >= enough).then_some(())
        });
        let sent = self.clients.finish();
        ledger::settle(&server, self.durability, &sent, &[]);
        let stopped = server.stop();
        self.keep_log(&stopped, "stopped");
        assert!(stopped.status.success(), "{}", stopped.stderr);

        let found = compare(&self.folder, &sent);
        self.starts.sort_unstable();
        let (median, longest) = (self.starts.get(self.starts.len() / 2), self.starts.last());
        say(&format!(
            "crash, {}: durability {}, {} kills, {found}; start to ready: median {:.0?}, longest {:.0?} (seed {})",
            self.name,
            self.durability.name(),
            self.kills,
            median.copied().unwrap_or_default(),
            longest.copied().unwrap_or_default(),
            self.seed,
        ));
        found.assert_kept(self.durability);
        self.folder.disable_cleanup(false);
        found
    }
}

fn own_host() -> String {
    static TESTS: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    format!("127.{high}.{low}.{}", TESTS.fetch_add(1, Ordering::SeqCst))
}

fn say(text: &str) {
    #[expect(clippy::print_stderr, reason = "figures of a long run, and the seed of a failure")]
    {
        eprintln!("{text}");
    }
}
