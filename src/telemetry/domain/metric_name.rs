//! `MetricName`: what a metric is called.

use super::Rejection;

/// Longest accepted name, in bytes (otlp.md, "Metrics").
pub const METRIC_NAME_BYTES_MAX: usize = 1_024;

/// Any UTF-8 text of 1 to 1,024 bytes.
///
/// The API's syntax rule (a letter first, then letters, digits and `_ . - /`) binds instruments, not the wire
/// (OpenTelemetry specification, "Instrument name syntax"), so it is not applied here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MetricName<'a>(&'a str);

impl<'a> MetricName<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejection> {
        if bytes.is_empty() {
            return Err(Rejection::NameEmpty);
        }
        if bytes.len() > METRIC_NAME_BYTES_MAX {
            return Err(Rejection::NameTooLong);
        }
        std::str::from_utf8(bytes).map(Self).map_err(|_| Rejection::NameNotUtf8)
    }

    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_name_also_with_slashes_and_spaces() {
        for name in ["http.server.duration", "a/b", "7 lives", "größe"] {
            assert_eq!(MetricName::parse(name.as_bytes()).map(MetricName::as_str), Ok(name));
        }
        assert!(MetricName::parse(&[b'a'; METRIC_NAME_BYTES_MAX]).is_ok());
    }

    #[test]
    fn empty_long_and_undecodable_names_are_refused() {
        assert_eq!(MetricName::parse(b""), Err(Rejection::NameEmpty));
        assert_eq!(MetricName::parse(&[b'a'; METRIC_NAME_BYTES_MAX + 1]), Err(Rejection::NameTooLong));
        assert_eq!(MetricName::parse(b"\xff"), Err(Rejection::NameNotUtf8));
    }
}
