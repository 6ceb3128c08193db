//! `telemetryflow rules`: checks alert rules, and tries them out on points that a file gives or that the store has.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::{Configured, columns, failed, load, say};
use crate::alerting::{Played, RuleFiles, RuleTest, TestOutcome, Wanted, load_rule_tests, load_rules};
use crate::bootstrap::{self, BacktestRequest};
use crate::platform::clock::SystemClock;
use crate::shared::{Clock, TenantId, TimeRange, Timestamp, duration_text};
use crate::telemetry::dead_letters::time_text;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Read rule files, and tell everything that is wrong with them, or what each rule measures.
    Check {
        #[command(flatten)]
        configured: Configured,
        /// A file or a folder; without it the one of the configuration. Its rules may name any channel.
        path: Option<PathBuf>,
    },
    /// Run tests of rules in simulated time: series go in, and exactly the listed transitions have to come out.
    Test {
        /// Files as `schemas/alert-rule-tests.schema.json` describes them.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Tell what a rule would have done, by what is stored, while no server runs.
    Backtest {
        #[command(flatten)]
        configured: Configured,
        /// The rule's id.
        #[arg(long, value_name = "ID")]
        rule: String,
        /// From when on: RFC 3339, now-7d.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        from: Timestamp,
        /// Until when.
        #[arg(long, value_name = "TIME", value_parser = moment, default_value = "now")]
        to: Timestamp,
        /// Rule files other than those of the configuration.
        #[arg(long, value_name = "PATH")]
        rules: Option<PathBuf>,
        /// Also tell when it is pending, recovering or inactive.
        #[arg(long)]
        all: bool,
    },
}

/// RFC 3339, `now`, or `now-7d`.
fn moment(text: &str) -> Result<Timestamp, String> {
    let now = SystemClock.now();
    if let Some(before) = text.strip_prefix("now") {
        let Some(before) = before.strip_prefix('-') else {
            return if before.is_empty() { Ok(now) } else { Err("now-7d, say".to_owned()) };
        };
        return duration_text::parse(before).map(|before| now.minus(before)).map_err(|e| e.to_string());
    }
    let parsed: jiff::Timestamp = text.parse().map_err(|_| "RFC 3339, now, or now-7d".to_owned())?;
    let nanos = u64::try_from(parsed.as_nanosecond()).ok();
    nanos.and_then(Timestamp::from_unix_nanos).ok_or_else(|| "1970 to 2100".to_owned())
}

pub(super) fn run(action: Action) -> ExitCode {
    match action {
        Action::Check { configured, path } => check(&configured, path.as_deref()),
        Action::Test { files } => test(&files),
        Action::Backtest { configured, rule, from, to, rules, all } => {
            let Some(range) = TimeRange::new(from, to) else { return failed("--to has to be after --from") };
            let wanted = if all { Wanted::All } else { Wanted::Told };
            backtest(&configured, &BacktestRequest { rule, rules, range, wanted })
        }
    }
}

fn check(configured: &Configured, path: Option<&Path>) -> ExitCode {
    let read = match path {
        Some(path) => load_rules(path, None).map_err(anyhow::Error::from),
        None => match load(configured) {
            Ok(settings) => bootstrap::load_rules(&settings),
            Err(code) => return code,
        },
    };
    match read {
        Ok(files) => {
            say(described(&files).trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => failed(format!("{error:#}")),
    }
}

fn described(files: &RuleFiles) -> String {
    let rows = files.rules().rules().iter().map(|rule| {
        let off = if rule.is_enabled() { "" } else { " (disabled)" };
        [format!("{}{off}", rule.id), rule.conditions(), rule.measure.expression()]
    });
    let table = if files.is_empty() {
        String::new()
    } else {
        columns::table(["RULE", "THRESHOLDS", "MEASURES"], rows)
    };
    format!("{table}{}", counted(files.len(), "rule"))
}

fn test(files: &[PathBuf]) -> ExitCode {
    let (mut run, mut failures, mut wrong) = (0_usize, 0_usize, 0_usize);
    for file in files {
        match load_rule_tests(file) {
            Ok(tests) => {
                let count = tests.len();
                let failed = test_file(file, tests);
                run += count;
                failures += failed;
                if failed == 0 {
                    say(format_args!("{}: {} passed", file.display(), counted(count, "test")));
                }
            }
            Err(error) => {
                wrong += 1;
                failed(error);
            }
        }
    }
    match (failures, wrong) {
        (0, 0) => ExitCode::SUCCESS,
        (0, wrong) => failed(format!("{} cannot be read", counted(wrong, "file"))),
        (failures, _) => failed(format!("{failures} of {} failed", counted(run, "test"))),
    }
}

/// Runs the tests of a file; says which failed, and how many.
fn test_file(file: &Path, tests: Vec<RuleTest>) -> usize {
    let mut failures = 0;
    for test in tests {
        let name = test.name.clone();
        let told = match test.run() {
            Ok(outcome) if outcome.has_passed() => continue,
            Ok(outcome) => compared(&outcome),
            Err(error) => error.to_string(),
        };
        failures += 1;
        say(format_args!("{}: test {name}: failed\n{}\n", file.display(), told.trim_end()));
    }
    failures
}

fn compared(outcome: &TestOutcome) -> String {
    let rows = outcome
        .rows
        .iter()
        .map(|row| [row.verdict.name().to_owned(), row.expected.clone(), row.found.clone()]);
    columns::table(["", "EXPECTED", "FOUND"], rows)
}

fn backtest(configured: &Configured, request: &BacktestRequest) -> ExitCode {
    let settings = match load(configured) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    match bootstrap::run_backtest(&settings, request) {
        Ok(played) => {
            say(transitions(&played).trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => failed(format!("{error:#}")),
    }
}

fn transitions(played: &[(TenantId, Played)]) -> String {
    let rows = played.iter().flat_map(|(tenant, played)| {
        played.transitions.iter().map(move |one| {
            let labels: Vec<_> = one.labels().iter().map(|(name, value)| format!("{name}={value}")).collect();
            [
                time_text(one.at),
                tenant.to_string(),
                one.kind().to_owned(),
                one.severity().name().to_owned(),
                one.reason(),
                labels.join(","),
            ]
        })
    });
    let mut told = columns::table(["TIME", "TENANT", "KIND", "SEVERITY", "REASON", "LABELS"], rows);
    let count: u64 = played.iter().map(|(_, played)| played.count).sum();
    let shown: usize = played.iter().map(|(_, played)| played.transitions.len()).sum();
    if count == 0 {
        told.clear();
    }
    told.push_str(&counted(usize::try_from(count).unwrap_or(usize::MAX), "transition"));
    if count > shown as u64 {
        told.push_str(&format!(", the first {shown} of which are shown"));
    }
    told
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
