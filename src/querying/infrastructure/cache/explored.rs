//! What is told of the series of metrics, kept until points of the metric (or the tenant) became visible.

use crate::querying::application::explore_metrics::MetricExplorer;
use crate::querying::application::series_answers::{
    Cardinality, ExemplarPage, LabelPage, LabelValuePage, Metadata, MetricCardinality, SentAs, SeriesPage,
};
use crate::querying::application::{CacheUse, Read, ReadError};
use crate::querying::domain::{
    CardinalityQuery, ExemplarsQuery, LabelValuesQuery, LabelsQuery, MetadataQuery, SeriesQuery,
    SeriesSelection,
};
use crate::shared::{TimeRange, Timestamp};

use super::super::bucket_source::BucketSource;
use super::super::generations::{Generation, Generations};
use super::CachedReader;
use super::entries::Entries;

/// What a number, a text's head and a map's node take in memory, roughly.
const ENTRY_BYTES: usize = 64;

#[derive(Debug)]
pub struct Explored {
    metadata: Entries<MetadataQuery, Metadata>,
    labels: Entries<LabelsQuery, LabelPage>,
    values: Entries<LabelValuesQuery, LabelValuePage>,
    cardinality: Entries<CardinalityQuery, Cardinality>,
    of_metrics: Entries<CardinalityQuery, MetricCardinality>,
}

impl Explored {
    /// Each kind of answer has an equal share.
    pub fn new(bytes_max: u64) -> Self {
        let share = bytes_max / 5;
        Self {
            metadata: Entries::new(share, metadata_bytes),
            labels: Entries::new(share, |page| texts(page.rows.iter().map(|label| &label.name))),
            values: Entries::new(share, |page| texts(page.rows.iter().map(|value| &value.value))),
            cardinality: Entries::new(share, |found| texts(found.metrics.iter().map(|metric| &metric.0))),
            of_metrics: Entries::new(share, cardinality_bytes),
        }
    }
}

fn texts<'a>(texts: impl Iterator<Item = &'a String>) -> usize {
    texts.map(|text| text.len() + ENTRY_BYTES).sum()
}

fn metadata_bytes(metadata: &Metadata) -> usize {
    let one = |sent: &SentAs| {
        let scopes = sent.scopes.iter().flat_map(|(name, version)| [name, version]);
        let own = [&sent.kind, &sent.temporality, &sent.unit, &sent.description];
        texts(own.into_iter().chain(&sent.services).chain(scopes))
    };
    metadata.sent_as.iter().map(one).sum()
}

fn cardinality_bytes(found: &MetricCardinality) -> usize {
    let labels = found
        .labels
        .iter()
        .flat_map(|label| std::iter::once(&label.name).chain(label.top.iter().map(|value| &value.0)));
    let services = found.services.iter().flat_map(|service| {
        std::iter::once(&service.name).chain(service.labels.iter().map(|label| &label.0))
    });
    texts(labels.chain(services))
}

/// Whether an answer about these series may have become another one.
fn changed(generations: &Generations, of: &SeriesSelection, since: Generation) -> bool {
    match (&of.metric, of.days.range()) {
        (Some(metric), Some(range)) => generations.metric_changed(&of.tenant, metric, range, since),
        _ => generations.tenant_changed(&of.tenant, since),
    }
}

impl<S: MetricExplorer + BucketSource> MetricExplorer for CachedReader<S> {
    async fn metadata(&self, query: &MetadataQuery, cache: CacheUse) -> Result<Read<Metadata>, ReadError> {
        let Some(always) = TimeRange::new(Timestamp::EPOCH, Timestamp::LATEST) else {
            return self.source.metadata(query, cache).await;
        };
        if cache == CacheUse::Bypass {
            return self.source.metadata(query, cache).await;
        }
        let changed = |since| self.generations.metric_changed(&query.tenant, &query.metric, always, since);
        self.kept(&self.explored.metadata, query, changed, async || {
            self.source.metadata(query, cache).await.map(|read| read.answer)
        })
        .await
    }

    async fn labels(&self, query: &LabelsQuery, cache: CacheUse) -> Result<Read<LabelPage>, ReadError> {
        if cache == CacheUse::Bypass {
            return self.source.labels(query, cache).await;
        }
        let changed = |since| changed(&self.generations, &query.of, since);
        self.kept(&self.explored.labels, query, changed, async || {
            self.source.labels(query, cache).await.map(|read| read.answer)
        })
        .await
    }

    async fn label_values(
        &self,
        query: &LabelValuesQuery,
        cache: CacheUse,
    ) -> Result<Read<LabelValuePage>, ReadError> {
        if cache == CacheUse::Bypass {
            return self.source.label_values(query, cache).await;
        }
        let changed = |since| changed(&self.generations, &query.of, since);
        self.kept(&self.explored.values, query, changed, async || {
            self.source.label_values(query, cache).await.map(|read| read.answer)
        })
        .await
    }

    async fn cardinality(
        &self,
        query: &CardinalityQuery,
        cache: CacheUse,
    ) -> Result<Read<Cardinality>, ReadError> {
        if cache == CacheUse::Bypass {
            return self.source.cardinality(query, cache).await;
        }
        let changed = |since| changed(&self.generations, &query.of, since);
        self.kept(&self.explored.cardinality, query, changed, async || {
            self.source.cardinality(query, cache).await.map(|read| read.answer)
        })
        .await
    }

    async fn metric_cardinality(
        &self,
        query: &CardinalityQuery,
        cache: CacheUse,
    ) -> Result<Read<MetricCardinality>, ReadError> {
        if cache == CacheUse::Bypass {
            return self.source.metric_cardinality(query, cache).await;
        }
        let changed = |since| changed(&self.generations, &query.of, since);
        let read = async || self.source.metric_cardinality(query, cache).await.map(|read| read.answer);
        self.kept(&self.explored.of_metrics, query, changed, read).await
    }

    /// Not kept: dashboards do not ask for it.
    async fn series(&self, query: &SeriesQuery) -> Result<SeriesPage, ReadError> {
        self.source.series(query).await
    }

    /// Not kept, as series.
    async fn exemplars(&self, query: &ExemplarsQuery) -> Result<ExemplarPage, ReadError> {
        self.source.exemplars(query).await
    }
}
