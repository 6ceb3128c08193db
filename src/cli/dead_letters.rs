//! `telemetryflow dead-letters`: shows what the store refused for good, and tells the server what is to become of it. Works on the
//! files alone, whether a server runs or not.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{Configured, columns, failed, load, say};
use crate::bootstrap::dead_letters_path;
use crate::platform::journal::Payload;
use crate::telemetry::dead_letters::{
    About, LetterError, LetterFolder, LetterId, Reason, Standing, Summary, time_text,
};

/// Longest reason in the table, in characters; `show` tells all of it.
const REASON_CHARS_MAX: usize = 80;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// List all dead letters.
    List {
        #[command(flatten)]
        configured: Configured,
        /// A table for people, or JSON for programs.
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Show everything that can be read of one dead letter.
    Show {
        #[command(flatten)]
        configured: Configured,
        /// As `list` shows it.
        #[arg(value_parser = LetterId::parse)]
        id: LetterId,
    },
    /// Have dead letters stored after all: the server tries them again.
    Replay {
        #[command(flatten)]
        configured: Configured,
        #[command(flatten)]
        which: Which,
    },
    /// Have dead letters thrown away, for good: the server counts and removes them.
    Drop {
        #[command(flatten)]
        configured: Configured,
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Format {
    Table,
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// As `list` shows them.
    #[arg(value_name = "ID", value_parser = LetterId::parse, required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<LetterId>,
    /// All of which nothing was said yet.
    #[arg(long)]
    all: bool,
}

pub(super) fn run(action: Action) -> ExitCode {
    let configured = match &action {
        Action::List { configured, .. }
        | Action::Show { configured, .. }
        | Action::Replay { configured, .. }
        | Action::Drop { configured, .. } => configured,
    };
    let folder = match load(configured) {
        Ok(settings) => LetterFolder::at(dead_letters_path(&settings)),
        Err(code) => return code,
    };
    let done = match action {
        Action::List { format, .. } => list(&folder, format),
        Action::Show { id, .. } => show(&folder, id),
        Action::Replay { which, .. } => mark(&folder, &which, Standing::ToReplay),
        Action::Drop { which, .. } => mark(&folder, &which, Standing::ToDrop),
    };
    done.unwrap_or_else(failed)
}

fn list(folder: &LetterFolder, format: Format) -> Result<ExitCode, LetterError> {
    let letters = folder.list()?;
    match format {
        Format::Json => {
            let letters: Vec<Value> = letters.iter().map(object).collect();
            say(format_args!("{:#}", Value::from(letters)));
        }
        Format::Table if letters.is_empty() => say("no dead letters"),
        Format::Table => say(table(&letters).trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

fn object(letter: &Summary) -> Value {
    let Summary { id, standing, bytes, about } = letter;
    let (id, state) = (id.to_string(), standing.name());
    match about {
        Err(damage) => json!({ "id": id, "state": state, "bytes": bytes, "damage": damage.to_string() }),
        Ok(about) => json!({
            "id": id,
            "state": state,
            "bytes": bytes,
            "tenant": about.tenant.as_str(),
            "signal": about.signal.name(),
            "items": about.items,
            "receivedAt": time_text(about.received_at),
            "refusedAt": time_text(about.refused_at),
            "reason": about.reason.as_str(),
            "tokens": about.tokens,
        }),
    }
}

fn table(letters: &[Summary]) -> String {
    let heads = ["ID", "TENANT", "SIGNAL", "ITEMS", "RECEIVED", "STATE", "REASON"];
    columns::table(heads, letters.iter().map(cells))
}

fn cells(letter: &Summary) -> [String; 7] {
    let (id, state) = (letter.id.to_string(), letter.standing.name().to_owned());
    match &letter.about {
        Err(damage) => {
            let none = || "-".to_owned();
            [id, none(), none(), none(), none(), state, format!("DAMAGED: {damage}")]
        }
        Ok(About { tenant, signal, items, received_at, reason, .. }) => [
            id,
            tenant.to_string(),
            signal.name().to_owned(),
            items.to_string(),
            time_text(*received_at).split('.').next().unwrap_or_default().trim_end_matches('Z').to_owned()
                + "Z",
            state,
            cut(reason.as_str()),
        ],
    }
}

fn cut(reason: &str) -> String {
    match reason.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}...", reason.get(..end).unwrap_or_default()),
        None => reason.to_owned(),
    }
}

fn show(folder: &LetterFolder, id: LetterId) -> Result<ExitCode, LetterError> {
    let letter = folder.read(id)?;
    let about = &letter.about;
    let kind = match &letter.payload {
        Payload::Plain(_) => "plain",
        Payload::Packed(_) => "packed as it was received",
    };
    let mut lines = vec![
        ("id", id.to_string()),
        ("tenant", about.tenant.to_string()),
        ("signal", about.signal.name().to_owned()),
        ("items", format!("{} {}", about.items, about.signal.items())),
        ("received", time_text(about.received_at)),
        ("refused", time_text(about.refused_at)),
        ("reason", about.reason.as_str().to_owned()),
    ];
    // What a file says is shown as text, whoever wrote it.
    lines.extend(about.tokens.iter().map(|token| ("token", Reason::new(token).as_str().to_owned())));
    lines.push(("header", format!("{} bytes", letter.header.len())));
    lines.push(("payload", format!("{} bytes, {kind}", letter.payload.bytes().len())));
    lines.push(("folder", folder.path().display().to_string()));
    for (name, value) in lines {
        say(format_args!("{name:9} {value}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Does what can be done, and fails if that is not all.
fn mark(folder: &LetterFolder, which: &Which, standing: Standing) -> Result<ExitCode, LetterError> {
    let letters = folder.list()?;
    let chosen: Vec<LetterId> = match which.all {
        true => letters
            .iter()
            .filter(|letter| letter.standing == Standing::Kept)
            .map(|letter| letter.id)
            .collect(),
        false => which.ids.clone(),
    };
    let (mut count, mut items, mut code) = (0_u64, 0_u64, ExitCode::SUCCESS);
    for id in chosen {
        match mark_one(folder, &letters, id, standing) {
            Ok(letter) => {
                count += 1;
                items += letter.about.as_ref().map_or(0, |about| about.items);
                say(format_args!("{id}  {}", in_words(letter)));
            }
            Err(error) => code = failed(error),
        }
    }
    let letters = if count == 1 { "dead letter" } else { "dead letters" };
    say(format_args!("{count} {letters} with {items} items {}", standing.name()));
    Ok(code)
}

fn mark_one<'a>(
    folder: &LetterFolder,
    letters: &'a [Summary],
    id: LetterId,
    standing: Standing,
) -> Result<&'a Summary, LetterError> {
    let letter = letters.iter().find(|letter| letter.id == id).ok_or(LetterError::Unknown(id))?;
    match letter.about {
        // It cannot be stored; it can be thrown away.
        Err(damage) if standing == Standing::ToReplay => Err(LetterError::Damaged(id, damage)),
        _ => folder.mark(id, standing).map(|()| letter),
    }
}

fn in_words(letter: &Summary) -> String {
    match &letter.about {
        Ok(about) => format!("{} {} of {}", about.items, about.signal.items(), about.tenant),
        Err(damage) => format!("damaged: {damage}"),
    }
}
