//! The command line.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::bootstrap;
use crate::config::Settings;

/// OpenTelemetry in, ClickHouse inside, fast reads and alerts out.
#[derive(Debug, Parser)]
#[command(name = "telemetryflow", version, about, long_about = None, arg_required_else_help = true)]
pub struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Receive, store, answer and alert until SIGTERM or Ctrl-C.
    Serve(Configured),
    /// Check the configuration and the alert rules, print what would apply, and exit.
    CheckConfig(Configured),
    /// Read the tables (database telemetryflow) with ClickHouse's SQL while no server runs on them.
    Sql {
        #[command(flatten)]
        configured: Configured,
        /// Format of the answer: PrettyCompact, JSONEachRow, CSVWithNames, ... (ClickHouse, "Formats").
        #[arg(long, default_value = "PrettyCompact")]
        format: String,
        /// One statement: "SELECT count() FROM telemetryflow.otel_logs".
        statement: String,
    },
}

#[derive(Debug, clap::Args)]
struct Configured {
    /// Configuration file (TOML); without it the defaults apply. Any key can be overridden by an environment variable
    /// such as TELEMETRYFLOW__LISTEN__API=127.0.0.1:9090.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command and tells the shell how it went. A failure is one line per cause on standard error.
pub fn run(command: Command) -> ExitCode {
    match command.action {
        Action::Serve(configured) => serve(&configured),
        Action::CheckConfig(configured) => check_config(&configured),
        Action::Sql { configured, format, statement } => sql(&configured, &format, &statement),
    }
}

fn serve(configured: &Configured) -> ExitCode {
    let settings = match load(configured) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    match bootstrap::serve(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(format!("{error:#}")),
    }
}

fn check_config(configured: &Configured) -> ExitCode {
    let settings = match load(configured) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    match bootstrap::load_rules(&settings) {
        Ok(rules) => {
            say(format_args!("{settings}\n# {} alert rules\n# The configuration is valid.", rules.len()));
            ExitCode::SUCCESS
        }
        Err(error) => failed(format!("{error:#}")),
    }
}

fn sql(configured: &Configured, format: &str, statement: &str) -> ExitCode {
    let settings = match load(configured) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    match bootstrap::run_sql(&settings, statement, format) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(format!("{error:#}")),
    }
}

fn load(configured: &Configured) -> Result<Settings, ExitCode> {
    // Variables that are not UTF-8 cannot be ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Settings::load(configured.config.as_deref(), environment).map_err(failed)
}

fn failed(error: impl Display) -> ExitCode {
    for line in error.to_string().lines() {
        #[expect(clippy::print_stderr, reason = "the command line speaks to whoever started it")]
        {
            eprintln!("telemetryflow: {line}");
        }
    }
    ExitCode::FAILURE
}

/// Prints for people.
pub fn say(text: impl Display) {
    #[expect(clippy::print_stdout, reason = "the command line speaks to whoever started it")]
    {
        println!("{text}");
    }
}
