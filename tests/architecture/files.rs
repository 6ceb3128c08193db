//! Rules about single files: a purpose, a bounded length, no unsafe code, and no knowledge of one machine.

use proc_macro2::{TokenStream, TokenTree};

use crate::tree::SourceFile;

/// A file longer than this becomes a folder of the same name.
const LINES_MAX: usize = 400;

pub fn purpose_missing(text: &str) -> Vec<String> {
    let purpose = text.lines().next().and_then(|line| line.strip_prefix("//! "));
    if purpose.is_some_and(|purpose| purpose.trim().len() > 10) {
        return Vec::new();
    }
    vec!["does not begin with a `//!` line that says what it is for".to_owned()]
}

pub fn too_long(text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    vec![format!("{lines} lines, more than {LINES_MAX}")]
}

pub fn unsafe_code(text: &str) -> Vec<String> {
    let tokens = text.parse().expect("the compiler has read it before");
    if has_unsafe(tokens) { vec!["holds `unsafe`".to_owned()] } else { Vec::new() }
}

fn has_unsafe(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "unsafe",
        TokenTree::Group(group) => has_unsafe(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Hosts of package registries, and folders that exist on somebody's machine only.
pub fn foreign_places(file: &SourceFile) -> Vec<String> {
    // Cargo writes the name of its registry into its lock files itself.
    let hosts = if ["Cargo.lock", "fuzz/Cargo.lock"].contains(&file.path.as_str()) {
        Vec::new()
    } else {
        registry_hosts()
    };
    let numbered = file.text.lines().enumerate();
    let found = numbered.flat_map(|(index, line)| {
        let hosts = hosts.iter().filter(move |host| line.contains(host.as_str())).cloned();
        let folders = machine_folders().into_iter().filter(move |folder| begins_a_path(line, folder));
        hosts.chain(folders).map(move |what| format!("line {} names {what}", index + 1))
    });
    found.collect()
}

// Put together from halves, or this file would be the first to break its rule.

fn registry_hosts() -> Vec<String> {
    let halves = [
        ("crates", ".io"),
        ("npmjs", ".org"),
        ("npmjs", ".com"),
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("proxy.golang", ".org"),
    ];
    halves.map(|(a, b)| [a, b].concat()).to_vec()
}

fn machine_folders() -> Vec<String> {
    [("/wo", "rk/"), ("/ro", "ot/"), ("/ho", "me/"), ("/Us", "ers/")].map(|(a, b)| [a, b].concat()).to_vec()
}

/// Whether `folder` stands there as the beginning of an absolute path, not as the middle of another one.
fn begins_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-/*}".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_purpose_is_found() {
        assert!(purpose_missing("//! Receives metrics over HTTP.\nuse x;\n").is_empty());
        for bad in ["", "use x;", "// Receives metrics.", "//!\n//! Receives", "\n//! Receives metrics."] {
            assert_eq!(purpose_missing(bad).len(), 1, "{bad:?}");
        }
    }

    #[test]
    fn a_long_file_is_found() {
        assert!(too_long(&"x\n".repeat(LINES_MAX)).is_empty());
        assert_eq!(too_long(&"x\n".repeat(LINES_MAX + 1)).len(), 1);
    }

    #[test]
    fn unsafe_is_found_as_a_word_of_the_language_only() {
        let word = ["un", "safe"].concat();
        assert_eq!(unsafe_code(&format!("fn f() {{ {word} {{ g() }} }}")).len(), 1);
        assert_eq!(unsafe_code(&format!("{word} impl Send for X {{}}")).len(), 1);
        assert!(unsafe_code(&format!("// {word}\nfn f() {{ \"{word}\"; allow({word}_code) }}")).is_empty());
    }

    #[test]
    fn registries_and_machine_folders_are_found_with_their_line() {
        for host in registry_hosts() {
            let text = format!("fine\nsee https://{host}/x");
            assert_eq!(
                foreign_places(&SourceFile::example("README.md", &text)),
                [format!("line 2 names {host}")]
            );
        }
        for folder in machine_folders() {
            for text in [format!("cd {folder}x"), format!("\"{folder}x\""), format!("={folder}x")] {
                assert_eq!(foreign_places(&SourceFile::example("a.sh", &text)).len(), 1, "{text}");
            }
            for text in [format!("docs{folder}x"), format!("$ROOT}}{folder}x"), format!("..{folder}x")] {
                assert!(foreign_places(&SourceFile::example("a.sh", &text)).is_empty(), "{text}");
            }
        }
    }

    #[test]
    fn only_the_lock_file_may_name_cargos_registry() {
        let text =
            format!("source = \"registry+https://github.com/rust-lang/{}-index\"", registry_hosts()[0]);
        assert!(foreign_places(&SourceFile::example("Cargo.lock", &text)).is_empty());
        assert_eq!(foreign_places(&SourceFile::example("ui/Cargo.lock", &text)).len(), 1);
    }
}
