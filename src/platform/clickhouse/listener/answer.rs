//! The way back: what the engine answered, with the headers that ClickHouse's clients look at.

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};

use super::exception::Exception;
use super::framing;
use super::request::Packing;
use crate::platform::clickhouse::embedded::Reply;

/// The format of whoever names none.
pub const FORMAT: &str = "TabSeparated";

const DISPLAY_NAME: &str = "x-clickhouse-server-display-name";
const TIMEZONE: &str = "x-clickhouse-timezone";
const QUERY_ID: &str = "x-clickhouse-query-id";
const FORMAT_HEADER: &str = "x-clickhouse-format";
const SUMMARY: &str = "x-clickhouse-summary";

/// What is always the same.
#[derive(Debug, Clone)]
pub struct Facts {
    version: String,
    timezone: HeaderValue,
}

impl Facts {
    /// A line with the version and the time zone.
    pub fn parse(line: &str) -> Self {
        let (version, timezone) = line.trim_end().split_once('\t').unwrap_or((line, "UTC"));
        Self {
            version: version.to_owned(),
            timezone: HeaderValue::from_str(timezone).unwrap_or_else(|_| HeaderValue::from_static("UTC")),
        }
    }

    fn with_headers(&self, mut answer: Response<Body>) -> Response<Body> {
        let headers = answer.headers_mut();
        headers.insert(DISPLAY_NAME, HeaderValue::from_static("telemetryflow"));
        headers.insert(TIMEZONE, self.timezone.clone());
        answer
    }

    pub fn text(&self, text: &'static str) -> Response<Body> {
        let mut answer = Response::new(Body::from(text));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
        self.with_headers(answer)
    }

    pub fn failure(&self, exception: &Exception) -> Response<Body> {
        self.with_headers(exception.answer(&self.version))
    }

    /// `took` is in nanoseconds. Packs, and so takes its time.
    pub fn success(
        &self,
        reply: &Reply,
        query_id: &str,
        format: &str,
        packing: Packing,
        took: u128,
    ) -> Response<Body> {
        let summary = summary(reply, took);
        let (encoding, body) = match packing {
            Packing::Frames => (None, Body::from(framing::pack(&reply.bytes))),
            Packing::Http(wanted) => match wanted.pack(&reply.bytes) {
                Some(packed) => (Some(wanted.name()), Body::from(packed)),
                None => (None, Body::from(reply.bytes.clone())),
            },
        };
        let mut answer = Response::new(body);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(format)));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        for (name, value) in [(QUERY_ID, query_id), (FORMAT_HEADER, format), (SUMMARY, &*summary)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        self.with_headers(answer)
    }
}

fn summary(reply: &Reply, took: u128) -> String {
    format!(
        "{{\"read_rows\":\"{}\",\"read_bytes\":\"{}\",\"written_rows\":\"{}\",\"written_bytes\":\"0\",\
         \"total_rows_to_read\":\"0\",\"result_rows\":\"{}\",\"result_bytes\":\"{}\",\"elapsed_ns\":\"{took}\"}}",
        reply.rows_read,
        reply.bytes_read,
        reply.rows_written,
        reply.rows,
        reply.bytes.len(),
    )
}

/// As ClickHouse's formats say themselves.
fn content_type(format: &str) -> &'static str {
    let lower = format.to_ascii_lowercase();
    match lower.as_str() {
        "tabseparated" | "tsv" | "tabseparatedraw" | "tsvraw" => "text/tab-separated-values; charset=UTF-8",
        name if name.starts_with("tabseparated") || name.starts_with("tsv") => {
            "text/tab-separated-values; charset=UTF-8"
        }
        "csv" => "text/csv; charset=UTF-8; header=absent",
        name if name.starts_with("csv") => "text/csv; charset=UTF-8; header=present",
        "json"
        | "jsoncompact"
        | "jsonstrings"
        | "jsoncompactstrings"
        | "jsoncolumns"
        | "jsoncompactcolumns"
        | "jsoncolumnswithmetadata"
        | "jsonobjecteachrow" => "application/json; charset=UTF-8",
        name if name.contains("eachrow") || name == "ndjson" || name == "jsonlines" => {
            "application/x-ndjson; charset=UTF-8"
        }
        "xml" => "application/xml; charset=UTF-8",
        name if name.starts_with("pretty") || name == "vertical" || name == "markdown" => {
            "text/plain; charset=UTF-8"
        }
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::encoding::Encoding;
    use super::*;

    #[test]
    fn an_answer_says_what_it_is() {
        let reply =
            Reply { bytes: Bytes::from(vec![b'1'; 1_000]), rows_read: 7, rows: 2, ..Reply::default() };
        let facts = Facts::parse("26.7.2.1\tEurope/Berlin\n");
        let answer = facts.success(&reply, "id-1", "JSONEachRow", Packing::Http(Encoding::Gzip), 5);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header(TIMEZONE), "Europe/Berlin");
        assert_eq!((header(QUERY_ID), header(FORMAT_HEADER)), ("id-1".to_owned(), "JSONEachRow".to_owned()));
        assert_eq!(
            (header("content-encoding"), header("content-type")),
            ("gzip".to_owned(), "application/x-ndjson; charset=UTF-8".to_owned())
        );
        let summary: serde_json::Value = serde_json::from_str(&header(SUMMARY)).unwrap();
        assert_eq!((&summary["read_rows"], &summary["result_bytes"]), (&"7".into(), &"1000".into()));
    }
}
