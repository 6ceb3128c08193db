//! Which paths a Rust file names, resolved to absolute ones: `use` trees, and `crate::`, `super::`, `self::` or another
//! crate's name anywhere, macros included.

use std::collections::BTreeSet;
use std::iter::Peekable;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::tree::SourceFile;

/// One path that is named: from which module, and what. A path of this crate begins with `crate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub from: Vec<String>,
    pub to: Vec<String>,
}

impl Reference {
    pub fn is_in_tests(&self) -> bool {
        self.from.iter().any(|name| name == "tests")
    }

    /// The part of [`Self::to`] at `index`, or nothing.
    pub fn target_part(&self, index: usize) -> &str {
        self.to.get(index).map_or("", String::as_str)
    }

    pub fn source_part(&self, index: usize) -> &str {
        self.from.get(index).map_or("", String::as_str)
    }

    pub fn is_external(&self) -> bool {
        self.target_part(0) != "crate"
    }
}

/// All paths that the file names. `externals` are the other crates that it could name without a `use`.
pub fn references(file: &SourceFile, externals: &BTreeSet<String>) -> Vec<Reference> {
    let tokens: TokenStream =
        file.text.parse().unwrap_or_else(|error| panic!("{}: not Rust: {error}", file.path));
    let mut reader = Reader { externals, found: Vec::new() };
    reader.module(tokens, &module_of(&file.path));
    reader.found
}

/// `src/telemetry/domain/mod.rs` is `crate::telemetry::domain`; the program's own root file is `crate::main`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let inner = inner.trim_end_matches("/mod");
    let parts = inner.split('/').filter(|part| *part != "lib");
    std::iter::once("crate").chain(parts).map(str::to_owned).collect()
}

struct Reader<'a> {
    externals: &'a BTreeSet<String>,
    found: Vec<Reference>,
}

type Tokens = Peekable<proc_macro2::token_stream::IntoIter>;

impl Reader<'_> {
    /// Reads a module's body; `use local::X` means a child module where one of that name is declared.
    fn module(&mut self, body: TokenStream, here: &[String]) {
        let children = declared_modules(&body);
        self.tokens(body, here, &children);
    }

    fn tokens(&mut self, body: TokenStream, here: &[String], children: &BTreeSet<String>) {
        let mut tokens = body.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) if word == "use" => self.use_tree(&mut tokens, &[], here, children),
                TokenTree::Ident(word) if word == "mod" => self.inline_module(&mut tokens, here),
                TokenTree::Ident(word) => self.inline_path(&word.to_string(), &mut tokens, here),
                TokenTree::Group(group) => self.tokens(group.stream(), here, children),
                TokenTree::Punct(_) if skip_separator(&mut tokens, &token) => skip_names(&mut tokens),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn inline_module(&mut self, tokens: &mut Tokens, here: &[String]) {
        let Some(TokenTree::Ident(name)) = tokens.next() else { return };
        let Some(body) = next_group(tokens, Delimiter::Brace) else { return };
        let inside: Vec<_> = here.iter().cloned().chain([name.to_string()]).collect();
        self.module(body.stream(), &inside);
    }

    /// A path outside a `use`, which begins with the word that was just read.
    fn inline_path(&mut self, first: &str, tokens: &mut Tokens, here: &[String]) {
        let mut path = vec![first.to_owned()];
        while let Some(name) = next_segment(tokens) {
            path.push(name);
        }
        let is_keyword = matches!(first, "crate" | "super" | "self");
        if path.len() > 1 && (is_keyword || self.externals.contains(first)) {
            self.add(&path, here, &BTreeSet::new());
        }
    }

    /// One branch of a `use` tree, up to the `,` or `;` that ends it.
    fn use_tree(
        &mut self,
        tokens: &mut Tokens,
        prefix: &[String],
        here: &[String],
        children: &BTreeSet<String>,
    ) {
        let mut path = prefix.to_vec();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) if word == "as" => drop(tokens.next()),
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Group(group) => return self.use_group(&group, &path, here, children),
                TokenTree::Punct(mark) if mark.as_char() == '*' => path.push("*".to_owned()),
                TokenTree::Punct(mark) if matches!(mark.as_char(), ',' | ';') => break,
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        if path.len() > prefix.len() {
            self.add(&path, here, children);
        }
    }

    fn use_group(&mut self, group: &Group, prefix: &[String], here: &[String], children: &BTreeSet<String>) {
        let mut tokens = group.stream().into_iter().peekable();
        while tokens.peek().is_some() {
            self.use_tree(&mut tokens, prefix, here, children);
        }
    }

    fn add(&mut self, path: &[String], here: &[String], children: &BTreeSet<String>) {
        self.found.push(Reference { from: here.to_vec(), to: absolute(path, here, children) });
    }
}

