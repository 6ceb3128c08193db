//! A server whose store and disk do as they are told (`tests/faulty/program.rs`), and to which the test alone sends.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::Server;
use super::server::{Stopped, eventually, faulty, folder};

/// What is waited for comes within it, also on a busy machine; an insert is tried again after five seconds at most.
const PATIENCE: Duration = Duration::from_secs(50);
/// How long a server may take to stop while its store is away.
const STOP_DEADLINE: &str = "2s";

#[derive(Debug)]
pub struct Faulty {
    pub server: Server,
    pub folder: TempDir,
    control: PathBuf,
}

impl Faulty {
    /// A server of its own folder, with a store as `order` says.
    pub fn start(order: &str, configuration: &str) -> Self {
        let folder = folder();
        let control = folder.path().join("control");
        Ended { folder, control }.start(order, configuration)
    }

    /// From now on the store (and the disk) are like this.
    pub fn order(&self, order: &str) {
        give_order(&self.control, order);
    }

    pub fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        eventually(what, PATIENCE, || is_so().then_some(()));
    }

    /// SIGKILL.
    pub fn kill(self) -> Ended {
        let Self { server, folder, control } = self;
        assert_sound(&server.kill());
        Ended { folder, control }
    }

    /// SIGKILL, and another server on the same data, for which the store is as `order` says.
    pub fn restart_killed(self, order: &str, configuration: &str) -> Self {
        self.kill().start(order, configuration)
    }

    /// SIGTERM, and another server on the same data, for which the store is as `order` says.
    pub fn restart_stopped(self, order: &str, configuration: &str) -> Self {
        let Self { server, folder, control } = self;
        assert_sound(&server.stop());
        Ended { folder, control }.start(order, configuration)
    }

    /// SIGTERM; the folder is left.
    pub fn stop(self) -> TempDir {
        let stopped = self.server.stop();
        assert!(stopped.status.success(), "{}: {}", stopped.status, stopped.stderr);
        assert_sound(&stopped);
        self.folder
    }
}

/// What a server left.
#[derive(Debug)]
pub struct Ended {
    pub folder: TempDir,
    control: PathBuf,
}

impl Ended {
    /// A server that lives until this crash (`FAULTY_CRASH`).
    pub fn crash(&self, crash: &str, order: &str, configuration: &str) {
        give_order(&self.control, order);
        let environment = [("FAULTY_CRASH", crash)];
        let stopped = spawn(&self.folder, &self.control, configuration, &environment).wait();
        assert!(stopped.status.code().is_none(), "{crash}: {}: {}", stopped.status, stopped.stderr);
        assert_sound(&stopped);
    }

    pub fn start(self, order: &str, configuration: &str) -> Faulty {
        let Self { folder, control } = self;
        give_order(&control, order);
        let server = start(&folder, &control, configuration);
        Faulty { server, folder, control }
    }
}

#[track_caller]
fn assert_sound(stopped: &Stopped) {
    assert!(!stopped.stderr.contains("panicked"), "{}", stopped.stderr);
}

/// In one piece: the file is read all the time.
pub fn give_order(control: &Path, order: &str) {
    let written = control.with_extension("new");
    fs::write(&written, order).expect("the order is written");
    fs::rename(written, control).expect("the order is in place");
}

fn start(folder: &TempDir, control: &Path, configuration: &str) -> Server {
    let server = spawn(folder, control, configuration, &[]).ready();
    server.unwrap_or_else(|ended| panic!("{}: {}", ended.status, ended.stderr))
}

fn spawn(folder: &TempDir, control: &Path, configuration: &str, environment: &[(&str, &str)]) -> Server {
    let mut program = faulty();
    program.env("FAULTY_CONTROL", control).env("TELEMETRYFLOW__SHUTDOWN__DEADLINE", STOP_DEADLINE);
    // What was stored twice is to be seen.
    program.env("FAULTY_KEEP_COPIES", "1");
    program.envs(environment.iter().copied());
    Server::spawn(program, folder, configuration)
}
