//! `Statement`: what a user wants, read off the pieces of the text before the engine sees it.

use super::lexer::{Kind, LexError, Lexer, Piece};
use super::rules::{Forbidden, Rules};

/// Most pieces of a statement, data apart; ClickHouse's own limit is 256 KiB of text.
const PIECES_MAX: usize = 100_000;
/// Longest statement, data apart (ClickHouse's `max_query_size`).
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rights {
    Read,
    Write,
}

/// One statement, which is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement<'a> {
    /// Reads. With the format that it asks for, if it does.
    Read { text: &'a str, format: Option<&'a str> },
    /// Changes tables, or moves rows between them.
    Change { text: &'a str },
    /// Rows that are sent along: the text in front of `FORMAT` or `VALUES`, the format, and the rows that stand behind it.
    Insert { head: &'a str, format: &'a str, rows: &'a [u8] },
    /// Ends a query of the same user.
    Kill { query_id: &'a str },
    /// There is no text at all.
    Nothing,
}

/// Why a statement is not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("Syntax error: {0}")]
    Lexed(#[from] LexError),
    #[error("Syntax error: there is more than one statement")]
    Several,
    #[error("the statement is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    #[error("the statement is not UTF-8")]
    NotText,
    #[error("{0} is not among the statements that are taken here")]
    Kind(String),
    #[error("Cannot execute query in readonly mode: {0}")]
    ReadOnly(String),
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
}

/// Statements that read.
const READING: [&str; 7] = ["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN"];
/// Statements that change, each with what may be changed by it.
const CHANGING: [(&str, &[&str]); 6] = [
    ("ALTER", &["TABLE"]),
    ("CREATE", &["TABLE", "VIEW", "DATABASE", "OR", "MATERIALIZED"]),
    ("DROP", &["TABLE", "VIEW", "DATABASE"]),
    ("OPTIMIZE", &["TABLE"]),
    ("RENAME", &["TABLE"]),
    ("TRUNCATE", &["TABLE"]),
];

/// Reads a statement and holds it to the rules. `bytes` may end in data.
pub fn read<'a>(bytes: &'a [u8], rights: Rights, rules: &Rules) -> Result<Statement<'a>, Refused> {
    let (pieces, data) = pieces(bytes)?;
    let Some(first) = pieces.first() else { return Ok(Statement::Nothing) };
    rules.check(&pieces)?;
    if let Some(query_id) = killed(&pieces) {
        return Ok(Statement::Kill { query_id });
    }
    let kind = admit(first, &pieces, rights)?;
    let text_to =
        |end: usize| str::from_utf8(bytes.get(..end).unwrap_or_default()).map_err(|_| Refused::NotText);
    let end = pieces.last().map_or(0, |last| last.end);
    Ok(match (data, kind) {
        (Some(Data { head_end, format, at }), _) => {
            Statement::Insert { head: text_to(head_end)?, format, rows: bytes.get(at..).unwrap_or_default() }
        }
        (None, Rights::Read) => Statement::Read { text: text_to(end)?, format: format_of(&pieces) },
        (None, Rights::Write) => Statement::Change { text: text_to(end)? },
    })
}

/// Where the data of an `INSERT` is.
struct Data<'a> {
    head_end: usize,
    format: &'a str,
    at: usize,
}

/// The pieces up to the end or to the data; a last semicolon is left out.
fn pieces(bytes: &[u8]) -> Result<(Vec<Piece<'_>>, Option<Data<'_>>), Refused> {
    let mut lexer = Lexer::new(bytes);
    let (mut pieces, mut depth, mut reads) = (Vec::new(), 0_usize, false);
    while let Some(piece) = lexer.next()? {
        if pieces.len() == PIECES_MAX || piece.end > TEXT_BYTES_MAX {
            return Err(Refused::TooLong);
        }
        match piece.kind {
            Kind::Mark(b'(') => depth += 1,
            Kind::Mark(b')') => depth = depth.saturating_sub(1),
            Kind::Mark(b';') => {
                return if lexer.next()?.is_none() { Ok((pieces, None)) } else { Err(Refused::Several) };
            }
            Kind::Word if depth == 0 => {
                let inserts = pieces.first().is_some_and(|first: &Piece<'_>| first.is("INSERT"));
                reads |= ["SELECT", "WITH", "WATCH"].iter().any(|word| piece.is(word));
                if inserts && !reads && (piece.is("VALUES") || piece.is("FORMAT")) {
                    let data = data(bytes, &mut lexer, piece)?;
                    return Ok((pieces, Some(data)));
                }
            }
            _ => {}
        }
        pieces.push(piece);
    }
    Ok((pieces, None))
}

/// As the engine finds it: behind blanks on the line of the format's name, and one line end.
fn data<'a>(bytes: &'a [u8], lexer: &mut Lexer<'a>, keyword: Piece<'a>) -> Result<Data<'a>, Refused> {
    if keyword.is("VALUES") {
        return Ok(Data { head_end: keyword.start, format: "Values", at: keyword.end });
    }
    let name = lexer.next()?.filter(|name| name.kind == Kind::Word);
    let Some(name) = name else { return Err(Refused::Kind("FORMAT without a name".to_owned())) };
    let mut at = name.end;
    let is = |at: usize, wanted: &[u8]| bytes.get(at).is_some_and(|byte| wanted.contains(byte));
    while is(at, b" \t\x0c") {
        at += 1;
    }
    at += usize::from(is(at, b";"));
    at += usize::from(is(at, b"\r"));
    at += usize::from(is(at, b"\n"));
    Ok(Data { head_end: keyword.start, format: name.text, at })
}

