//! A PostgreSQL of its own: its folder, a port of this machine, and a password. Ends with the test, by its id.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// It starts within a second; the rest is for busy machines.
const WITHIN: Duration = Duration::from_secs(60);
/// PostgreSQL refuses to run as root: then it runs as nobody.
const NOBODY: u32 = 65_534;

const USER: &str = "flow";
pub const PASSWORD: &str = "hunter2";
const DATABASE: &str = "state";

/// A server that runs, or was stopped and can be started again with what it holds.
#[derive(Debug)]
pub struct PostgresServer {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl PostgresServer {
    /// With one empty database, which every connection needs the password for.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("pg").tempdir().expect("a temporary folder");
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).expect("the password is written");
        if geteuid().is_root() {
            for path in [folder.path(), &password] {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("the folder is given away");
            }
        }
        let data = folder.path().join("data");
        let mut make = program("initdb");
        make.arg("-D").arg(&data).arg("--pwfile").arg(&password);
        run(make.args(["-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]));
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
        let mut server = Self { folder, port: free.port(), process: None };
        server.start_again();
        server.sql_in("postgres", &format!("CREATE DATABASE {DATABASE}"));
        server
    }

    /// The address of its database, without the password.
    pub fn address(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// The address with the password.
    pub fn url(&self) -> String {
        self.address().replacen(USER, &format!("{USER}:{PASSWORD}"), 1)
    }

    /// What a statement answers, as text: a line per row.
    pub fn sql(&self, statement: &str) -> String {
        self.sql_in(DATABASE, statement)
    }

    fn sql_in(&self, database: &str, statement: &str) -> String {
        run(self.client("psql").args(["-d", database, "-XAtqc", statement]))
    }

    /// Ends it at once, with all its connections; what was committed is there when it is started again.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let id = Pid::from_child(&process);
            let asked = kill_process(id, Signal::QUIT);
            let ended = process.wait();
            assert!(thread::panicking() || asked.is_ok() && ended.is_ok(), "{asked:?} {ended:?}");
        }
    }

    /// On the same port, and waits until it answers.
    pub fn start_again(&mut self) {
        let mut server = program("postgres");
        server.arg("-D").arg(self.folder.path().join("data")).arg("-k").arg(self.folder.path());
        server.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        // What a test holds lasts no longer than the machine.
        server.args(["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB"]);
        let log = fs::File::options().create(true).append(true).open(self.log()).expect("a log");
        server.stdout(Stdio::null()).stderr(log).stdin(Stdio::null());
        self.process = Some(server.spawn().expect("postgres starts"));
        let began = Instant::now();
        while !self.client("pg_isready").output().expect("pg_isready runs").status.success() {
            assert!(began.elapsed() < WITHIN, "{}", fs::read_to_string(self.log()).unwrap_or_default());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn client(&self, name: &str) -> Command {
        let mut client = program(name);
        client
            .args(["-h", "127.0.0.1", "-U", USER, "-p", &self.port.to_string()])
            .env("PGPASSWORD", PASSWORD);
        client
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(command: &mut Command) -> String {
    let done = command.output().expect("it runs");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
}

/// A program of PostgreSQL: beside `postgres` in the path, or where Debian has it.
fn program(name: &str) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    let beside = env::split_paths(&path).filter_map(|folder| fs::canonicalize(folder.join("postgres")).ok());
    let beside = beside.filter_map(|postgres| postgres.parent().map(Path::to_path_buf));
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders = beside.chain(versions.map(|version| version.path().join("bin")));
    let found = folders.find(|folder| folder.join(name).exists() && folder.join("postgres").exists());
    let folder = found.unwrap_or_else(|| {
        panic!("{name} is missing: install PostgreSQL (Debian: apt-get install postgresql)")
    });
    let mut command = Command::new(folder.join(name));
    // Its own folder may be closed to whom it runs as.
    command.current_dir("/").env_remove("PGDATA");
    if geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}
