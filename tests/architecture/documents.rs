//! Files and folders that a document names between backticks have to exist.

use std::collections::BTreeSet;

/// They come to be when the program is built or runs.
const MADE_LATER: [&str; 4] = ["target", "vendor", "data", ".venv"];

const FILE_ENDINGS: [&str; 9] = [".rs", ".md", ".toml", ".sql", ".json", ".yaml", ".py", ".lock", ".txt"];

/// What `text` names and `exists` does not know, from the root or from `src/`.
pub fn missing(text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let known = |path: &str| exists(path) || exists(&format!("src/{path}"));
    let named: BTreeSet<&str> = backticked(text).filter(|name| looks_like_a_path(name, known)).collect();
    named.into_iter().filter(|path| !known(path)).map(str::to_owned).collect()
}

/// What stands between single backticks; fenced blocks are left out.
fn backticked(text: &str) -> impl Iterator<Item = &str> {
    let outside_fences = text.split("```").step_by(2);
    outside_fences.flat_map(|part| part.split('`').skip(1).step_by(2))
}

fn looks_like_a_path(name: &str, known: impl Fn(&str) -> bool) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
    let first = name.split('/').next().unwrap_or_default();
    if !plain || first.is_empty() || MADE_LATER.contains(&first) {
        return false;
    }
    name.ends_with('/')
        || FILE_ENDINGS.iter().any(|ending| name.ends_with(ending) && name.len() > ending.len())
        || (name.contains('/') && known(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exists(path: &str) -> bool {
        ["src", "src/platform", "src/platform/", "src/platform/clock.rs", "Makefile"].contains(&path)
    }

    #[test]
    fn paths_from_the_root_and_from_src_are_found() {
        assert!(
            missing("See `src/platform/clock.rs`, `platform/clock.rs`, `platform/`, `Makefile`.", exists)
                .is_empty()
        );
    }

    #[test]
    fn what_is_not_there_is_named() {
        let text = "See `platform/http`, `src/gone/`, `gone.rs`,\n`platform/http` again.";
        assert_eq!(missing(text, exists), ["gone.rs", "platform/http", "src/gone/"]);
    }

    #[test]
    fn other_words_in_backticks_are_no_paths() {
        let text = "`/v1/metrics`, `application/json`, `crate::x`, `*.sql`, `a b/`, `.rs`, `data/wal`\n```\n`gone.rs`\n```\n";
        assert!(missing(text, exists).is_empty());
    }
}
