//! Opens the state database, and stops the server when it is another process's.

use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::time::sleep;

use crate::alerting::MIGRATIONS;
use crate::config::Settings;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::state::{StateDatabase, StateError, StateOptions};
use crate::shared::causes;

/// A database that is away at the start is waited for, as systems come up in any order.
const AWAY_MAX: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_secs(1);
/// How often it is looked whether the database is still this process's own.
const KEEP_INTERVAL: Duration = Duration::from_secs(1);

/// What is remembered beside telemetry, as this process's own.
pub async fn open(settings: &Settings) -> anyhow::Result<StateDatabase> {
    let target = &settings.state.target;
    let started = Instant::now();
    let opened = loop {
        match StateDatabase::open(target, MIGRATIONS, StateOptions::default()).await {
            Err(error) if error.is_away() && started.elapsed() < AWAY_MAX => {
                tracing::warn!(%target, cause = causes(&error), "the state database does not answer yet");
                sleep(RETRY).await;
            }
            opened => break opened,
        }
    };
    opened.with_context(|| target.to_string())
}

/// Looks whether a database is still this process's own, and says when it goes away and comes back.
#[derive(Debug)]
pub struct Keeper<'a> {
    database: &'a StateDatabase,
    last: Presence,
}

/// Whether a database answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Here,
    Away,
}

/// A database is another process's by now. The error says so.
pub struct TakenOver(pub StateError);

impl<'a> Keeper<'a> {
    pub const fn new(database: &'a StateDatabase) -> Self {
        Self { database, last: Presence::Here }
    }

    pub async fn look(&mut self) -> Result<Presence, TakenOver> {
        let presence = match (self.database.keep().await, self.last) {
            (Err(error @ StateError::TakenOver), _) => return Err(TakenOver(error)),
            (Err(error), Presence::Here) => {
                tracing::warn!(cause = causes(&error), "the state database is away");
                Presence::Away
            }
            (Ok(()), Presence::Away) => {
                tracing::info!("the state database is back");
                Presence::Here
            }
            (Ok(()) | Err(_), unchanged) => unchanged,
        };
        self.last = presence;
        Ok(presence)
    }
}

/// Until the server stops, or the database is taken over: then the server is stopped, since what it knows is out of date.
pub fn watch(database: StateDatabase, lifecycle: &Lifecycle) {
    let stop = lifecycle.stop_token();
    let stopping = lifecycle.clone();
    lifecycle.spawn("owner of the state database", async move {
        let mut keeper = Keeper::new(&database);
        while stop.run_until_cancelled(sleep(KEEP_INTERVAL)).await.is_some() {
            let Some(kept) = stop.run_until_cancelled(keeper.look()).await else { return };
            if let Err(TakenOver(error)) = kept {
                tracing::error!(cause = causes(&error), "stopping");
                stopping.stop();
                return;
            }
        }
    });
}
