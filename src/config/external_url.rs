//! Reads `[alerting] external_url`.

use reqwest::Url;

use super::reader::{Reader, text_of};

const KEY: &str = "alerting.external_url";
const ALLOWED: &str = "allowed: an address that begins with https:// or http://, of at most 1024 characters, without a user, a query \
    or a fragment";
const BYTES_MAX: usize = 1_024;

/// As it was written; empty if it was not.
pub(super) fn read(reader: &mut Reader) -> String {
    reader.read(KEY, String::new(), |written| {
        let url = text_of(written).filter(|text| text.is_empty() || is_page(text));
        url.map(str::to_owned).ok_or_else(|| ALLOWED.to_owned())
    })
}

/// An `http` or `https` address that names neither a user nor a query or a fragment.
pub(super) fn plain_address(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

/// It becomes part of links: what would end one is not in it. (Braces would be read as part of a template.)
fn is_page(text: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'<' | b'>' | b'|' | b'"');
    plain_address(text).is_some() && text.len() <= BYTES_MAX && text.bytes().all(is_plain)
}