/// What such a statement needs, if this user has it.
fn admit(first: &Piece<'_>, pieces: &[Piece<'_>], rights: Rights) -> Result<Rights, Refused> {
    if first.is_mark(b'(') || READING.iter().any(|keyword| first.is(keyword)) {
        return Ok(Rights::Read);
    }
    let second = pieces.get(1);
    let what = || {
        let names = [Some(first), second];
        let words =
            names.into_iter().flatten().filter(|piece| piece.kind == Kind::Word).map(|piece| piece.text);
        words.collect::<Vec<_>>().join(" ")
    };
    let is_second = |words: &[&str]| second.is_some_and(|second| words.iter().any(|word| second.is(word)));
    // INSERT INTO [TABLE] FUNCTION
    let into_function = pieces.iter().take(4).any(|piece| piece.is("FUNCTION"));
    let is_known = first.is("INSERT") && !into_function
        || CHANGING.iter().any(|(keyword, of)| first.is(keyword) && is_second(of));
    match rights {
        _ if !is_known => Err(Refused::Kind(what())),
        Rights::Read => Err(Refused::ReadOnly(what())),
        Rights::Write => Ok(Rights::Write),
    }
}

/// `KILL QUERY WHERE query_id = '...'`, and perhaps how.
fn killed<'a>(pieces: &[Piece<'a>]) -> Option<&'a str> {
    let [kill, query, filter, id, equals, value, how @ ..] = pieces else { return None };
    let is_one = kill.is("KILL")
        && query.is("QUERY")
        && filter.is("WHERE")
        && id.is("query_id")
        && equals.is_mark(b'=')
        && value.kind == Kind::Text
        && !value.text.contains(['\\', '\'']);
    let is_known = match how {
        [] => true,
        [one] => one.is("ASYNC") || one.is("SYNC"),
        _ => false,
    };
    (is_one && is_known).then_some(value.text)
}

