//! Use case: list, make, change and take away rules. Those of files are read only; those of the API are remembered, and in force
//! when the answer is given.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::commands::{EvaluatorHandle, EvaluatorStopped};
use super::ledger::LedgerError;
use super::rule_store::{RuleStore, StoredRule};
use crate::alerting::domain::rule::{AlertRule, DuplicateRuleId, RuleKey, RuleSet};
use crate::alerting::domain::rule_words::RuleId;
use crate::shared::{Clock, TenantId, Timestamp};

/// Most rules of all files and tenants together.
pub const RULES_MAX: usize = 20_000;
/// Most rules that a tenant makes over the API.
pub const RULES_PER_TENANT_MAX: usize = 5_000;

/// Something that is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// `thresholds.value`; empty for the rule as a whole.
    pub field: Box<str>,
    pub reason: Box<str>,
}

/// Port: makes a rule of what people write.
pub trait ReadRule: Send + Sync {
    fn read(&self, body: &Value) -> Result<AlertRule, Vec<FieldProblem>>;
}

/// A rule, as it is and as it was written, and where it comes from.
#[derive(Debug, Clone)]
pub struct RuleEntry {
    pub rule: Arc<AlertRule>,
    pub body: Arc<Value>,
    pub origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The server alerts about itself; a rule of a file or of the API with its id takes its place.
    BuiltIn,
    /// A rule file; it is changed there.
    File,
    Api {
        version: u64,
        changed_at: Timestamp,
    },
}

/// The rules of all files, and beside them those that are built in. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RuleFiles {
    rules: RuleSet,
    bodies: Arc<HashMap<RuleKey, Arc<Value>>>,
    built_in: Arc<HashSet<RuleKey>>,
}

impl RuleFiles {
    /// Each rule with what was written.
    pub fn new(rules: Vec<(AlertRule, Value)>) -> Result<Self, DuplicateRuleId> {
        let bodies = rules.iter().map(|(rule, body)| (rule.key(), Arc::new(body.clone()))).collect();
        let rules = RuleSet::new(rules.into_iter().map(|(rule, _)| rule).collect())?;
        Ok(Self { rules, bodies: Arc::new(bodies), built_in: Arc::default() })
    }

    /// Puts built-in rules, all of one tenant, beside those of files. One whose id a file gives to a rule of the tenant, or of
    /// all tenants, is left out.
    #[must_use]
    pub fn with_built_in(self, built_in: Vec<(AlertRule, Value)>) -> Self {
        let is_taken = |own: &AlertRule| {
            let of_file = self.rules.rules().iter();
            of_file.clone().any(|rule| {
                rule.id == own.id
                    && (rule.tenant.is_none() || own.tenant.is_none() || rule.tenant == own.tenant)
            })
        };
        let (mut rules, mut bodies) = (self.rules.rules().to_vec(), HashMap::clone(&self.bodies));
        let mut keys = HashSet::new();
        for (own, body) in built_in {
            if !is_taken(&own) && keys.insert(own.key()) {
                bodies.insert(own.key(), Arc::new(body));
                rules.push(Arc::new(own));
            }
        }
        match RuleSet::of(rules) {
            Ok(rules) => Self { rules, bodies: Arc::new(bodies), built_in: Arc::new(keys) },
            Err(_) => self,
        }
    }

    /// Those of files and the built-in ones.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Rules of files.
    pub fn len(&self) -> usize {
        self.rules.len() - self.built_in.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_built_in(&self, rule: &AlertRule) -> bool {
        self.built_in.contains(&rule.key())
    }

    fn entry(&self, rule: &Arc<AlertRule>) -> RuleEntry {
        let body = self.bodies.get(&rule.key()).cloned().unwrap_or_default();
        let origin = if self.is_built_in(rule) { Origin::BuiltIn } else { Origin::File };
        RuleEntry { rule: Arc::clone(rule), body, origin }
    }
}

/// What is known of a rule that is to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// There is none.
    New,
    /// It is of this version.
    Version(u64),
    /// Whatever there is.
    Any,
}

