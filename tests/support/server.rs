//! A server process with its own ports, configuration and data folder; killed by its id when it goes out of scope.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::engine::{Engine, tables_of};
use super::http::{Answer, Connection, request};

/// Opening the engine takes half a second; the rest is for busy machines.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// From SIGTERM to the exit (the server's own default, `[shutdown] deadline`), and a little for the wait itself.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

pub const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

/// A running server.
#[derive(Debug)]
pub struct Server {
    process: Child,
    output: Output,
    readers: Vec<JoinHandle<()>>,
    pub grpc: SocketAddr,
    pub otlp: SocketAddr,
    pub api: SocketAddr,
    /// The SQL listener, where the configuration asks for one.
    pub sql: Option<SocketAddr>,
    /// What keeps its tables, where that is another process. It ends with this one.
    engine: Option<Box<Engine>>,
}

/// What became of a server that was asked to stop.
#[derive(Debug)]
pub struct Stopped {
    pub status: ExitStatus,
    pub took: Duration,
    /// Its log.
    pub stderr: String,
}

/// Both outputs of a process, as far as they have come.
#[derive(Debug, Clone, Default)]
struct Output {
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

/// A program call, without what the tester's own environment says of TelemetryFlow; of the program that `TELEMETRYFLOW_BIN` names, if
/// it does: a release build, for long runs.
pub fn program() -> Command {
    let named = std::env::var_os("TELEMETRYFLOW_BIN");
    alone(Command::new(named.unwrap_or_else(|| env!("CARGO_BIN_EXE_telemetryflow").into())))
}

/// As [`program`], for the one with faults (`tests/faulty/program.rs`).
pub fn faulty() -> Command {
    let folder = Path::new(env!("CARGO_BIN_EXE_telemetryflow")).parent().expect("the folder of the program");
    let path = folder.join("examples").join("faulty");
    assert!(is_fresh(&path), "{} is missing or old: cargo build --example faulty", path.display());
    alone(Command::new(path))
}

/// Whether a program is there and not older than what it is made of. Who runs a single test builds no examples, and
/// would prove something about a program of yesterday.
fn is_fresh(program: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    // Cargo's list: the program, a colon, and its sources; a space within a path has a backslash before it.
    let Ok(list) = fs::read_to_string(program.with_extension("d")) else { return false };
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources.trim()).replace("\\ ", "\0");
    let Some(built) = changed(program) else { return false };
    sources
        .split(' ')
        .all(|source| changed(Path::new(&source.replace('\0', " "))).is_some_and(|at| at <= built))
}

fn alone(mut command: Command) -> Command {
    let ours = |name: &str| name.starts_with("TELEMETRYFLOW__") || name.starts_with("FAULTY_");
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command
}

/// Writes the configuration into `folder`: ports of the system's choice, data beside it, and what the test adds.
pub fn configure(folder: &Path, extra: &str) -> PathBuf {
    written(&folder.join("config.toml"), &folder.join("data"), extra)
}

/// A configuration with ports of the system's choice. What is added begins in the section `[store]`.
pub fn written(path: &Path, data: &Path, extra: &str) -> PathBuf {
    let text = format!(
        "[listen]\notlp_grpc = \"127.0.0.1:0\"\notlp_http = \"127.0.0.1:0\"\napi = \"127.0.0.1:0\"\n\
         [store]\npath = {data:?}\n{extra}\n"
    );
    fs::write(path, text).expect("the configuration is written");
    path.to_owned()
}

/// Most tests ask for what they have just sent, and send the same bytes several times: unless they say otherwise, an answer
/// means that it can be read, and no body is recognised.
fn plain_ingestion(extra: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let defaults = [
        ("durability", ("TELEMETRYFLOW__INGEST__DURABILITY", "store")),
        ("resent_window", ("TELEMETRYFLOW__INGEST__RESENT_WINDOW", "0s")),
    ];
    defaults.into_iter().filter(|(key, _)| !extra.contains(key)).map(|(_, variable)| variable)
}

pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Rows of the tables in the `folder` of a server that has stopped; 64-bit integers are numbers.
pub fn rows(folder: &TempDir, statement: &str) -> Vec<Value> {
    let statement = format!("{statement} SETTINGS output_format_json_quote_64bit_integers = 0");
    let mut command = program();
    command.arg("sql").arg("--config").arg(tables_of(folder.path()));
    let answer = command.args(["--format", "JSONEachRow", &statement]).output().expect("the program runs");
    assert!(answer.status.success(), "{statement}: {}", String::from_utf8_lossy(&answer.stderr));
    let lines = answer.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("a row")).collect()
}

impl Server {
    /// Starts in `folder`, whose data it takes up, and waits until it is ready.
    pub fn start(folder: &TempDir, extra: &str) -> Self {
        Self::start_with(folder, extra, &[])
    }

    pub fn start_with(folder: &TempDir, extra: &str, environment: &[(&str, &str)]) -> Self {
        let mut program = program();
        program.envs(plain_ingestion(extra)).envs(environment.iter().copied());
        let server = Self::spawn(program, folder, extra).ready();
        server.unwrap_or_else(|ended| panic!("the server ended with {}:\n{}", ended.status, ended.stderr))
    }

    /// A process that has just begun, and another one for its tables if the tests are to run so.
    pub fn spawn(program: Command, folder: &TempDir, extra: &str) -> Self {
        match Engine::behind(folder.path()) {
            None => Self::launch(program, &configure(folder.path(), extra)),
            Some(engine) => Self::before(engine, program, folder, extra),
        }
    }

