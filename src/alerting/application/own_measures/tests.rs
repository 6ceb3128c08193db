//! What points say of how the server does, beyond what `src/alerting/own_rules.yaml` makes of it.

use super::*;
use crate::alerting::domain::fixtures::second;

const WELL: ServerReading =
    ServerReading { accepted: 10, in_flight: 0, inserts: Inserts::Pass, journal: None };

fn reading(server: ServerReading) -> OwnReading {
    OwnReading { server, channels: None, lag: Duration::from_millis(250), events_missed: 7, crowded_out: 0 }
}

fn value(points: &[Measured], metric: &str) -> Option<f64> {
    points.iter().find(|point| point.metric == metric).map(|point| point.value)
}

#[test]
fn what_is_not_known_has_no_point() {
    let mut measures = OwnMeasures::new(TenantId::unnamed(), second(0));
    let points = measures.measure(&reading(WELL), second(5));
    let names: Vec<&str> = points.iter().map(|point| point.metric).collect();
    assert_eq!(
        names,
        [
            "telemetryflow.up",
            "telemetryflow.ingest.idle",
            "telemetryflow.store.failing",
            "telemetryflow.alerting.lag",
            "telemetryflow.alerting.events_missed",
            "telemetryflow.alerting.crowded_out"
        ]
    );
    assert_eq!(value(&points, "telemetryflow.alerting.lag"), Some(0.25));
    assert_eq!(value(&points, "telemetryflow.alerting.events_missed"), Some(7.0));
}

#[test]
fn a_store_without_anything_to_take_is_not_stuck_whatever_comes_later() {
    let mut measures = OwnMeasures::new(TenantId::unnamed(), second(0));
    let mut failing = |server, at| {
        let points = measures.measure(&reading(server), second(at));
        value(&points, "telemetryflow.store.failing").unwrap()
    };
    assert_eq!(failing(WELL, 5), 0.0);
    assert_eq!(failing(WELL, 500), 0.0);
    let waiting = ServerReading { accepted: 12, in_flight: 2, ..WELL };
    assert_eq!((failing(waiting, 505), failing(waiting, 515)), (5.0, 15.0));
    let inserting = ServerReading { accepted: 15, in_flight: 4, ..WELL };
    assert_eq!((failing(inserting, 520), failing(inserting, 530)), (0.0, 10.0));
}

#[test]
fn series_of_two_channels_are_two() {
    let measures = OwnMeasures::new(TenantId::unnamed(), second(0));
    let of = |channel: &str| Measured {
        metric: "telemetryflow.notifications.dead",
        kind: MetricKind::Gauge,
        channel: Some(channel.into()),
        value: 0.0,
    };
    let (mail, ops) = (measures.series(&of("mail")), measures.series(&of("ops")));
    assert_ne!(mail.id, ops.id);
    assert_eq!((mail.label("channel"), ops.label("channel")), (Some("mail"), Some("ops")));
    assert_eq!(mail.id, measures.series(&of("mail")).id);
}
