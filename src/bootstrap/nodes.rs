//! Several nodes over one store and one state database: one of them evaluates the rules, the others tell it what they take in and
//! pass on what they are asked. Which one it is changes when it goes away.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::alerting_parts::{AlertingAround, AlertingSetup};
use super::role::{Role, RoleSwitch};
use super::state_parts::{Keeper, Presence, TakenOver};
use crate::alerting::{
    Alerting, AlertingOptions, FollowerParts, MIGRATIONS, NodeMetrics, RuleReload, WatchSwitch, follow,
};
use crate::config::NodeSettings;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::nodes::{NodeAddress, NodeClient};
use crate::platform::state::{StateDatabase, StateDirectory, StateOpenError, StateOptions, StateTarget};
use crate::shared::{SeriesWatch, causes};

/// How often a node tries to take the rules over, and the one that has them looks whether it still may.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// At least so long a node that takes over waits before it reads the past: what others stored without telling is there by then.
const SETTLES: Duration = Duration::from_secs(1);
/// At least so long is between two times that the past is read because something was not told.
const ANEW_EVERY: Duration = Duration::from_secs(10);

/// Alerting on a node of several.
pub struct Nodes {
    setup: AlertingSetup,
    settings: NodeSettings,
    target: StateTarget,
    directory: Arc<StateDirectory>,
    client: NodeClient,
    owner: watch::Sender<Option<NodeAddress>>,
    watch: Arc<WatchSwitch>,
    role: Arc<RoleSwitch>,
    reload: RuleReload,
    metrics: NodeMetrics,
    /// Of the time in which others evaluate the rules.
    following: Option<Lifecycle>,
    /// Whether it was said that the state database is away.
    is_away: bool,
    farewell: Farewell,
}

/// What a node leaves until everything is stored that it has accepted. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Farewell(Arc<Mutex<Last>>);

#[derive(Debug, Default)]
struct Last {
    /// Another node is told of what is stored last.
    following: Option<Lifecycle>,
    /// Another node takes the rules over, and reads what is stored by then.
    owned: Option<StateDatabase>,
}

impl Farewell {
    pub async fn say(&self) {
        let Last { following, owned } = std::mem::take(&mut *self.0.lock());
        if let Some(following) = following {
            following.stop();
            following.wait().await;
        }
        if let Some(owned) = owned {
            owned.close().await;
        }
    }
}

/// Why the rules are not evaluated here any more.
enum Ended {
    Stopped,
    /// Another node has followed, or alerting could not begin.
    Over,
    /// Something was not told by another node: it is read from the store.
    Gap,
}

impl Nodes {
    pub fn new(
        setup: AlertingSetup,
        settings: &NodeSettings,
        target: StateTarget,
        directory: StateDirectory,
        reload: RuleReload,
        metrics: NodeMetrics,
    ) -> anyhow::Result<Self> {
        let client = NodeClient::new(settings.secret.clone(), &settings.trust)?;
        let (owner, known) = watch::channel(None);
        Ok(Self {
            setup,
            settings: settings.clone(),
            target,
            directory: Arc::new(directory),
            role: Arc::new(RoleSwitch::new(known, client.clone())),
            client,
            owner,
            watch: Arc::default(),
            reload,
            metrics,
            following: None,
            is_away: false,
            farewell: Farewell::default(),
        })
    }

    /// Who looks at this node's series.
    pub fn watch(&self) -> Arc<dyn SeriesWatch> {
        Arc::clone(&self.watch) as _
    }

    pub fn farewell(&self) -> Farewell {
        self.farewell.clone()
    }

    pub fn directory(&self) -> Arc<StateDirectory> {
        Arc::clone(&self.directory)
    }

    /// Takes part from here on. Gives the routes of alerting.
    pub fn start(self, around: AlertingAround, lifecycle: &Lifecycle) -> axum::Router {
        let router = self.role.router();
        lifecycle.spawn("alerting role", self.run(around, lifecycle.clone()));
        router
    }

    async fn run(mut self, around: AlertingAround, lifecycle: Lifecycle) {
        let stop = lifecycle.stop_token();
        while !stop.is_cancelled() {
            self.follow(&lifecycle);
            let options =
                StateOptions { address: self.settings.address.to_string(), ..StateOptions::default() };
            let opened = StateDatabase::open(&self.target, MIGRATIONS, options);
            match stop.run_until_cancelled(opened).await {
                Some(Ok(database)) => {
                    self.is_away = false;
                    self.own(database, &around, &lifecycle).await;
                }
                Some(Err(StateOpenError::InUse)) => self.look_up().await,
                Some(Err(error)) => self.cannot(&error),
                None => break,
            }
            let _stopped = stop.run_until_cancelled(sleep(LOOK_EVERY)).await;
        }
        self.farewell.0.lock().following = self.following.take();
    }

