//! The command line.

mod columns;
mod dead_letters;
mod journal;
mod rules;

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::bootstrap::{self, Surroundings};
use crate::config::{Settings, SettingsSource};
use crate::shared::TenantId;
use crate::tenancy::{KeyId, NewKey, Role};

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
    /// Read the tables (database telemetryflow) with ClickHouse's SQL: while no server runs on them, or those of a store elsewhere.
    Sql {
        #[command(flatten)]
        configured: Configured,
        /// Format of the answer: PrettyCompact, JSONEachRow, CSVWithNames, ... (ClickHouse, "Formats").
        #[arg(long, default_value = "PrettyCompact")]
        format: String,
        /// One statement: "SELECT count() FROM telemetryflow.otel_logs".
        statement: String,
    },
    /// Bring the schema of the store to this version, as a start of the server does, and exit.
    Migrate {
        #[command(flatten)]
        configured: Configured,
        /// Print the statements that a store without tables would be given, and ask nobody.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print what the API takes and answers, as OpenAPI 3.1 (`schemas/openapi.json`).
    Openapi,
    /// Make an API key: print it, this once, with the configuration section that makes it valid.
    CreateKey(KeyRequest),
    /// What was acknowledged and the store refuses for good: look at it, have it stored after all, or thrown away.
    DeadLetters {
        #[command(subcommand)]
        action: dead_letters::Action,
    },
    /// What was acknowledged and is not in the store yet: look at it.
    Journal {
        #[command(subcommand)]
        action: journal::Action,
    },
    /// Alert rules: check them, and try them out before they are trusted.
    Rules {
        #[command(subcommand)]
        action: rules::Action,
    },
}

#[derive(Debug, clap::Args)]
struct KeyRequest {
    /// Names the key: 1 to 64 characters out of a-z, 0-9, _ and -.
    #[arg(long, value_parser = KeyId::parse)]
    id: KeyId,
    /// Whose data its bearers send and read: 1 to 64 characters out of a-z, 0-9, _ and -.
    #[arg(long, value_parser = TenantId::parse)]
    tenant: TenantId,
    /// What it is for: ingest (may send), read (may query) or admin (both, and may see /metrics).
    #[arg(long, value_parser = parse_role)]
    role: Role,
}

fn parse_role(name: &str) -> Result<Role, String> {
    Role::parse(name).ok_or_else(|| format!("allowed: {}", Role::ALL.map(Role::name).join(", ")))
}

#[derive(Debug, clap::Args)]
struct Configured {
    /// Configuration file (TOML); without it the defaults apply. Any key can be overridden by an environment variable
    /// such as TELEMETRYFLOW__LISTEN__API=127.0.0.1:9090.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command and tells the shell how it went. A failure is one line per cause on standard error.
pub fn run(command: Command, surroundings: &dyn Surroundings) -> ExitCode {
    match command.action {
        Action::Serve(configured) => serve(&configured, surroundings),
        Action::CheckConfig(configured) => check_config(&configured),
        Action::Sql { configured, format, statement } => sql(&configured, &format, &statement),
        Action::Migrate { configured, dry_run } => migrate(&configured, dry_run),
        Action::Openapi => openapi(),
        Action::CreateKey(request) => create_key(request),
        Action::DeadLetters { action } => dead_letters::run(action),
        Action::Journal { action } => journal::run(action),
        Action::Rules { action } => rules::run(action),
    }
}

fn serve(configured: &Configured, surroundings: &dyn Surroundings) -> ExitCode {
    match bootstrap::serve(&source(configured), surroundings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(format!("{error:#}")),
    }
}

fn check_config(configured: &Configured) -> ExitCode {
    let settings = match load(configured) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let plan = bootstrap::notification_plan(&settings);
    match plan.and_then(|_| bootstrap::load_rules(&settings)) {
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

fn migrate(configured: &Configured, dry_run: bool) -> ExitCode {
    let settings = match load(configured) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let done = match dry_run {
        true => bootstrap::migrate_dry_run(&settings),
        false => bootstrap::run_migrate(&settings)
            .map(|found| format!("The schema was of version {found}, and is of this one now.")),
    };
    match done {
        Ok(text) => {
            say(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => failed(format!("{error:#}")),
    }
}

fn openapi() -> ExitCode {
    say(format_args!("{:#}", bootstrap::openapi_document()));
    ExitCode::SUCCESS
}

/// The key goes to standard output, on a line of its own; nothing of it is kept.
fn create_key(request: KeyRequest) -> ExitCode {
    let KeyRequest { id, tenant, role } = request;
    let mut random = [0; NewKey::RANDOM_BYTES];
    if let Err(error) = getrandom::fill(&mut random) {
        return failed(format!("the operating system gives no random bytes: {error}"));
    }
    let key = NewKey::new(id.clone(), &random);
    say(format_args!(
        "{token}\n\n\
         # That is the key; it is not shown again. Clients send it as \"Authorization: Bearer KEY\".\n\
         # This goes into the configuration:\n\
         [keys.{id}]\nhash = \"{hash}\"\ntenant = \"{tenant}\"\nrole = \"{role}\"",
        token = key.token(),
        hash = key.hash(),
        role = role.name(),
    ));
    ExitCode::SUCCESS
}

fn source(configured: &Configured) -> SettingsSource {
    // Variables that are not UTF-8 cannot be ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    SettingsSource::new(configured.config.clone(), environment)
}

fn load(configured: &Configured) -> Result<Settings, ExitCode> {
    source(configured).load().map_err(failed)
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
    // Who has closed the pipe (`| head`) has read enough.
    let _ = writeln!(std::io::stdout(), "{text}");
}