/// Why a rule is not changed.
#[derive(Debug, thiserror::Error)]
pub enum RuleChangeError {
    #[error("the rule is not valid")]
    Invalid(Vec<FieldProblem>),
    #[error("a rule of this id exists already")]
    Exists,
    #[error("there is no such rule")]
    Unknown,
    #[error("the rule has changed meanwhile: it is of version {current} now")]
    Changed { current: u64 },
    #[error("the rule comes from a file, and is changed there")]
    OfFile,
    #[error("the rule is built in: one with its id takes its place, also one that is not enabled")]
    BuiltIn,
    #[error("there are too many rules")]
    TooMany,
    #[error(transparent)]
    Stopped(#[from] EvaluatorStopped),
    #[error(transparent)]
    NotRemembered(#[from] LedgerError),
}

/// All rules, and their changes, one at a time.
pub struct RuleBook {
    state: Mutex<State>,
    turn: Semaphore,
    store: Arc<dyn RuleStore>,
    reader: Arc<dyn ReadRule>,
    evaluator: EvaluatorHandle,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Clone, Default)]
struct State {
    files: RuleFiles,
    stored: BTreeMap<(TenantId, RuleId), RuleEntry>,
}

/// What a book is made of.
pub struct RuleBookParts {
    pub files: RuleFiles,
    pub store: Arc<dyn RuleStore>,
    pub reader: Arc<dyn ReadRule>,
    pub evaluator: EvaluatorHandle,
    pub clock: Arc<dyn Clock>,
}

impl RuleBook {
    /// Rules that are remembered and cannot be read any more (a channel is gone) are left out, with an error in the log.
    pub async fn open(parts: RuleBookParts) -> Result<Self, LedgerError> {
        let RuleBookParts { files, store, reader, evaluator, clock } = parts;
        let mut state = State { files, stored: BTreeMap::new() };
        for stored in store.rules().await? {
            match read_stored(&*reader, &stored) {
                Ok(entry) => _ = state.stored.insert((stored.tenant, stored.id), entry),
                Err(problems) => {
                    let problems = problem_text(&problems);
                    tracing::error!(tenant = %stored.tenant, rule = %stored.id, problems, "a rule is not in force: it cannot be read");
                }
            }
        }
        Ok(Self { state: Mutex::new(state), turn: Semaphore::new(1), store, reader, evaluator, clock })
    }

    /// All that are in force.
    pub fn rules(&self) -> RuleSet {
        self.state.lock().rules()
    }

    /// Those in force over what is ingested: all but the built-in ones.
    pub fn rules_over_data(&self) -> RuleSet {
        let state = self.state.lock();
        let rules = state.rules();
        let over_data = rules.rules().iter().filter(|rule| !state.is_built_in(rule)).cloned().collect();
        RuleSet::of(over_data).unwrap_or_default()
    }

    /// Those that look at a tenant's series, by id.
    pub fn list(&self, tenant: &TenantId) -> Vec<RuleEntry> {
        let state = self.state.lock();
        let of_files =
            state.files.rules.rules().iter().filter(|rule| {
                rule.tenant.as_ref().is_none_or(|of| of == tenant) && !state.is_displaced(rule)
            });
        let of_files = of_files.map(|rule| state.files.entry(rule));
        let of_api = state.stored.iter().filter(|((of, _), _)| of == tenant).map(|(_, entry)| entry.clone());
        let mut entries: Vec<RuleEntry> = of_files.chain(of_api).collect();
        entries.sort_by(|a, b| a.rule.id.cmp(&b.rule.id));
        entries
    }

    pub fn find(&self, tenant: &TenantId, id: &RuleId) -> Option<RuleEntry> {
        self.state.lock().find(tenant, id)
    }

    /// What a rule would be.
    pub fn read(&self, tenant: &TenantId, body: &Value) -> Result<AlertRule, Vec<FieldProblem>> {
        let rule = self.reader.read(body)?;
        match &rule.tenant {
            Some(of) if of != tenant => {
                let reason = "a rule of the API looks at its own tenant alone".into();
                Err(vec![FieldProblem { field: "tenant".into(), reason }])
            }
            _ => Ok(AlertRule { tenant: Some(tenant.clone()), ..rule }),
        }
    }

    /// Makes or changes a rule.
    pub async fn put(
        &self,
        tenant: &TenantId,
        body: Value,
        precondition: Precondition,
    ) -> Result<RuleEntry, RuleChangeError> {
        let rule = self.read(tenant, &body).map_err(RuleChangeError::Invalid)?;
        let Ok(_turn) = self.turn.acquire().await else { return Err(EvaluatorStopped.into()) };
        let mut state = self.state.lock().clone();
        let version = match state.find(tenant, &rule.id).map(|entry| entry.origin) {
            Some(Origin::File) => return Err(RuleChangeError::OfFile),
            Some(Origin::BuiltIn) if matches!(precondition, Precondition::Version(_)) => {
                return Err(RuleChangeError::BuiltIn);
            }
            Some(Origin::Api { version, .. }) => match precondition {
                Precondition::New => return Err(RuleChangeError::Exists),
                Precondition::Version(expected) if expected != version => {
                    return Err(RuleChangeError::Changed { current: version });
                }
                Precondition::Version(_) | Precondition::Any => version + 1,
            },
            None if matches!(precondition, Precondition::Version(_)) => return Err(RuleChangeError::Unknown),
            None | Some(Origin::BuiltIn) if state.is_full(tenant) => return Err(RuleChangeError::TooMany),
            None | Some(Origin::BuiltIn) => 1,
        };
        let (changed_at, id) = (self.clock.now(), rule.id.clone());
        let text = body.to_string().into();
        let stored = StoredRule { tenant: tenant.clone(), id: id.clone(), version, changed_at, body: text };
        self.store.put_rule(stored).await?;
        let origin = Origin::Api { version, changed_at };
        let entry = RuleEntry { rule: Arc::new(rule), body: Arc::new(body), origin };
        state.stored.insert((tenant.clone(), id), entry.clone());
        self.apply(state).await?;
        Ok(entry)
    }

