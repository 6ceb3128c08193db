//! `LiveFeed`: takes events from whoever stores, and gives each listener what it wants of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::platform::lifecycle::Lifecycle;
use crate::querying::domain::Watch;
use crate::shared::DomainEvent;

use super::counters::StreamCounters;
use super::extract::{concerns, extract};
use super::mailbox::{Delivered, Mailbox, Missed};

/// Events that wait to be looked into. Each holds a batch (`[ingest] batch_bytes_max`), so they are few.
const EVENTS_MAX: usize = 4;

#[derive(Debug, Clone, Copy)]
pub struct FeedLimits {
    pub clients_max: usize,
    pub clients_max_per_tenant: usize,
    /// What may wait for one listener.
    pub client_bytes_max: usize,
}

/// Why somebody cannot listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSubscribed {
    #[error("too many clients listen to the live stream")]
    Full,
    #[error("too many clients of this tenant listen to the live stream")]
    TenantFull,
    #[error("the server is stopping")]
    Stopping,
}

pub struct LiveFeed {
    limits: FeedLimits,
    counters: StreamCounters,
    inbox: mpsc::Sender<DomainEvent>,
    /// How many there are, so that whoever stores need not look when there are none.
    listening: AtomicUsize,
    listeners: Mutex<Listeners>,
}

#[derive(Debug, Default)]
struct Listeners {
    all: Vec<Arc<Listener>>,
    stopped: Option<Stopped>,
}

/// Nobody is let in any more.
#[derive(Debug, Clone, Copy)]
struct Stopped;

#[derive(Debug)]
struct Listener {
    watch: Watch,
    mailbox: Mailbox,
}

impl fmt::Debug for LiveFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveFeed").field("limits", &self.limits).field("listening", &self.listening).finish()
    }
}

/// Events on their way to the listeners.
#[derive(Debug)]
pub struct Inbox(mpsc::Receiver<DomainEvent>);

impl LiveFeed {
    pub fn new(limits: FeedLimits, counters: StreamCounters) -> (Arc<Self>, Inbox) {
        let (inbox, events) = mpsc::channel(EVENTS_MAX);
        let (listening, listeners) = (AtomicUsize::new(0), Mutex::default());
        (Arc::new(Self { limits, counters, inbox, listening, listeners }), Inbox(events))
    }

    /// Runs within `publish`: waits for nobody, and reads no item. Where the feed is behind, those concerned miss the event.
    pub fn observe(&self, event: &DomainEvent) {
        if self.listening.load(Ordering::Relaxed) == 0 {
            return;
        }
        let listeners = self.concerned(event);
        if !listeners.is_empty() && self.inbox.try_send(event.clone()).is_err() {
            for listener in listeners {
                listener.mailbox.put(Vec::new(), Missed { items: 0, batches: 1 });
            }
        }
    }

    fn concerned(&self, event: &DomainEvent) -> Vec<Arc<Listener>> {
        let listeners = self.listeners.lock();
        listeners.all.iter().filter(|listener| concerns(event, &listener.watch)).cloned().collect()
    }

    /// Hears everything that is published from now on.
    pub fn subscribe(self: &Arc<Self>, watch: Watch) -> Result<Subscription, NotSubscribed> {
        let mut listeners = self.listeners.lock();
        if let Err(reason) = listeners.room_for(&watch, self.limits) {
            self.counters.refused();
            return Err(reason);
        }
        let listener = Arc::new(Listener { watch, mailbox: Mailbox::new(self.limits.client_bytes_max) });
        listeners.all.push(Arc::clone(&listener));
        self.listening.store(listeners.all.len(), Ordering::Relaxed);
        self.counters.came();
        Ok(Subscription { feed: Arc::clone(self), listener })
    }

    /// Looks into events until the process stops; then all that listen come to their end.
    pub fn start(self: &Arc<Self>, inbox: Inbox, lifecycle: &Lifecycle) {
        let (feed, stop, Inbox(mut events)) = (Arc::clone(self), lifecycle.stop_token(), inbox);
        lifecycle.spawn("live stream", async move {
            while let Some(Some(event)) = stop.run_until_cancelled(events.recv()).await {
                let deliverer = Arc::clone(&feed);
                // A batch may hold half a million items.
                let delivered = tokio::task::spawn_blocking(move || deliverer.deliver(&event));
                if delivered.await.is_err() {
                    tracing::error!("an event could not be shown to those who listen");
                }
            }
            feed.stop();
        });
    }

    fn deliver(&self, event: &DomainEvent) {
        for listener in self.concerned(event) {
            let (messages, items) = extract(event, &listener.watch, listener.mailbox.bytes_max());
            if !messages.is_empty() || items > 0 {
                listener.mailbox.put(messages, Missed { items, batches: 0 });
            }
        }
    }

    fn stop(&self) {
        let mut listeners = self.listeners.lock();
        listeners.stopped = Some(Stopped);
        listeners.all.iter().for_each(|listener| listener.mailbox.end());
    }
}

impl Listeners {
    fn room_for(&self, watch: &Watch, limits: FeedLimits) -> Result<(), NotSubscribed> {
        let own = self.all.iter().filter(|listener| listener.watch.tenant == watch.tenant).count();
        match () {
            () if self.stopped.is_some() => Err(NotSubscribed::Stopping),
            () if own >= limits.clients_max_per_tenant => Err(NotSubscribed::TenantFull),
            () if self.all.len() >= limits.clients_max => Err(NotSubscribed::Full),
            () => Ok(()),
        }
    }
}

