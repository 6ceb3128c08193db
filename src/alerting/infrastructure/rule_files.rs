//! Rule files: a file, or every `*.yaml` and `*.yml` of a folder. Everything that is wrong with them is told at once.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::annotations::Annotations;
use super::fields::{Fields, KnownFields, Problems, RuleFault};
use super::rule_reader::RuleReader;
use crate::alerting::application::rule_book::{FieldProblem, ReadRule, RuleFiles};
use crate::alerting::domain::rule::{AlertRule, RuleKey};

pub use super::fields::RuleProblem;

/// Largest rule file.
pub const FILE_BYTES_MAX: u64 = 4 << 20;
/// Most values in a rule file.
const NODES_MAX: usize = 1_000_000;
/// Most rules of all files together.
pub const RULES_MAX: usize = 10_000;

pub const FILE_FIELDS: KnownFields = KnownFields(&["groups"]);
pub const GROUP_FIELDS: KnownFields = KnownFields(&["name", "rules"]);

/// Everything that is wrong with the rule files; at least one problem.
#[derive(Debug)]
pub struct RuleFileError {
    pub problems: Vec<RuleProblem>,
}

impl fmt::Display for RuleFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for RuleFileError {}

/// Reads and checks rules. `path` is a file or a folder, whose files are read in the order of their names. Without known
/// channels rules may name any.
pub fn load_rules(
    path: &Path,
    known_channels: Option<&BTreeSet<String>>,
) -> Result<RuleFiles, RuleFileError> {
    let annotations = Annotations::new();
    let mut loading = Loading::new(RuleReader { annotations: &annotations, known_channels });
    let mut problems = Problems::of_file(path);
    for file in problems.check("", files_of(path)).unwrap_or_default() {
        loading.file(&file);
    }
    loading.problems.append(&mut problems.found);
    loading.done(path)
}

/// The rules of the groups that stand in a file of another kind; it may name any channel.
pub fn rules_within(groups: &Value, file: &Path) -> Result<RuleFiles, RuleFileError> {
    let annotations = Annotations::new();
    let mut loading = Loading::new(RuleReader { annotations: &annotations, known_channels: None });
    let mut problems = Problems::of_file(file);
    let mut tree = Map::new();
    tree.insert("groups".to_owned(), groups.clone());
    loading.groups(&Value::Object(tree), &mut problems);
    loading.problems.append(&mut problems.found);
    loading.done(file)
}

/// Reads rules out of a tree that is none of a file's; `path` is what problems call it.
pub fn read_rules(
    tree: &Value,
    path: &Path,
    known_channels: &BTreeSet<String>,
) -> Result<Vec<(AlertRule, Value)>, RuleFileError> {
    let annotations = Annotations::new();
    let known_channels = Some(known_channels);
    let mut loading = Loading::new(RuleReader { annotations: &annotations, known_channels });
    let mut problems = Problems::of_file(path);
    loading.groups(tree, &mut problems);
    loading.problems.append(&mut problems.found);
    if loading.problems.is_empty() {
        Ok(loading.rules)
    } else {
        Err(RuleFileError { problems: loading.problems })
    }
}

/// Reads rules as the API takes them: one JSON object each.
#[derive(Debug)]
pub struct JsonRules {
    pub annotations: Annotations,
    pub known_channels: BTreeSet<String>,
}

impl ReadRule for JsonRules {
    fn read(&self, body: &Value) -> Result<AlertRule, Vec<FieldProblem>> {
        let reader =
            RuleReader { annotations: &self.annotations, known_channels: Some(&self.known_channels) };
        let mut problems = Problems::of_file(Path::new(""));
        let rule = reader.read(body, &mut problems);
        let told = problems.found.iter().map(|problem| FieldProblem {
            field: problem.field.clone(),
            reason: problem.fault.to_string().into(),
        });
        rule.ok_or_else(|| told.collect())
    }
}

fn files_of(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.is_file() && file.extension().is_some_and(|e| e == "yaml" || e == "yml"));
    files.sort_unstable();
    Ok(files)
}

struct Loading<'a> {
    reader: RuleReader<'a>,
    rules: Vec<(AlertRule, Value)>,
    ids: HashSet<RuleKey>,
    problems: Vec<RuleProblem>,
}

impl<'a> Loading<'a> {
    fn new(reader: RuleReader<'a>) -> Self {
        Self { reader, rules: Vec::new(), ids: HashSet::new(), problems: Vec::new() }
    }

    fn done(self, path: &Path) -> Result<RuleFiles, RuleFileError> {
        if !self.problems.is_empty() {
            return Err(RuleFileError { problems: self.problems });
        }
        RuleFiles::new(self.rules).map_err(|_| {
            let mut problems = Problems::of_file(path);
            problems.add("id", RuleFault::DuplicateId);
            RuleFileError { problems: problems.found }
        })
    }

    fn file(&mut self, file: &Path) {
        let mut problems = Problems::of_file(file);
        let tree = problems.check("", read(file).and_then(|text| parse(&text)));
        if let Some(tree) = tree {
            self.groups(&tree, &mut problems);
        }
        self.problems.append(&mut problems.found);
    }

    fn groups(&mut self, tree: &Value, problems: &mut Problems) {
        let Some(file) = Fields::of(tree, "", &FILE_FIELDS, problems) else { return };
        file.required("groups", problems);
        for group in file.list("groups", problems).unwrap_or_default() {
            let Some(group) = Fields::of(group, "groups.", &GROUP_FIELDS, problems) else { continue };
            group.text("name", problems);
            for (at, rule) in group.list("rules", problems).unwrap_or_default().iter().enumerate() {
                let id = rule.get("id").and_then(Value::as_str);
                let name = id.map_or_else(|| format!("number {}", at + 1), str::to_owned);
                problems.enter(format!("rule {name}"));
                if let Some(read) = self.reader.read(rule, problems) {
                    self.add(read, rule, problems);
                }
                problems.leave();
            }
        }
    }

    fn add(&mut self, rule: AlertRule, body: &Value, problems: &mut Problems) {
        if self.rules.len() >= RULES_MAX {
            return problems.add("", RuleFault::TooMany(RULES_MAX));
        }
        if !self.ids.insert(rule.key()) {
            return problems.add("id", RuleFault::DuplicateId);
        }
        self.rules.push((rule, body.clone()));
    }
}

pub(super) fn read(file: &Path) -> Result<String, RuleFault> {
    let mut text = String::new();
    File::open(file)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(RuleFault::TooLarge(FILE_BYTES_MAX));
    }
    Ok(text)
}

pub(super) fn parse(text: &str) -> Result<Value, RuleFault> {
    // As many as a file of this size can hold; text that unfolds into more is stopped all the same.
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_nodes: NODES_MAX, max_events: 2 * NODES_MAX } };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| RuleFault::Yaml(Box::new(error)))
}

#[cfg(test)]
mod tests;
