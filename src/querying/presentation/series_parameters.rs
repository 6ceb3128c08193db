//! The questions about the series of metrics, as query strings.

use crate::platform::http::Problem;
use crate::querying::application::CacheUse;
use crate::querying::domain::{
    CardinalityQuery, Days, ExemplarPlace, ExemplarsQuery, LabelValuesQuery, LabelsQuery, MetadataQuery,
    SeriesQuery, SeriesSelection, TextPlace,
};
use crate::shared::{SeriesId, TenantId, Timestamp};

use super::parameters::{
    ATTRIBUTES, CACHE, CURSOR, END, FILTER, LIMIT, METRIC_NAME, Names, Parameters, SEARCH, SERVICE_NAME,
    START, wrong,
};
use super::search_parameters::not_a_cursor;

pub(super) const LABEL: Names = &["label"];

pub(super) const OF_METADATA: &[Names] = &[METRIC_NAME, CACHE];
pub(super) const OF_LABELS: &[Names] =
    &[METRIC_NAME, SERVICE_NAME, FILTER, START, END, SEARCH, LIMIT, CURSOR, CACHE];
pub(super) const OF_VALUES: &[Names] =
    &[LABEL, METRIC_NAME, SERVICE_NAME, FILTER, START, END, SEARCH, LIMIT, CURSOR, CACHE];
pub(super) const OF_CARDINALITY: &[Names] = &[METRIC_NAME, SERVICE_NAME, FILTER, START, END, LIMIT, CACHE];
pub(super) const OF_SERIES: &[Names] = &[METRIC_NAME, SERVICE_NAME, FILTER, START, END, LIMIT, CURSOR];

const ROWS_DEFAULT: usize = 100;
const ROWS_MAX: usize = 1_000;
pub(super) const CARDINALITY_DEFAULT: usize = 20;
/// Longest beginning of a text in a cursor: the store's 128 characters.
const BEGINNING_BYTES_MAX: usize = 512;

impl Parameters {
    pub(super) fn metadata(&self, tenant: TenantId) -> Result<(MetadataQuery, CacheUse), Problem> {
        self.only_or(OF_METADATA, &[])?;
        Ok((MetadataQuery { tenant, metric: self.metric()? }, self.cache()?))
    }

