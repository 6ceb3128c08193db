//! `Control`: the file that says how the store and the disk are.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How often a file that says `hang` is read again.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What is wrong just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    Up,
    Down,
    Cut,
    Hang,
    Full,
    Slow,
    Refuse(String),
}

/// The file, if there is to be one. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Control {
    file: Option<Arc<PathBuf>>,
}

impl Control {
    pub fn at(file: Option<PathBuf>) -> Self {
        Self { file: file.map(Arc::new) }
    }

    /// What the file says now. A word that is not known takes the store down, which no test overlooks.
    pub fn now(&self) -> Order {
        let text = self.file.as_ref().and_then(|file| fs::read_to_string(file.as_path()).ok());
        match text.as_deref().map_or("up", str::trim) {
            "up" => Order::Up,
            "cut" => Order::Cut,
            "hang" => Order::Hang,
            "full" => Order::Full,
            "slow" => Order::Slow,
            other => match other.strip_prefix("refuse ") {
                Some(text) => Order::Refuse(text.to_owned()),
                None => Order::Down,
            },
        }
    }

    /// What the file says as soon as it does not say `hang`.
    pub fn after_hanging(&self) -> Order {
        loop {
            match self.now() {
                Order::Hang => thread::sleep(LOOK_EVERY),
                order => return order,
            }
        }
    }
}
