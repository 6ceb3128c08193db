//! What a user's statement may name. The engine runs with the rights of this process, and nothing in it stops a statement from
//! reading any file or calling any address, so this does.
//!
//! Two walls stand behind each other: the connection of a reader is `readonly`, which the engine enforces (no table functions that reach
//! outside, no writes, no settings), and these rules, which hold for writers, too. They go by names: functions that reach outside are
//! refused wherever they are named, table functions where they are called, `system` but for the tables that describe.

use std::collections::BTreeSet;

use super::lexer::Piece;
use super::settings;

/// Why a statement is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("{0} is not allowed here: it reaches outside of the database")]
    Function(String),
    #[error("system.{0} is not shown here")]
    SystemTable(String),
    #[error("the database default is not used here; name telemetryflow")]
    DefaultDatabase,
    #[error("{0} is not allowed here")]
    Word(&'static str),
    #[error("the table engine {0} is not allowed here")]
    Engine(String),
    #[error("the setting {0} is not taken here")]
    Setting(String),
}

/// Functions that read files, ask other servers, or look into the process. Refused also where they are not called (`* APPLY(file)`).
/// Chosen from all that the pinned engine has; a test tells when it has others.
const FUNCTIONS: [&str; 12] = [
    "addresstoline",
    "addresstolinewithinlines",
    "addresstosymbol",
    "aiclassify",
    "aiembed",
    "aiextract",
    "aigenerate",
    "aitranslate",
    "catboostevaluate",
    "demangle",
    "file",
    "hascolumnintable",
];

/// Table functions that only make rows out of their arguments, or out of what the statement may read anyway.
const TABLE_FUNCTIONS: [&str; 14] = [
    "format",
    "generate_series",
    "generaterandom",
    "generateseries",
    "null",
    "numbers",
    "numbers_mt",
    "primes",
    "values",
    "view",
    "viewexplain",
    "viewifpermitted",
    "zeros",
    "zeros_mt",
];

/// Tables of `system` that describe the engine, its tables and its work. Others show what other users do, what the machine is, or
/// disturb the process by being read (`system.stack_trace`).
const SYSTEM_TABLES: [&str; 31] = [
    "aggregate_function_combinators",
    "asynchronous_metrics",
    "build_options",
    "clusters",
    "collations",
    "columns",
    "contributors",
    "data_skipping_indices",
    "data_type_families",
    "databases",
    "errors",
    "events",
    "formats",
    "functions",
    "keywords",
    "licenses",
    "merge_tree_settings",
    "merges",
    "metrics",
    "mutations",
    "numbers",
    "numbers_mt",
    "one",
    "parts",
    "parts_columns",
    "projections",
    "settings",
    "table_engines",
    "table_functions",
    "tables",
    "time_zones",
];

/// Words that begin what the client of the engine does itself, and what leaves the database.
const WORDS: [&str; 9] =
    ["OUTFILE", "INFILE", "FREEZE", "UNFREEZE", "FETCH", "EXPORT", "BACKUP", "RESTORE", "SECURITY"];

/// The rules, with the names of all table functions that the engine has.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    table_functions: BTreeSet<String>,
}

impl Rules {
    /// `table_functions` are all that the engine has (`system.table_functions`), so that a new one is refused until it is known.
    pub fn new(table_functions: impl IntoIterator<Item = String>) -> Self {
        let all = table_functions.into_iter().map(|name| name.to_ascii_lowercase());
        Self { table_functions: all.filter(|name| !TABLE_FUNCTIONS.contains(&name.as_str())).collect() }
    }

    /// Looks at every piece of a statement, data apart.
    pub fn check(&self, pieces: &[Piece<'_>]) -> Result<(), Forbidden> {
        for (index, piece) in pieces.iter().enumerate() {
            let behind = pieces.get(index + 1..).unwrap_or_default();
            if piece.names() {
                self.check_name(piece, behind)?;
            }
        }
        Ok(())
    }

    fn check_name(&self, piece: &Piece<'_>, behind: &[Piece<'_>]) -> Result<(), Forbidden> {
        let name = piece.text.to_ascii_lowercase();
        let is_called = behind.first().is_some_and(|next| next.is_mark(b'('));
        if FUNCTIONS.contains(&name.as_str()) || is_called && self.table_functions.contains(&name) {
            return Err(Forbidden::Function(name));
        }
        if let Some(word) = WORDS.iter().find(|word| piece.is(word)) {
            return Err(Forbidden::Word(word));
        }
        match (piece.text, behind) {
            ("system", [dot, table, ..]) if dot.is_mark(b'.') && !SYSTEM_TABLES.contains(&table.text) => {
                Err(Forbidden::SystemTable(table.text.to_owned()))
            }
            ("default", [dot, ..]) if dot.is_mark(b'.') => Err(Forbidden::DefaultDatabase),
            _ if piece.is("ENGINE") => engine(behind),
            _ if piece.is("SETTINGS") || piece.is("SETTING") => assignments(behind),
            _ => Ok(()),
        }
    }

