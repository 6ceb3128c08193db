//! What a time series is: its identity, its id, the kind of its points, and who watches it.

use std::sync::Arc;

use super::TenantId;

/// Identifies a series on every node and after every restart alike: the hash of its canonical identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u64);

/// Whether a sum tells what was added since the last report, or since its start
/// (OTLP `AggregationTemporality`; "unspecified" has no place in the domain).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Temporality {
    Delta,
    Cumulative,
}

/// What the points of a metric mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    Gauge,
    Sum {
        temporality: Temporality,
        monotonic: bool,
    },
    /// Counts of values between explicit bounds.
    Histogram {
        temporality: Temporality,
    },
    /// Counts of values between the powers of a base.
    ExponentialHistogram {
        temporality: Temporality,
    },
    /// Quantiles that the sender computed.
    Summary,
}

impl MetricKind {
    /// A counter as SDKs export it by default. It is read through its increase, never raw.
    pub const fn is_cumulative_counter(self) -> bool {
        matches!(self, Self::Sum { temporality: Temporality::Cumulative, monotonic: true })
    }

    /// The name in the store, in answers and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Sum { .. } => "sum",
            Self::Histogram { .. } => "histogram",
            Self::ExponentialHistogram { .. } => "exponential_histogram",
            Self::Summary => "summary",
        }
    }

    /// Whether a point is a number. Those of the other kinds are distributions.
    pub const fn has_numbers(self) -> bool {
        matches!(self, Self::Gauge | Self::Sum { .. })
    }

    /// Absent for kinds that have none.
    pub const fn temporality(self) -> Option<Temporality> {
        match self {
            Self::Gauge | Self::Summary => None,
            Self::Sum { temporality, .. }
            | Self::Histogram { temporality }
            | Self::ExponentialHistogram { temporality } => Some(temporality),
        }
    }

    /// `none` for kinds that have no temporality.
    pub const fn temporality_name(self) -> &'static str {
        match self.temporality() {
            None => "none",
            Some(Temporality::Delta) => "delta",
            Some(Temporality::Cumulative) => "cumulative",
        }
    }

    pub const fn is_monotonic(self) -> bool {
        matches!(self, Self::Sum { monotonic: true, .. })
    }
}

/// One attribute, its value in text form (otlp.md, "Attributes").
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    pub key: Box<str>,
    pub value: Box<str>,
}

impl Attribute {
    /// What one takes in memory beside its text: itself in a list without spare room, what its two texts are rounded up by,
    /// and its place in a block.
    pub const BYTES: usize = size_of::<Self>() + 2 * 16 + Self::ROW_BYTES;
    /// What one takes beside its text in a row of a block.
    pub const ROW_BYTES: usize = 2 * size_of::<i32>();

    /// How much text it holds, in bytes.
    pub fn text_bytes(&self) -> usize {
        self.key.len() + self.value.len()
    }
}

/// What sends the series of a request. Shared by them all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// Its `service.name`; empty if there is none.
    pub service: Box<str>,
    /// Sorted by key; each key stands once.
    pub attributes: Vec<Attribute>,
    /// How many attributes its sender left out. Not part of a series' identity.
    pub dropped_attributes: u32,
    /// The schema that its attributes follow; empty if none was named. Not part of a series' identity.
    pub schema_url: Box<str>,
}

/// The instrumentation that made a series. Shared by all series of the same scope in a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    pub name: Box<str>,
    pub version: Box<str>,
    /// Sorted by key; each key stands once.
    pub attributes: Vec<Attribute>,
    /// How many attributes its sender left out. Not part of a series' identity.
    pub dropped_attributes: u32,
    /// The schema that the metrics of the scope follow; empty if none was named. Not part of a series' identity.
    pub schema_url: Box<str>,
}

/// Everything that tells one series from another, plus its description.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesIdentity {
    pub id: SeriesId,
    pub tenant: TenantId,
    pub metric: Arc<str>,
    pub unit: Box<str>,
    /// Not part of the identity: the last one sent wins.
    pub description: Box<str>,
    /// What else its sender says of the metric; sorted by key. Not part of the identity either.
    pub metadata: Arc<[Attribute]>,
    pub kind: MetricKind,
    pub resource: Arc<Resource>,
    pub scope: Arc<Scope>,
    /// Of the points; sorted by key, each key stands once.
    pub attributes: Vec<Attribute>,
}

impl SeriesIdentity {
    /// One of which nothing is known beside its labels, sorted by key. It has neither resource nor scope.
    pub fn labelled(
        id: SeriesId,
        tenant: TenantId,
        metric: Arc<str>,
        kind: MetricKind,
        attributes: Vec<Attribute>,
    ) -> Self {
        Self {
            id,
            tenant,
            metric,
            unit: Box::default(),
            description: Box::default(),
            metadata: Arc::default(),
            kind,
            resource: Arc::default(),
            scope: Arc::default(),
            attributes,
        }
    }

