//! `Asked`: what a request says in its address, its headers and its body.

use std::borrow::Cow;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use bytes::Bytes;

use super::encoding::Encoding;
use super::exception::Exception;
use super::framing;
use super::settings::{self, Taken};
use crate::platform::clickhouse::Parameter;

/// Most parameters of an address, and fields of a form.
const PARAMETERS_MAX: usize = 1_000;
/// Longest value of a setting, in bytes.
const SETTING_BYTES_MAX: usize = 1_024;
/// The database of whoever names none, or the one that ClickHouse calls `default`.
const DATABASE: &str = "telemetryflow";
const FORM: &str = "multipart/form-data";

/// A request, parsed. Values of parameters are in ClickHouse's text form, as they came.
#[derive(Debug, Default)]
pub struct Asked {
    pub query: String,
    pub user: Option<String>,
    pub password: Option<String>,
    pub query_id: Option<String>,
    pub format: Option<String>,
    database: Option<String>,
    pub parameters: Vec<Parameter>,
    /// For the engine, in the order in which they came.
    pub settings: Vec<(String, String)>,
    packs: Framing,
    unpacks: Framing,
    compresses: Option<bool>,
}

/// Whether bodies are in ClickHouse's own frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    #[default]
    None,
    Native,
}

/// How the answer is to be packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Frames,
    Http(Encoding),
}

impl Asked {
    pub fn parse(address: Option<&str>, headers: &HeaderMap) -> Result<Self, Exception> {
        let mut asked = Self::default();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        asked.database = header("x-clickhouse-database");
        asked.format = header("x-clickhouse-format");
        let pairs = form_urlencoded::parse(address.unwrap_or_default().as_bytes());
        for (index, (name, value)) in pairs.enumerate() {
            if index == PARAMETERS_MAX {
                return Err(Exception::bad_arguments("there are too many parameters"));
            }
            asked.take(&name, value)?;
        }
        Ok(asked)
    }

    fn take(&mut self, name: &str, value: Cow<'_, str>) -> Result<(), Exception> {
        let is_on = || value != "0" && !value.eq_ignore_ascii_case("false");
        let framing = || if is_on() { Framing::Native } else { Framing::None };
        match name {
            "query" => self.query = value.into_owned(),
            "user" => self.user = Some(value.into_owned()),
            "password" => self.password = Some(value.into_owned()),
            "query_id" => self.query_id = Some(value.into_owned()).filter(|id| !id.is_empty()),
            "default_format" => self.format = Some(value.into_owned()),
            "database" => self.database = Some(value.into_owned()),
            "compress" => self.packs = framing(),
            "decompress" => self.unpacks = framing(),
            "enable_http_compression" => self.compresses = Some(is_on()),
            // Each request stands alone: what would need a session is refused where it is asked for.
            "session_id" | "session_timeout" | "session_check" | "quota_key" | "stacktrace" => {}
            "role" => return Err(Exception::bad_arguments("there are no roles")),
            _ => match name.strip_prefix("param_") {
                Some(parameter) => {
                    self.parameters.push((Cow::Owned(parameter.to_owned()), value.into_owned()));
                }
                None => self.take_setting(name, &value)?,
            },
        }
        Ok(())
    }

    fn take_setting(&mut self, name: &str, value: &str) -> Result<(), Exception> {
        match settings::taken(name) {
            Taken::Refused => {
                let shown: String = name.chars().take(100).flat_map(char::escape_debug).collect();
                Err(Exception::unknown_setting(format!("the setting {shown} is not taken here")))
            }
            Taken::Ignored => Ok(()),
            Taken::Given | Taken::Limit if value.len() > SETTING_BYTES_MAX || value.contains('\0') => Err(
                Exception::bad_arguments(format!("the value of {name} is too long, or holds a zero byte")),
            ),
            Taken::Given | Taken::Limit => {
                self.settings.push((name.to_owned(), value.to_owned()));
                Ok(())
            }
        }
    }

    /// Whose tables are meant where a statement names no database.
    pub fn database(&self) -> Result<&str, Exception> {
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match self.database.as_deref().unwrap_or_default() {
            "" | "default" => Ok(DATABASE),
            "system" => {
                Err(Exception::access_denied("system cannot be the database of a request; name its tables"))
            }
            name if is_name(name) && name.len() <= 64 => Ok(name),
            _ => Err(Exception::bad_arguments("the name of a database has letters, digits and _")),
        }
    }

    /// How the answer is packed.
    pub fn packing(&self, headers: &HeaderMap) -> Packing {
        match (self.packs, self.compresses) {
            (Framing::Native, _) => Packing::Frames,
            (Framing::None, Some(false)) => Packing::Http(Encoding::Plain),
            (Framing::None, _) => Packing::Http(Encoding::wanted(headers)),
        }
    }

    /// The body as it was before it was packed, in at most two ways. A form becomes a part of the request.
    pub async fn take_body(
        &mut self,
        headers: &HeaderMap,
        body: Bytes,
        bytes_max: usize,
    ) -> Result<Bytes, Exception> {
        let body = match Encoding::of_body(headers)? {
            Encoding::Plain => body,
            packed => Bytes::from(packed.unpack(&body, bytes_max)?),
        };
        let body = match self.unpacks {
            Framing::None => body,
            Framing::Native => Bytes::from(framing::unpack(&body, bytes_max)?),
        };
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !content_type.starts_with(FORM) {
            return Ok(body);
        }
        self.take_form(content_type, body).await?;
        Ok(Bytes::new())
    }