    /// What takes the place of `{name:Identifier}`, as it would stand in a statement.
    pub fn check_identifier(&self, value: &str) -> Result<(), Forbidden> {
        let parts = value.to_ascii_lowercase();
        let mut parts = parts.split('.');
        let is_refused = |part: &str| FUNCTIONS.contains(&part) || matches!(part, "system" | "default");
        match parts.find(|part| is_refused(part.trim_matches(['`', '"', ' ']))) {
            Some(part) => Err(Forbidden::Function(part.to_owned())),
            None => Ok(()),
        }
    }
}

/// Behind `ENGINE`: an equals sign perhaps, and a name.
fn engine(behind: &[Piece<'_>]) -> Result<(), Forbidden> {
    let named = match behind {
        [equals, name, ..] if equals.is_mark(b'=') => name,
        [name, ..] => name,
        [] => return Ok(()),
    };
    let is_fine =
        named.text.ends_with("MergeTree") || matches!(named.text, "Memory" | "Null" | "Atomic" | "View");
    if is_fine { Ok(()) } else { Err(Forbidden::Engine(named.text.to_owned())) }
}

/// Behind `SETTINGS`: names with plain values, separated by commas. What is not of that form is no assignment (`FROM settings`).
fn assignments(mut behind: &[Piece<'_>]) -> Result<(), Forbidden> {
    while let [name, equals, value, rest @ ..] = behind
        && name.names()
        && equals.is_mark(b'=')
    {
        let is_plain = !rest.first().is_some_and(|next| next.is_mark(b'(')) && !value.is_mark(b'(');
        if !is_plain || !settings::may_be_in_statements(name.text) {
            return Err(Forbidden::Setting(name.text.to_owned()));
        }
        // A number may have a sign and a point.
        let comma = rest.iter().position(|piece| piece.is_mark(b','));
        behind = comma.and_then(|comma| rest.get(comma + 1..)).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::lexer::Lexer;
    use super::*;

    fn check(text: &str) -> Result<(), Forbidden> {
        let rules = Rules::new(["numbers", "file", "merge", "mergeTreeIndex", "loop"].map(str::to_owned));
        let mut lexer = Lexer::new(text.as_bytes());
        let mut pieces = Vec::new();
        while let Some(piece) = lexer.next().unwrap() {
            pieces.push(piece);
        }
        rules.check(&pieces)
    }

    #[test]
    fn what_stays_within_the_database_is_allowed() {
        for text in [
            "SELECT count() FROM telemetryflow.otel_logs WHERE Body LIKE '%file(url)%'",
            "SELECT number, 'file' FROM numbers(10) WHERE merge = 1",
            "SELECT name FROM system.tables JOIN `system`.`columns` USING (name)",
            "SELECT 1 SETTINGS max_threads = 2, max_execution_time = 1.5",
            "SELECT name FROM system.settings WHERE name = 'readonly'",
            "CREATE TABLE a (b UInt8) ENGINE = ReplacingMergeTree(b) ORDER BY b SETTINGS ttl_only_drop_parts = 1",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_leaves_it_is_refused_however_it_is_written() {
        for text in [
            "SELECT file('/etc/passwd')",
            "SELECT FILE ('/etc/passwd')",
            "SELECT `file`/**/('/etc/passwd')",
            "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
            "SELECT arrayMap(file, ['/etc/passwd'])",
            "SELECT * FROM merge('system', '.*')",
            "SELECT * FROM mergeTreeIndex(a, b)",
            "SELECT 1 INTO OUTFILE '/tmp/x'",
            "INSERT INTO a FROM INFILE 'x'",
            "SELECT * FROM system.stack_trace",
            "SELECT * FROM \"system\" . `processes`",
            "SELECT * FROM default.`/etc/passwd`",
            "CREATE TABLE a (b UInt8) ENGINE = URL('http://127.0.0.1/')",
            "CREATE TABLE a (b UInt8) ENGINE File(CSV)",
            "CREATE TABLE a (b UInt8) ENGINE = MergeTree ORDER BY b SETTINGS disk = disk(type = local, path = '/')",
            "SELECT 1 SETTINGS max_threads = 1, additional_result_filter = 'x'",
            "ALTER TABLE a MODIFY SETTING storage_policy = 'x'",
            "ALTER TABLE a FREEZE",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn identifiers_that_are_bound_are_held_to_the_same() {
        let rules = Rules::default();
        assert_eq!(rules.check_identifier("otel_logs"), Ok(()));
        for value in ["system", "System", "`system`.stack_trace", "file", "default"] {
            assert!(rules.check_identifier(value).is_err(), "{value}");
        }
    }
}