/// One listener's place; given up when it is dropped.
#[derive(Debug)]
pub struct Subscription {
    feed: Arc<LiveFeed>,
    listener: Arc<Listener>,
}

impl Subscription {
    /// What there is next; absent when the server stops. Cancel-safe.
    pub async fn next(&mut self) -> Option<Delivered> {
        let delivered = self.listener.mailbox.next().await?;
        self.feed.counters.handed_over(&delivered);
        Some(delivered)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut listeners = self.feed.listeners.lock();
        listeners.all.retain(|listener| !Arc::ptr_eq(listener, &self.listener));
        self.feed.listening.store(listeners.all.len(), Ordering::Relaxed);
        self.feed.counters.left();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::querying::application::live::messages::Message;
    use crate::shared::{
        MetricKind, MetricsIngested, NumberColumns, NumberRow, SeriesId, TenantId, Timestamp, WatchId,
    };

    const LIMITS: FeedLimits =
        FeedLimits { clients_max: 3, clients_max_per_tenant: 2, client_bytes_max: 1 << 20 };

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    fn watch(name: &str) -> Watch {
        Watch { ingest: true, ..Watch::nothing(tenant(name)) }
    }

    /// Two points of each of these tenants.
    fn stored(tenants: &[&str]) -> DomainEvent {
        let columns = tenants.iter().map(|name| {
            let mut columns = crate::shared::MetricColumns::new(tenant(name));
            let mut numbers = NumberColumns::new(tenant(name));
            numbers.begin_run("m", MetricKind::Gauge);
            for nanos in 0..2 {
                numbers.push(NumberRow {
                    series: SeriesId(1),
                    watch: WatchId::NONE,
                    time: Timestamp::from_nanos(nanos),
                    start: Timestamp::EPOCH,
                    value: 1.5,
                    integer_rest: 0,
                    integer: false,
                    flags: 0,
                });
            }
            numbers.finish();
            columns.numbers = numbers;
            columns
        });
        DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns: columns.collect() }))
    }

    #[test]
    fn places_are_limited_in_all_and_by_tenant_and_come_free_again() {
        let (feed, _inbox) = LiveFeed::new(LIMITS, StreamCounters::default());
        let first = feed.subscribe(watch("a")).unwrap();
        let _second = feed.subscribe(watch("a")).unwrap();
        assert_eq!(feed.subscribe(watch("a")).unwrap_err(), NotSubscribed::TenantFull);
        let _third = feed.subscribe(watch("b")).unwrap();
        assert_eq!(feed.subscribe(watch("b")).unwrap_err(), NotSubscribed::Full);
        drop(first);
        assert!(feed.subscribe(watch("b")).is_ok());
        feed.stop();
        assert_eq!(feed.subscribe(watch("c")).unwrap_err(), NotSubscribed::Stopping);
    }

    #[tokio::test]
    async fn an_event_is_held_for_nobody_who_is_not_concerned() {
        let (feed, mut inbox) = LiveFeed::new(LIMITS, StreamCounters::default());
        feed.observe(&stored(&["a"]));
        let _listener = feed.subscribe(watch("b")).unwrap();
        feed.observe(&stored(&["a"]));
        assert!(inbox.0.try_recv().is_err());
        feed.observe(&stored(&["a", "b"]));
        assert!(inbox.0.try_recv().is_ok());
    }

    #[tokio::test]
    async fn each_hears_of_its_own_tenant_and_what_it_asked_for() {
        let (feed, _inbox) = LiveFeed::new(LIMITS, StreamCounters::default());
        let mut all = feed.subscribe(Watch { metrics: vec!["m".into()], ..watch("a") }).unwrap();
        let mut other =
            feed.subscribe(Watch { metrics: vec!["m".into()], ..Watch::nothing(tenant("b")) }).unwrap();
        feed.deliver(&stored(&["a", "b", "a"]));
        feed.stop();
        let mut heard = Vec::new();
        while let Some(Delivered::Message { message, .. }) = all.next().await {
            heard.push(match message {
                Message::Points(points) => points.points.len() as u64,
                Message::Stored(stored) => 100 + stored.items,
                _ => 0,
            });
        }
        assert_eq!(heard, [2, 2, 104]);
        assert!(matches!(other.next().await, Some(Delivered::Message { number: 1, .. })));
        assert!(other.next().await.is_none());
    }

    #[tokio::test]
    async fn where_the_feed_is_behind_whoever_is_concerned_is_told() {
        let (feed, _inbox) = LiveFeed::new(LIMITS, StreamCounters::default());
        let (mut one, mut other) = (feed.subscribe(watch("a")).unwrap(), feed.subscribe(watch("b")).unwrap());
        for _ in 0..EVENTS_MAX + 3 {
            feed.observe(&stored(&["a"]));
        }
        let Some(Delivered::Missed(missed)) = one.next().await else { panic!("it has missed something") };
        assert_eq!(missed, Missed { items: 0, batches: 3 });
        feed.stop();
        assert!(other.next().await.is_none());
    }
}