    /// A process whose tables are kept by another one, which ends with it.
    pub fn before(engine: Engine, program: Command, folder: &TempDir, extra: &str) -> Self {
        let config = configure(folder.path(), &format!("{}{extra}", engine.as_store()));
        let mut server = Self::launch(program, &config);
        server.engine = Some(Box::new(engine));
        server
    }

    pub fn launch(mut program: Command, config: &Path) -> Self {
        let mut process = program
            .arg("serve")
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let output = Output::default();
        let readers = vec![
            follow(process.stdout.take().expect("stdout"), &output.stdout),
            follow(process.stderr.take().expect("stderr"), &output.stderr),
        ];
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { process, output, readers, grpc: nowhere, otlp: nowhere, api: nowhere, sql: None, engine: None }
    }

    /// Waits until it is ready. The other answer is that it ended instead.
    pub fn ready(mut self) -> Result<Self, Stopped> {
        let begun = Instant::now();
        let found = eventually("the server is ready", READY_WITHIN, || {
            let ended = self.process.try_wait().expect("the state of the process");
            ended.map(Err).or_else(|| self.addresses().map(Ok))
        });
        match found {
            Ok([grpc, otlp, api]) => {
                (self.grpc, self.otlp, self.api) = (grpc, otlp, api);
                self.sql = self.sql_address();
                Ok(self)
            }
            Err(status) => Err(self.ended(status, begun)),
        }
    }

    /// The greeting has it above its last line.
    fn sql_address(&self) -> Option<SocketAddr> {
        let greeting = self.stdout();
        let rest = greeting.split_once("sql     POST http://")?.1;
        rest.split('/').next()?.parse().ok()
    }

    /// The bound addresses: from the greeting on stdout, or, where the log is for machines, from its line.
    fn addresses(&self) -> Option<[SocketAddr; 3]> {
        let greeting = self.output.stdout.lock().expect("stdout").clone();
        let after = |text: &str, mark: &str| {
            let rest = text.split_once(mark)?.1;
            rest.split(['/', '"', ' ', '\n']).next()?.parse().ok()
        };
        let all = |text: &str, [grpc, otlp, api]: [&str; 3]| {
            Some([after(text, grpc)?, after(text, otlp)?, after(text, api)?])
        };
        if greeting.contains("Stop with Ctrl-C.") {
            return all(&greeting, ["gRPC http://", "POST http://", "GET  http://"]);
        }
        let log = self.log();
        let line = log.lines().find(|line| line.contains("\"message\":\"ready\""))?;
        all(line, ["\"otlp_grpc\":\"", "\"otlp_http\":\"", "\"api\":\""])
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        self.output.stderr.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn stdout(&self) -> String {
        self.output.stdout.lock().expect("stdout").clone()
    }

    /// Posts a protobuf body on a connection of its own.
    pub fn post_metrics(&self, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let headers = [&[PROTOBUF][..], headers].concat();
        Connection::open(self.otlp).ask(&request("POST", "/v1/metrics", &headers, body))
    }

    pub fn get(&self, path_and_query: &str) -> Answer {
        Connection::open(self.api).ask(&request("GET", path_and_query, &[("connection", "close")], b""))
    }

    /// The sum of all samples of a metric on `/metrics` whose line holds each of `labels`.
    pub fn measured(&self, name: &str, labels: &[&str]) -> u64 {
        let page = self.get("/metrics").text();
        let samples = page.lines().filter(|line| {
            let rest = line.strip_prefix(name).unwrap_or_default();
            rest.starts_with([' ', '{']) && labels.iter().all(|label| rest.contains(label))
        });
        samples.map(|line| line.rsplit(' ').next().and_then(|n| n.parse::<u64>().ok()).expect(line)).sum()
    }

    /// The most memory that the process ever held, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.memory_of("VmHWM:")
    }

    /// The memory that the process holds now, in bytes.
    pub fn memory(&self) -> u64 {
        self.memory_of("VmRSS:")
    }

    fn memory_of(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the field");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes * 1_024
    }

    pub fn terminate(&self) {
        let kill = Command::new("kill").arg("-TERM").arg(self.id().to_string()).status();
        assert!(kill.expect("kill runs").success());
    }

    /// SIGTERM, and what followed.
    pub fn stop(self) -> Stopped {
        self.terminate();
        self.wait()
    }

    /// SIGKILL, and what it had said by then.
    pub fn kill(mut self) -> Stopped {
        self.process.kill().expect("it is killed, or has ended already");
        self.wait()
    }

    /// Until it ends of itself.
    pub fn wait(mut self) -> Stopped {
        let begun = Instant::now();
        let status =
            eventually("the server stops", STOPPED_WITHIN, || self.process.try_wait().expect("its state"));
        self.ended(status, begun)
    }

    fn ended(mut self, status: ExitStatus, begun: Instant) -> Stopped {
        let took = begun.elapsed();
        for reader in self.readers.drain(..) {
            reader.join().expect("its output is read");
        }
        // What is looked at next are its tables.
        self.engine.take().and_then(|engine| engine.stop());
        Stopped { status, took, stderr: self.log() }
    }
}

impl Drop for Server {
    #[expect(clippy::print_stderr, reason = "whoever reads of a failed test needs it")]
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
        if thread::panicking() {
            eprintln!("the log of the server whose API was at {}:\n{}", self.api, self.log());
        }
    }
}

fn follow(from: impl Read + Send + 'static, into: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let into = Arc::clone(into);
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let mut text = into.lock().expect("the text");
            text.push_str(&String::from_utf8_lossy(&line));
            text.push('\n');
        }
    })
}

/// Polls until there is a result; fails when there is none in time.
pub fn eventually<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(result) = probe() {
            return result;
        }
        assert!(Instant::now() < deadline, "not within {} s: {what}", within.as_secs());
        thread::sleep(Duration::from_millis(20));
    }
}
