//! Several nodes over one store: one evaluates the rules, and the others tell it what they took in.

mod alerts_wire;
mod interest_wire;
mod news;
pub mod reception;
mod reporter;
mod sighting_wire;
pub mod wire;

use std::sync::Arc;

use crate::alerting::application::lookout::Lookout;
use crate::alerting::application::node_metrics::NodeMetrics;
use crate::platform::event_bus::EventBus;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::nodes::{NodeClient, OwnerWatch};
use crate::shared::{SeriesWatch, WatchEpoch};

pub use alerts_wire::{alert_from_wire, alert_to_wire};
pub use interest_wire::{interest_from_wire, interest_to_wire};
pub use news::News;
pub use reception::REPORTS_PATH;
pub use sighting_wire::{report_of, sighting_of};

use reporter::Reporter;

/// What a node works with that evaluates no rules itself.
#[derive(Debug)]
pub struct FollowerParts<'a> {
    pub bus: &'a Arc<EventBus>,
    pub client: NodeClient,
    pub owner: OwnerWatch,
    pub metrics: NodeMetrics,
    pub first_epoch: WatchEpoch,
}

/// Tells the node that evaluates the rules what comes of what they look at, until `lifecycle` ends. Gives who looks at series.
pub fn follow(parts: FollowerParts<'_>, lifecycle: &Lifecycle) -> Arc<dyn SeriesWatch> {
    let FollowerParts { bus, client, owner, metrics, first_epoch } = parts;
    let lookout = Arc::new(Lookout::beginning_at(first_epoch, metrics.series_refused.clone()));
    let reporter = Reporter::new(bus, Arc::clone(&lookout), client, owner, metrics);
    lifecycle.spawn("alerting reports", reporter.run(lifecycle.stop_token()));
    lookout
}

#[cfg(test)]
mod tests;