    pub async fn delete(
        &self,
        tenant: &TenantId,
        id: &RuleId,
        precondition: Precondition,
    ) -> Result<(), RuleChangeError> {
        let Ok(_turn) = self.turn.acquire().await else { return Err(EvaluatorStopped.into()) };
        let mut state = self.state.lock().clone();
        let current = match state.find(tenant, id).map(|entry| entry.origin) {
            None => return Err(RuleChangeError::Unknown),
            Some(Origin::File) => return Err(RuleChangeError::OfFile),
            Some(Origin::BuiltIn) => return Err(RuleChangeError::BuiltIn),
            Some(Origin::Api { version, .. }) => version,
        };
        if matches!(precondition, Precondition::Version(expected) if expected != current) {
            return Err(RuleChangeError::Changed { current });
        }
        self.store.delete_rule(tenant.clone(), id.clone()).await?;
        state.stored.remove(&(tenant.clone(), id.clone()));
        self.apply(state).await
    }

    /// The rule files were read again.
    pub async fn replace_files(&self, files: RuleFiles) -> Result<(), RuleChangeError> {
        let Ok(_turn) = self.turn.acquire().await else { return Err(EvaluatorStopped.into()) };
        let state = State { files, ..self.state.lock().clone() };
        self.apply(state).await
    }

    async fn apply(&self, state: State) -> Result<(), RuleChangeError> {
        let rules = state.rules();
        *self.state.lock() = state;
        Ok(self.evaluator.replace_rules(rules).await?)
    }
}

impl State {
    fn find(&self, tenant: &TenantId, id: &RuleId) -> Option<RuleEntry> {
        let of_all = RuleKey { tenant: None, id: id.clone() };
        let own = RuleKey { tenant: Some(tenant.clone()), id: id.clone() };
        let of_file = self.files.rules.find_first(&[of_all, own]);
        let of_file = of_file.map(|rule| self.files.entry(rule));
        let stored = || self.stored.get(&(tenant.clone(), id.clone())).cloned();
        match of_file {
            Some(built_in) if built_in.origin == Origin::BuiltIn => stored().or(Some(built_in)),
            other => other.or_else(stored),
        }
    }

    /// Whether a rule is built in, and no other has taken its place.
    fn is_built_in(&self, rule: &AlertRule) -> bool {
        self.files.is_built_in(rule) && !self.is_displaced(rule)
    }

    /// Whether a rule is built in, and one of the API has its id.
    fn is_displaced(&self, rule: &AlertRule) -> bool {
        let own = rule.tenant.clone().filter(|_| self.files.is_built_in(rule));
        own.is_some_and(|tenant| self.stored.contains_key(&(tenant, rule.id.clone())))
    }

    fn is_full(&self, tenant: &TenantId) -> bool {
        let own = self.stored.keys().filter(|(of, _)| of == tenant).count();
        own >= RULES_PER_TENANT_MAX || self.stored.len() + self.files.len() >= RULES_MAX
    }

    /// A file's rule goes before one of the API that has its id, and this before a built-in one.
    fn rules(&self) -> RuleSet {
        let of_files = self.files.rules.rules().iter().filter(|rule| !self.is_displaced(rule));
        let mut rules: Vec<Arc<AlertRule>> = of_files.cloned().collect();
        let stored = self.stored.iter().filter(|((tenant, id), _)| {
            self.find(tenant, id).is_some_and(|entry| matches!(entry.origin, Origin::Api { .. }))
        });
        rules.extend(stored.map(|(_, entry)| Arc::clone(&entry.rule)));
        RuleSet::of(rules).unwrap_or_else(|_| self.files.rules.clone())
    }
}

fn read_stored(reader: &dyn ReadRule, stored: &StoredRule) -> Result<RuleEntry, Vec<FieldProblem>> {
    let body: Value = serde_json::from_str(&stored.body)
        .map_err(|error| vec![FieldProblem { field: "".into(), reason: error.to_string().into() }])?;
    let rule = AlertRule { tenant: Some(stored.tenant.clone()), ..reader.read(&body)? };
    let origin = Origin::Api { version: stored.version, changed_at: stored.changed_at };
    Ok(RuleEntry { rule: Arc::new(rule), body: Arc::new(body), origin })
}

/// `thresholds.value: a threshold is a finite number; window: is missing`
pub fn problem_text(problems: &[FieldProblem]) -> String {
    let lines = problems.iter().map(|problem| match &*problem.field {
        "" => problem.reason.to_string(),
        field => format!("{field}: {}", problem.reason),
    });
    lines.collect::<Vec<_>>().join("; ")
}

impl fmt::Debug for RuleBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleBook").field("rules", &self.rules().len()).finish_non_exhaustive()
    }
}