    pub(super) fn labels(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<(LabelsQuery, CacheUse), Problem> {
        self.only_or(OF_LABELS, &[ATTRIBUTES])?;
        let query = LabelsQuery {
            of: self.selection(tenant, now)?,
            search: self.text(SEARCH)?,
            after: self.text_place()?,
            limit: self.count(LIMIT, ROWS_DEFAULT, ROWS_MAX)?,
        };
        Ok((query, self.cache()?))
    }

    pub(super) fn label_values(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<(LabelValuesQuery, CacheUse), Problem> {
        self.only_or(OF_VALUES, &[ATTRIBUTES])?;
        let query = LabelValuesQuery {
            of: self.selection(tenant, now)?,
            label: self.needed(LABEL)?,
            search: self.text(SEARCH)?,
            after: self.text_place()?,
            limit: self.count(LIMIT, ROWS_DEFAULT, ROWS_MAX)?,
        };
        Ok((query, self.cache()?))
    }

    pub(super) fn cardinality(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<(CardinalityQuery, CacheUse), Problem> {
        self.only_or(OF_CARDINALITY, &[ATTRIBUTES])?;
        let query = CardinalityQuery {
            of: self.selection(tenant, now)?,
            limit: self.count(LIMIT, CARDINALITY_DEFAULT, ROWS_MAX)?,
        };
        Ok((query, self.cache()?))
    }

    pub(super) fn series(&self, tenant: TenantId, now: Timestamp) -> Result<SeriesQuery, Problem> {
        self.only_or(OF_SERIES, &[ATTRIBUTES])?;
        Ok(SeriesQuery {
            tenant,
            metric: self.metric()?,
            range: self.exact_range(now)?,
            filter: self.filter()?,
            after: self.one(CURSOR)?.map(|text| id(text).ok_or_else(not_a_cursor)).transpose()?,
            limit: self.count(LIMIT, ROWS_DEFAULT, ROWS_MAX)?,
        })
    }

    pub(super) fn exemplars(&self, tenant: TenantId, now: Timestamp) -> Result<ExemplarsQuery, Problem> {
        self.only_or(OF_SERIES, &[ATTRIBUTES])?;
        Ok(ExemplarsQuery {
            tenant,
            metric: self.metric()?,
            range: self.exact_range(now)?,
            filter: self.filter()?,
            after: self.one(CURSOR)?.map(|text| exemplar_place(text).ok_or_else(not_a_cursor)).transpose()?,
            limit: self.count(LIMIT, ROWS_DEFAULT, ROWS_MAX)?,
        })
    }

    fn metric(&self) -> Result<Box<str>, Problem> {
        self.needed(METRIC_NAME)
    }

    fn needed(&self, names: Names) -> Result<Box<str>, Problem> {
        match self.one(names)? {
            None => Err(wrong(names, "missing")),
            Some("") => Err(wrong(names, "empty")),
            Some(_) => self.text(names),
        }
    }

    fn selection(&self, tenant: TenantId, now: Timestamp) -> Result<SeriesSelection, Problem> {
        let metric = self.one(METRIC_NAME)?.map(|_| self.metric()).transpose()?;
        Ok(SeriesSelection { tenant, metric, days: Days::of(self.exact_range(now)?), filter: self.filter()? })
    }

    fn text_place(&self) -> Result<Option<TextPlace>, Problem> {
        self.one(CURSOR)?.map(|text| text_place(text).ok_or_else(not_a_cursor)).transpose()
    }
}

/// A cursor as clients carry it: the hash and the bytes of the beginning in hexadecimal.
pub(super) fn text_place_text(place: &TextPlace) -> String {
    let beginning: String = place.beginning.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{:x}-{beginning}", place.tie)
}

fn text_place(text: &str) -> Option<TextPlace> {
    let (tie, beginning) = text.split_once('-')?;
    if beginning.len() > 2 * BEGINNING_BYTES_MAX || !is_hexadecimal(beginning) {
        return None;
    }
    let (pairs, odd) = beginning.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).chain((!odd.is_empty()).then_some(None)).collect();
    let beginning = String::from_utf8(bytes?).ok()?;
    Some(TextPlace { beginning: beginning.into(), tie: number(tie)? })
}

pub(super) fn id_text(id: &SeriesId) -> String {
    format!("{:016x}", id.0)
}

fn id(text: &str) -> Option<SeriesId> {
    number(text).map(SeriesId)
}

/// Time and hash in hexadecimal.
pub(super) fn exemplar_place_text(place: &ExemplarPlace) -> String {
    format!("{:x}-{:x}", place.time.nanos(), place.tie)
}

fn exemplar_place(text: &str) -> Option<ExemplarPlace> {
    let (time, tie) = text.split_once('-')?;
    let time = i64::try_from(number(time)?).ok().map(Timestamp::from_nanos)?;
    Some(ExemplarPlace { time, tie: number(tie)? })
}

/// In hexadecimal, without a sign.
fn number(text: &str) -> Option<u64> {
    is_hexadecimal(text).then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(1_795_000_000_000_000_000);

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters::new(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn cursors_come_back_as_they_went() {
        for beginning in ["", "x", "ü'\\\u{0}-", &"€".repeat(128)] {
            let place = TextPlace { beginning: beginning.into(), tie: u64::MAX };
            assert_eq!(text_place(&text_place_text(&place)), Some(place));
        }
        for id in [0, 7, u64::MAX] {
            assert_eq!(super::id(&id_text(&SeriesId(id))), Some(SeriesId(id)));
        }
        let place = ExemplarPlace { time: NOW, tie: 3 };
        assert_eq!(exemplar_place(&exemplar_place_text(&place)), Some(place));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let long = format!("1-{}", "61".repeat(BEGINNING_BYTES_MAX + 1));
        for text in ["", "1", "-", "x-61", "1-6", "1-6g", "1-+1", "1-ff", "11111111111111111-61", &long] {
            assert_eq!(text_place(text), None, "{text}");
            let detail = parameters(&[("cursor", text)]).labels(TenantId::unnamed(), NOW);
            assert_eq!(detail.unwrap_err().detail(), "not the `next` of an answer", "{text}");
        }
        for text in ["", "+1", "g", "-1", "11111111111111111"] {
            assert_eq!(id(text), None, "{text}");
        }
        for text in ["", "1", "1-", "-1", "1-1-1", "ffffffffffffffff-1"] {
            assert_eq!(exemplar_place(text), None, "{text}");
        }
    }

    #[test]
    fn the_same_question_on_the_same_day_is_one_for_the_cache() {
        let at = |now: Timestamp| parameters(&[("metricName", "m")]).labels(TenantId::unnamed(), now);
        let (first, second) = (at(NOW).unwrap(), at(NOW.plus(std::time::Duration::from_secs(60))).unwrap());
        assert_eq!(first, second);
    }

    #[test]
    fn what_has_to_be_named_is_asked_for() {
        let tenant = TenantId::unnamed;
        let missing = parameters(&[]).metadata(tenant()).unwrap_err();
        assert_eq!(missing.detail(), "missing");
        let empty = parameters(&[("label", "")]).label_values(tenant(), NOW).unwrap_err();
        assert_eq!(empty.detail(), "empty");
        let unknown = parameters(&[("metricName", "m"), ("serch", "x")]).labels(tenant(), NOW).unwrap_err();
        assert_eq!(unknown.detail(), "unknown parameter");
    }
}
