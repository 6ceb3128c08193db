//! `RuleReload`: rule files that are read again while the server runs.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Alerting;
use super::application::rule_book::{RuleBook, RuleFiles};

/// Puts rule files that were read again in force. Clones share what they know.
#[derive(Debug, Clone)]
pub struct RuleReload(Arc<Mutex<Reloaded>>);

#[derive(Debug)]
struct Reloaded {
    files: RuleFiles,
    /// Where they are in force; absent where another node evaluates the rules.
    book: Option<Arc<RuleBook>>,
}

impl RuleReload {
    /// Nothing is in force yet.
    pub fn new(files: RuleFiles) -> Self {
        Self(Arc::new(Mutex::new(Reloaded { files, book: None })))
    }

    /// As they were read last.
    pub fn files(&self) -> RuleFiles {
        self.0.lock().files.clone()
    }

    /// From here on this is where files are put in force.
    pub fn attach(&self, alerting: &Alerting) {
        self.0.lock().book = Some(Arc::clone(&alerting.routes.rules.book));
    }

    pub fn detach(&self) {
        self.0.lock().book = None;
    }

    /// What fired by a rule that is gone, or measures something else, is over. Absent if no rules are evaluated here.
    pub async fn replace(&self, files: RuleFiles) -> Option<()> {
        let book = {
            let mut known = self.0.lock();
            known.files = files.clone();
            known.book.clone()
        };
        book?.replace_files(files).await.ok()
    }
}