/// The name behind the last `FORMAT` outside of brackets.
fn format_of<'a>(pieces: &[Piece<'a>]) -> Option<&'a str> {
    let mut depth = 0_usize;
    let mut found = None;
    for pair in pieces.windows(2) {
        let [piece, next] = pair else { continue };
        match piece.kind {
            Kind::Mark(b'(') => depth += 1,
            Kind::Mark(b')') => depth = depth.saturating_sub(1),
            Kind::Word if depth == 0 && piece.is("FORMAT") && next.kind == Kind::Word => {
                found = Some(next.text);
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_writer(bytes: &[u8]) -> Result<Statement<'_>, Refused> {
        read(bytes, Rights::Write, &Rules::default())
    }

    fn as_reader(text: &str) -> Result<Statement<'_>, Refused> {
        read(text.as_bytes(), Rights::Read, &Rules::default())
    }

    #[test]
    fn statements_that_read_are_taken_from_everybody() {
        for (text, format) in [
            ("SELECT 1", None),
            (" /* a */ (SELECT 1) UNION ALL (SELECT 2 FORMAT CSV) FORMAT JSON ;", Some("JSON")),
            ("with 1 as x select x format TSVWithNames", Some("TSVWithNames")),
            ("SHOW TABLES FROM telemetryflow", None),
            ("EXPLAIN SELECT 'a;b' -- ;", None),
        ] {
            let Ok(Statement::Read { format: found, .. }) = as_reader(text) else { panic!("{text}") };
            assert_eq!(found, format, "{text}");
        }
        assert_eq!(as_reader(" -- nothing\n"), Ok(Statement::Nothing));
    }

    #[test]
    fn the_last_semicolon_is_left_out_and_a_second_statement_is_refused() {
        assert_eq!(as_reader("SELECT 1 ; -- x"), Ok(Statement::Read { text: "SELECT 1", format: None }));
        for text in
            ["SELECT 1; SELECT 2", "SELECT 1;;", "SELECT 1; DROP TABLE a", "INSERT INTO a SELECT 1; SELECT 2"]
        {
            assert_eq!(as_writer(text.as_bytes()), Err(Refused::Several), "{text}");
        }
    }

    #[test]
    fn readers_change_nothing() {
        for text in [
            "INSERT INTO a VALUES (1)",
            "DROP TABLE a",
            "ALTER TABLE a DELETE WHERE 1",
            "CREATE OR REPLACE VIEW a AS SELECT 1",
        ] {
            assert!(matches!(as_reader(text), Err(Refused::ReadOnly(_))), "{text}");
            assert!(as_writer(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn other_statements_are_taken_from_nobody() {
        for text in [
            "SET readonly = 0",
            "USE system",
            "SYSTEM SHUTDOWN",
            "KILL QUERY WHERE 1",
            "KILL QUERY WHERE query_id = 'a' OR 1",
            "BACKUP DATABASE a TO File('/tmp/x')",
            "ATTACH TABLE a FROM '/etc' (b UInt8) ENGINE = Memory",
            "CREATE USER a",
            "CREATE FUNCTION f AS x -> x",
            "CREATE DICTIONARY d (a UInt8) PRIMARY KEY a SOURCE(FILE(path '/etc/passwd'))",
            "CREATE NAMED COLLECTION a AS b = 1",
            "CREATE TEMPORARY TABLE a (b UInt8)",
            "GRANT ALL ON *.* TO default",
            "INSERT INTO FUNCTION null('a UInt8') VALUES (1)",
            "INSERT INTO TABLE FUNCTION file('x') VALUES (1)",
            "DETACH TABLE a",
            "EXECUTE AS a SELECT 1",
            "1 + 1",
        ] {
            assert!(as_writer(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn rows_begin_behind_the_format_or_values() {
        let insert = |head, format, rows| Ok(Statement::Insert { head, format, rows });
        for (text, expected) in [
            (
                &b"INSERT INTO a (b) FORMAT Native\n\x00'\xff;"[..],
                insert("INSERT INTO a (b) ", "Native", &b"\x00'\xff;"[..]),
            ),
            (b"INSERT INTO a FORMAT CSV \r\n1\n", insert("INSERT INTO a ", "CSV", b"1\n")),
            (b"INSERT INTO a FORMAT CSV\n\n1\n", insert("INSERT INTO a ", "CSV", b"\n1\n")),
            (b"insert into a values ('x;', 1)", insert("insert into a ", "Values", b" ('x;', 1)")),
            (
                b"INSERT INTO a (`format`, values) SETTINGS async_insert = 0 FORMAT JSONEachRow {}",
                insert("INSERT INTO a (`format`, values) SETTINGS async_insert = 0 ", "JSONEachRow", b"{}"),
            ),
        ] {
            assert_eq!(as_writer(text), expected);
        }
        assert!(matches!(as_writer(b"INSERT INTO a SELECT 1 FORMAT CSV"), Ok(Statement::Change { .. })));
    }

    fn statements_below(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                statements_below(&path, found);
            } else if !path.ends_with("kill_query.sql") {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    /// A server whose store is this listener sends nothing else. (What ends queries by their text is of the embedded engine.)
    #[test]
    fn every_statement_of_ours_is_taken_from_a_writer() {
        let mut statements = Vec::new();
        statements_below(
            &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("clickhouse"),
            &mut statements,
        );
        assert!(statements.len() > 100, "{}", statements.len());
        for statement in statements {
            assert!(
                as_writer(statement.as_bytes()).is_ok(),
                "{statement}: {:?}",
                as_writer(statement.as_bytes())
            );
        }
    }

    #[test]
    fn a_query_is_ended_by_its_id() {
        for text in ["KILL QUERY WHERE query_id = 'a-1'", "kill query where query_id='a-1' async;"] {
            assert_eq!(as_reader(text), Ok(Statement::Kill { query_id: "a-1" }), "{text}");
        }
    }
}
