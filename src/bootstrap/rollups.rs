//! Rolling points up: the register that hears of points, and the schedule that works it off.

use std::sync::Arc;

use prometheus_client::registry::Registry;

use crate::config::{RollupMode, Settings, StoreKind};
use crate::platform::clickhouse::Store;
use crate::platform::event_bus::EventBus;
use crate::platform::lifecycle::Lifecycle;
use crate::shared::{Clock, NoRollups, RollupCoverage};
use crate::telemetry::rollups::{
    CalculateHourlyAggregation, RolledUp, RollupCounters, RollupOptions, RollupSchedule, RollupStore,
};

fn options(settings: &Settings) -> RollupOptions {
    RollupOptions { delay: settings.rollups.delay, points_kept: settings.store.retention_metrics }
}

/// Absent where nothing is rolled up.
pub fn register(settings: &Settings, clock: &Arc<dyn Clock>) -> Option<Arc<RolledUp>> {
    let keeps = !matches!(settings.store.kind, StoreKind::Null);
    let wanted = settings.rollups.mode == RollupMode::Hourly && keeps;
    let open = options(settings).open(clock.now());
    wanted.then(|| Arc::new(RolledUp::new(Arc::clone(clock), open)))
}

/// What readers ask.
pub fn coverage(rolled_up: Option<&Arc<RolledUp>>) -> Arc<dyn RollupCoverage> {
    match rolled_up {
        Some(rolled_up) => Arc::clone(rolled_up) as _,
        None => Arc::new(NoRollups),
    }
}

/// Events are heard before the schedule looks at what is stored.
pub fn heard_by(bus: EventBus, rolled_up: Option<&Arc<RolledUp>>) -> EventBus {
    match rolled_up.map(Arc::clone) {
        Some(rolled_up) => bus.with_inline(move |event| rolled_up.observe(event)),
        None => bus,
    }
}

pub fn start(
    settings: &Settings,
    store: &Arc<dyn Store>,
    rolled_up: Arc<RolledUp>,
    bus: &Arc<EventBus>,
    clock: &Arc<dyn Clock>,
    registry: &mut Registry,
    lifecycle: &Lifecycle,
) {
    let rollups = Arc::new(RollupStore::new(Arc::clone(store), Arc::clone(clock)));
    let schedule = RollupSchedule {
        calculate: CalculateHourlyAggregation::new(Arc::clone(&rollups), Arc::clone(bus)),
        rollups,
        rolled_up,
        options: options(settings),
        counters: RollupCounters::register(registry),
        clock: Arc::clone(clock),
    };
    lifecycle.spawn("rollups", schedule.run(lifecycle.stop_token()));
}
