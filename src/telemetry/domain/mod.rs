//! The rules of telemetry: which points, log records and spans are accepted, and why others are not.

pub mod acceptance_window;
pub mod exemplar;
pub mod exponential_histogram;
pub mod frame;
pub mod histogram;
pub mod hour;
pub mod log;
pub mod metric;
pub mod metric_name;
pub mod point;
pub mod rejection;
pub mod span;
pub mod summary;
pub mod unit;

pub use acceptance_window::AcceptanceWindow;
pub use exemplar::{AdmittedExemplar, ExemplarDraft};
pub use exponential_histogram::ExponentialHistogramDraft;
pub use frame::{AdmittedFrame, PointFrame};
pub use histogram::HistogramDraft;
pub use hour::Hour;
pub use log::{Log, LogDraft, Severity};
pub use metric::{DeclaredKind, DeclaredTemporality, Metric};
pub use metric_name::MetricName;
pub use point::{AdmittedPoint, NumberValue, PointDraft};
pub use rejection::{Findings, Rejection, Warning};
pub use span::{Span, SpanDraft, event_time};
pub use summary::SummaryDraft;
pub use unit::Unit;
