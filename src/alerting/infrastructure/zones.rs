//! Time zones by name, out of the database that comes with the program: no files of the machine are read.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::alerting::domain::notifying::time_interval::{LocalTime, Zone};
use crate::shared::Timestamp;

/// The zone of the IANA database that has this name, like `Europe/Berlin`; absent: UTC. `None` if there is none.
pub fn zone(name: Option<&str>) -> Option<Arc<dyn Zone>> {
    let zone = match name {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name).ok()?,
    };
    Some(Arc::new(Located(zone)))
}

#[derive(Debug)]
struct Located(TimeZone);

impl Zone for Located {
    fn local(&self, at: Timestamp) -> LocalTime {
        // Every timestamp of ours is one of jiff's.
        let at = jiff::Timestamp::from_nanosecond(at.nanos().into()).unwrap_or_default();
        let local = self.0.to_datetime(at);
        LocalTime {
            year: local.year().into(),
            month: local.month().into(),
            day: local.day().into(),
            days_in_month: local.date().days_in_month().into(),
            weekday: local.date().weekday().to_sunday_zero_offset().into(),
            minute: i32::from(local.hour()) * 60 + i32::from(local.minute()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(name: Option<&str>, text: &str) -> LocalTime {
        let at: jiff::Timestamp = text.parse().unwrap();
        let at = Timestamp::from_nanos(i64::try_from(at.as_nanosecond()).unwrap());
        zone(name).unwrap().local(at)
    }

    #[test]
    fn a_zone_has_its_own_days_and_knows_of_summer() {
        let utc = local(None, "2028-02-29T23:30:00Z");
        let expected =
            LocalTime { year: 2028, month: 2, day: 29, days_in_month: 29, weekday: 2, minute: 23 * 60 + 30 };
        assert_eq!(utc, expected);
        let berlin = local(Some("Europe/Berlin"), "2028-02-29T23:30:00Z");
        assert_eq!((berlin.month, berlin.day, berlin.weekday, berlin.minute), (3, 1, 3, 30));
        assert_eq!(local(Some("Europe/Berlin"), "2028-07-01T10:00:00Z").minute, 12 * 60);
        assert_eq!(local(Some("America/New_York"), "2028-01-01T03:00:00Z").year, 2027);
    }

    #[test]
    fn what_is_no_zone_is_not_found() {
        for name in ["", "Mars/Olympus", "../../etc/passwd", "Local"] {
            assert!(zone(Some(name)).is_none(), "{name}");
        }
    }
}