    /// Tells others what is taken in here, as long as this node does not evaluate the rules.
    fn follow(&mut self, lifecycle: &Lifecycle) {
        if self.following.is_some() {
            return;
        }
        let following = lifecycle.aside();
        let parts = FollowerParts {
            bus: &self.setup.bus,
            client: self.client.clone(),
            owner: self.owner.subscribe(),
            metrics: self.metrics.clone(),
            first_epoch: self.watch.next_epoch(),
        };
        self.watch.turn_to(follow(parts, &following));
        self.following = Some(following);
    }

    async fn unfollow(&mut self) {
        if let Some(following) = self.following.take() {
            following.stop();
            following.wait().await;
        }
    }

    /// Another node evaluates the rules: where?
    async fn look_up(&mut self) {
        match self.directory.owner().await {
            Ok(owner) => {
                self.is_away = false;
                let address = owner.and_then(|owner| NodeAddress::parse(&owner.address).ok());
                // Asking oneself leads nowhere: that is what is left of a term before.
                let address = address.filter(|address| *address != self.settings.address);
                let changed = self.owner.send_if_modified(|known| {
                    let differs = *known != address;
                    *known = address;
                    differs
                });
                if let (true, Some(owner)) = (changed, &*self.owner.borrow()) {
                    tracing::info!(%owner, "another node evaluates the alert rules");
                }
            }
            Err(error) => self.cannot(&error),
        }
    }

    /// Who evaluated the rules goes on with it, if it can.
    fn cannot(&mut self, error: &(dyn std::error::Error + 'static)) {
        if !std::mem::replace(&mut self.is_away, true) {
            let error = causes(error);
            tracing::warn!(error, "the state database cannot be asked who evaluates the alert rules");
        }
    }

    /// Evaluates the rules until another node does, or the process stops.
    async fn own(&mut self, database: StateDatabase, around: &AlertingAround, lifecycle: &Lifecycle) {
        self.owner.send_replace(None);
        self.unfollow().await;
        let ended = loop {
            match self.term(&database, around, lifecycle).await {
                Ended::Gap => {
                    tracing::info!(
                        "another node could not tell everything: alerting begins anew with what is stored"
                    );
                }
                ended => break ended,
            }
        };
        match ended {
            Ended::Stopped => self.farewell.0.lock().owned = Some(database),
            Ended::Over | Ended::Gap => database.close().await,
        }
    }

    async fn term(&self, database: &StateDatabase, around: &AlertingAround, lifecycle: &Lifecycle) -> Ended {
        let options = AlertingOptions {
            settles: Some(SETTLES),
            first_epoch: self.watch.next_epoch(),
            ..self.setup.options()
        };
        let alerting = match self.setup.open(self.reload.files(), database.clone(), options).await {
            Ok(alerting) => alerting,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "the alert rules cannot be evaluated here");
                return Ended::Over;
            }
        };
        let (term, gaps, filled) = (lifecycle.part(), Arc::<Notify>::default(), alerting.filled());
        self.begin(alerting, &gaps, around, &term);
        let ended = watch_over(database, &gaps, &filled, &lifecycle.stop_token()).await;
        self.metrics.owner.set(0);
        self.role.turn_to(Role::Follower);
        self.reload.detach();
        self.owner.send_replace(None);
        term.stop();
        term.wait().await;
        ended
    }

    fn begin(&self, alerting: Alerting, gaps: &Arc<Notify>, around: &AlertingAround, term: &Lifecycle) {
        self.watch.turn_to(alerting.watch());
        self.reload.attach(&alerting);
        let secret = self.settings.secret.clone();
        let reports = alerting.reports_router(secret, Arc::clone(gaps), self.metrics.clone());
        let router = around.start(alerting, term).merge(reports);
        self.role.turn_to(Role::Owner(router));
        self.metrics.owner.set(1);
        tracing::info!("this node evaluates the alert rules");
    }
}

/// Until the rules are to be evaluated elsewhere, or anew.
async fn watch_over(
    database: &StateDatabase,
    gaps: &Notify,
    filled: &Notify,
    stop: &CancellationToken,
) -> Ended {
    let gap = async {
        // Before that nothing is taken that others tell, and they say again that something was lost.
        filled.notified().await;
        let filled_at = Instant::now();
        gaps.notified().await;
        sleep_until(filled_at + ANEW_EVERY).await;
    };
    let mut gap = std::pin::pin!(gap);
    let mut has_gap = false;
    let mut ticker = interval(LOOK_EVERY);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut keeper = Keeper::new(database);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ended::Stopped,
            () = &mut gap, if !has_gap => has_gap = true,
            _ = ticker.tick() => match keeper.look().await {
                // What alerting is to begin with is in the database: while that is away, it goes on with what it has.
                Ok(Presence::Here) if has_gap => return Ended::Gap,
                Ok(_) => {}
                Err(TakenOver(_)) => {
                    tracing::warn!("another node has taken the alert rules over");
                    return Ended::Over;
                }
            },
        }
    }
}