/// Takes the second `:` of a `::` whose first was just read.
fn skip_separator(tokens: &mut Tokens, first: &TokenTree) -> bool {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':');
    is_colon(first) && tokens.next_if(is_colon).is_some()
}

/// Takes a word that follows a `::` without a beginning that was understood (`<T as A>::crate_name`).
fn skip_names(tokens: &mut Tokens) {
    tokens.next_if(|token| matches!(token, TokenTree::Ident(word) if *word != "use" && *word != "crate"));
}

/// The next `::name`, if one follows.
fn next_segment(tokens: &mut Tokens) -> Option<String> {
    let colon = tokens.next_if(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':'))?;
    if !skip_separator(tokens, &colon) {
        return None;
    }
    match tokens.next_if(|token| matches!(token, TokenTree::Ident(_))) {
        Some(TokenTree::Ident(name)) => Some(name.to_string()),
        _ => None,
    }
}

fn next_group(tokens: &mut Tokens, delimiter: Delimiter) -> Option<Group> {
    match tokens.next_if(|token| matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)) {
        Some(TokenTree::Group(group)) => Some(group),
        _ => None,
    }
}

fn declared_modules(body: &TokenStream) -> BTreeSet<String> {
    let tokens: Vec<_> = body.clone().into_iter().collect();
    let pairs = tokens.windows(2).filter_map(|pair| match pair {
        [TokenTree::Ident(word), TokenTree::Ident(name)] if *word == "mod" => Some(name.to_string()),
        _ => None,
    });
    pairs.collect()
}

fn absolute(path: &[String], here: &[String], children: &BTreeSet<String>) -> Vec<String> {
    let first = path.first().map_or("", String::as_str);
    if first == "crate" || first == "telemetryflow" {
        return std::iter::once("crate".to_owned()).chain(path.iter().skip(1).cloned()).collect();
    }
    if !matches!(first, "super" | "self") && !children.contains(first) {
        return path.to_vec();
    }
    let mut resolved = here.to_vec();
    for (index, name) in path.iter().enumerate() {
        match name.as_str() {
            "super" => drop(resolved.pop()),
            // `{self}` at the end of a tree is the path before it; at the beginning it is this module.
            "self" if index == 0 || index + 1 == path.len() => {}
            _ => resolved.push(name.clone()),
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let externals = BTreeSet::from(["tokio".to_owned()]);
        let file = SourceFile::example(path, text);
        references(&file, &externals).iter().map(|reference| reference.to.join("::")).collect()
    }

    #[test]
    fn use_trees_are_spelled_out() {
        let text = "pub use crate::a::{b::C, d::{self, E as F}, *}; use ::std::fmt; use super::x;";
        let expected = [
            "crate::a::b::C",
            "crate::a::d::self",
            "crate::a::d::E",
            "crate::a::*",
            "std::fmt",
            "crate::t::x",
        ];
        assert_eq!(found("src/t/domain.rs", text), expected);
    }

    #[test]
    fn paths_in_bodies_signatures_attributes_and_macros_count() {
        let text = "#[tokio::test] fn f(x: &crate::a::B) -> self::C { format!(\"{}\", super::super::d::e()); \
                    $crate::m!(); let s = \"crate::no\"; // crate::no\n }";
        let expected = ["tokio::test", "crate::a::B", "crate::t::domain::C", "crate::d::e", "crate::m"];
        assert_eq!(found("src/t/domain/mod.rs", text), expected);
    }

    #[test]
    fn modules_inside_a_file_resolve_from_where_they_are() {
        let text = "mod tests { use super::*; use super::super::y; mod deep { use super::super::z; } } mod leaf; pub use leaf::L;";
        let expected = ["crate::t::*", "crate::y", "crate::t::z", "crate::t::leaf::L"];
        assert_eq!(found("src/t.rs", text), expected);
    }

    #[test]
    fn names_within_longer_paths_are_not_beginnings() {
        assert_eq!(
            found("src/t.rs", "fn f() { my::tokio::spawn(); <T as A>::tokio::X; pub(crate) g; }"),
            [""; 0]
        );
    }

    #[test]
    fn the_library_by_its_name_is_this_crate() {
        assert_eq!(found("src/main.rs", "use telemetryflow::bootstrap::run;"), ["crate::bootstrap::run"]);
        assert_eq!(module_of("src/main.rs"), ["crate", "main"]);
        assert_eq!(module_of("src/lib.rs"), ["crate"]);
        assert_eq!(module_of("src/platform/http/mod.rs"), ["crate", "platform", "http"]);
    }
}