    /// Fields `query` and `param_NAME`; tables that are sent along (external data) are not taken.
    async fn take_form(&mut self, content_type: &str, body: Bytes) -> Result<(), Exception> {
        let broken =
            |error: multer::Error| Exception::bad_arguments(format!("the form cannot be read: {error}"));
        let boundary = multer::parse_boundary(content_type).map_err(broken)?;
        let body = futures_util::stream::once(async move { Ok::<_, std::convert::Infallible>(body) });
        let mut form = multer::Multipart::new(body, boundary);
        let mut count = 0;
        while let Some(field) = form.next_field().await.map_err(broken)? {
            count += 1;
            let name = field.name().unwrap_or_default().to_owned();
            if count > PARAMETERS_MAX
                || field.file_name().is_some()
                || !(name == "query" || name.starts_with("param_"))
            {
                return Err(Exception::bad_arguments("a form may hold query and param_NAME, and no tables"));
            }
            let value = field.bytes().await.map_err(broken)?;
            let value =
                str::from_utf8(&value).map_err(|_| Exception::bad_arguments("a field is not UTF-8"))?;
            self.take(&name, Cow::Borrowed(value))?;
        }
        Ok(())
    }
}

/// Whether the method alone says that nothing may be changed.
pub fn only_reads(method: &Method) -> bool {
    *method != Method::POST
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};

    use super::*;

    fn parse(address: &str) -> Result<Asked, Exception> {
        Asked::parse(Some(address), &HeaderMap::new())
    }

    fn with(name: axum::http::HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn an_address_names_query_parameters_settings_and_format() {
        let asked = parse(
            "query=SELECT+%7Ba%3AUInt8%7D&param_a=1%5Ct&default_format=JSON&max_threads=2&wait_end_of_query=1\
             &query_id=x&session_id=s",
        )
        .unwrap();
        assert_eq!(asked.query, "SELECT {a:UInt8}");
        assert_eq!(asked.parameters, [(Cow::Borrowed("a"), "1\\t".to_owned())]);
        assert_eq!(asked.settings, [("max_threads".to_owned(), "2".to_owned())]);
        assert_eq!((asked.format.as_deref(), asked.query_id.as_deref()), (Some("JSON"), Some("x")));
    }

    #[test]
    fn settings_that_are_not_known_are_refused_by_name() {
        for name in ["readonly", "format_schema", "nonsense", "MAX_THREADS"] {
            let refused = parse(&format!("{name}=1")).unwrap_err();
            assert!(refused.code == 115 && refused.message("1").contains(name), "{name}");
        }
        assert_eq!(parse(&format!("max_threads={}", "1".repeat(2_000))).unwrap_err().code, 36);
    }

    #[test]
    fn the_database_is_ours_unless_another_is_named() {
        let database =
            |address: &str| parse(address).unwrap().database().map(str::to_owned).map_err(|error| error.code);
        assert_eq!(database(""), Ok("telemetryflow".to_owned()));
        assert_eq!(database("database=default"), Ok("telemetryflow".to_owned()));
        assert_eq!(database("database=other"), Ok("other".to_owned()));
        assert_eq!((database("database=system"), database("database=a.b")), (Err(497), Err(36)));
    }

    #[test]
    fn the_answer_is_packed_as_it_is_asked_for() {
        let gzip = with(ACCEPT_ENCODING, "gzip");
        let packing = |address: &str| parse(address).unwrap().packing(&gzip);
        assert_eq!(packing(""), Packing::Http(Encoding::Gzip));
        assert_eq!(packing("enable_http_compression=0"), Packing::Http(Encoding::Plain));
        assert_eq!(packing("compress=1"), Packing::Frames);
    }

    #[tokio::test]
    async fn a_form_gives_the_query_and_its_parameters() {
        let headers = with(CONTENT_TYPE, "multipart/form-data; boundary=b");
        let field = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body =
            format!("{}{}--b--\r\n", field("query", "SELECT {a:String}"), field("param_a", "x\\n\u{e4}"));
        let mut asked = parse("").unwrap();
        let rest = asked.take_body(&headers, body.clone().into(), 1_000).await.unwrap();
        assert!(rest.is_empty() && asked.query == "SELECT {a:String}");
        assert_eq!(asked.parameters, [(Cow::Borrowed("a"), "x\\n\u{e4}".to_owned())]);
        for wrong in [field("table", "1") + "--b--\r\n", body[..40].to_owned()] {
            let refused = parse("").unwrap().take_body(&headers, wrong.into(), 1_000).await;
            assert_eq!(refused.unwrap_err().code, 36);
        }
    }

    #[tokio::test]
    async fn bodies_are_unpacked_within_their_limit() {
        let headers = with(CONTENT_ENCODING, "gzip");
        let random: Vec<u8> =
            (0..1_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let packed = Encoding::Gzip.pack(&framing::pack(&random)).unwrap();
        let mut asked = parse("decompress=1").unwrap();
        let body = asked.take_body(&headers, packed.into(), 10_000).await.unwrap();
        assert_eq!(body, random);
        let framed = Bytes::from(framing::pack(&[0; 2_000]));
        assert_eq!(asked.take_body(&HeaderMap::new(), framed, 1_000).await.unwrap_err().code, 317);
    }
}
