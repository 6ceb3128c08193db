//! Each SQL file holds one statement, and some source file names it.

use crate::tree::SourceFile;

pub fn broken(file: &SourceFile, sources: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    let statements = statements_in(&file.text);
    if statements != 1 {
        found.push(format!("holds {statements} statements, not one"));
    }
    if !is_named(&file.path, sources) {
        found.push("is named nowhere in src/".to_owned());
    }
    found
}

/// A name that is a part of a longer one does not count.
fn is_named(path: &str, sources: &[SourceFile]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let endings = [format!("/{name}\""), format!("\"{name}\"")];
    sources.iter().any(|source| endings.iter().any(|ending| source.text.contains(ending)))
}

fn statements_in(text: &str) -> usize {
    let code = without_comments_and_literals(text);
    code.split(';').filter(|statement| !statement.trim().is_empty()).count()
}

/// The text with comments left out and quoted pieces as `_`.
fn without_comments_and_literals(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = match next {
            '-' if rest.starts_with("--") => through(rest, 2, "\n"),
            '/' if rest.starts_with("/*") => through(rest, 2, "*/"),
            '\'' | '"' | '`' => {
                code.push('_');
                quoted(rest, next)
            }
            other => {
                code.push(other);
                other.len_utf8()
            }
        };
        rest = rest.get(skipped..).unwrap_or_default();
    }
    code
}

/// How long the piece is that begins at `text` and ends with `end`.
fn through(text: &str, from: usize, end: &str) -> usize {
    text.get(from..).and_then(|inner| inner.find(end)).map_or(text.len(), |at| from + at + end.len())
}

/// How long the quoted piece is; a doubled quote reads as two pieces, which is as good.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_counted_past_comments_and_quotes() {
        assert_eq!(statements_in("-- one; two; three\nSELECT ';' /* ; */ FROM `a;b`;\n-- end;\n"), 1);
        assert_eq!(statements_in("SELECT 'it''s \\'; fine'"), 1);
        assert_eq!(statements_in("SELECT 1; SELECT 2"), 2);
        assert_eq!(statements_in("-- nothing\n"), 0);
    }

    #[test]
    fn a_file_that_nobody_names_is_found() {
        let file = SourceFile::example("clickhouse/telemetry/0001_samples.sql", "SELECT 1");
        let user =
            SourceFile::example("src/a.rs", "include_str!(\"../clickhouse/telemetry/0001_samples.sql\")");
        let other =
            SourceFile::example("src/b.rs", "include_str!(\"x/10001_samples.sql\") // 0001_samples.sql");
        assert!(broken(&file, &[user]).is_empty());
        assert_eq!(broken(&file, &[other]), ["is named nowhere in src/"]);
    }

    #[test]
    fn a_second_statement_is_found() {
        let file = SourceFile::example("clickhouse/a.sql", "SELECT 1; SELECT 2;");
        let user = SourceFile::example("src/a.rs", "\"a.sql\"");
        assert_eq!(broken(&file, &[user]), ["holds 2 statements, not one"]);
    }
}