    /// The value of a label as filters and `groupBy` see it: the point's attribute, else the resource's.
    pub fn label(&self, name: &str) -> Option<&str> {
        value_of(&self.attributes, name).or_else(|| value_of(&self.resource.attributes, name))
    }

    /// What it takes in memory with a row of it, in bytes. What it shares with others counts in full, because rows spell it out.
    pub fn held_bytes(&self) -> usize {
        let lists = [&*self.metadata, &self.resource.attributes, &self.scope.attributes, &self.attributes];
        let attributes: usize = lists.iter().map(|list| list.len()).sum();
        2 * self.text_bytes() + attributes * Attribute::BYTES
    }

    /// What a row of it takes in a block, in bytes.
    pub fn row_bytes(&self) -> usize {
        let lists = [&*self.metadata, &self.resource.attributes, &self.scope.attributes, &self.attributes];
        let attributes: usize = lists.iter().map(|list| list.len()).sum();
        self.text_bytes() + attributes * Attribute::ROW_BYTES
    }

    /// How much text a row of the series holds, in bytes; what it shares with others counts in full.
    pub fn text_bytes(&self) -> usize {
        let attributes = |list: &[Attribute]| list.iter().map(Attribute::text_bytes).sum::<usize>();
        let resource = attributes(&self.resource.attributes) + self.resource.schema_url.len();
        let scope = attributes(&self.scope.attributes)
            + self.scope.name.len()
            + self.scope.version.len()
            + self.scope.schema_url.len();
        let metric = self.metric.len() + self.unit.len() + self.description.len();
        metric + attributes(&self.metadata) + scope + resource + attributes(&self.attributes)
    }
}

fn value_of<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    let at = attributes.binary_search_by(|attribute| (*attribute.key).cmp(name)).ok()?;
    attributes.get(at).map(|attribute| &*attribute.value)
}

/// Stands in for "the rules that look at this series" in each of its points, as they were in a certain epoch of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WatchId(u32);

/// Counts the changes of what is watched. After so many it begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WatchEpoch(u32);

impl WatchEpoch {
    const BITS: u32 = 12;

    /// The epoch after so many changes.
    pub const fn after(changes: u32) -> Self {
        Self(changes % (1 << Self::BITS))
    }

    #[must_use]
    pub const fn next(self) -> Self {
        Self::after(self.0 + 1)
    }

    /// So many changes lead to it.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// How many changes there were since `earlier`.
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0) % (1 << Self::BITS)
    }
}

impl WatchId {
    /// Nobody looks, in the first epoch.
    pub const NONE: Self = Self(0);
    /// Most watches of one epoch.
    pub const NUMBER_MAX: u32 = (1 << (u32::BITS - WatchEpoch::BITS)) - 1;

    /// The watch of a number from 1 to [`Self::NUMBER_MAX`], or with 0 that nobody looks.
    pub const fn new(epoch: WatchEpoch, number: u32) -> Option<Self> {
        if number > Self::NUMBER_MAX {
            return None;
        }
        Some(Self(epoch.0 << (u32::BITS - WatchEpoch::BITS) | number))
    }

    pub const fn none(epoch: WatchEpoch) -> Self {
        Self(epoch.0 << (u32::BITS - WatchEpoch::BITS))
    }

    pub const fn is_some(self) -> bool {
        self.number() != 0
    }

    pub const fn epoch(self) -> WatchEpoch {
        WatchEpoch(self.0 >> (u32::BITS - WatchEpoch::BITS))
    }

    pub const fn number(self) -> u32 {
        self.0 & Self::NUMBER_MAX
    }
}

/// Port: somebody who wants to know of some series (alerting). Asked once per series and epoch, never per point.
pub trait SeriesWatch: Send + Sync {
    /// The answer is of the epoch that [`Self::epoch`] tells then.
    fn watch(&self, series: &SeriesIdentity) -> WatchId;

    /// Once it changes, answers of before are to be asked for again. Cheap: it is asked for with each request.
    fn epoch(&self) -> WatchEpoch;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(key: &str, value: &str) -> Attribute {
        Attribute { key: key.into(), value: value.into() }
    }

    #[test]
    fn a_label_is_the_points_attribute_before_the_resources() {
        let series = SeriesIdentity {
            id: SeriesId(1),
            tenant: TenantId::unnamed(),
            metric: "m".into(),
            unit: "".into(),
            description: "".into(),
            metadata: Arc::default(),
            kind: MetricKind::Gauge,
            resource: Arc::new(Resource {
                service: "shop".into(),
                attributes: vec![attribute("host", "a"), attribute("zone", "z")],
                ..Resource::default()
            }),
            scope: Arc::default(),
            attributes: vec![attribute("host", "b")],
        };
        assert_eq!(series.label("host"), Some("b"));
        assert_eq!(series.label("zone"), Some("z"));
        assert_eq!(series.label("none"), None);
        assert_eq!(series.text_bytes(), "mhostazonezhostb".len());
    }
}
