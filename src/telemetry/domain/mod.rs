//! The rules of telemetry: what a metric is, which of its points are accepted, and why others are not.

pub mod acceptance_window;
pub mod exemplar;
pub mod exponential_histogram;
pub mod frame;
pub mod histogram;
pub mod metric;
pub mod metric_name;
pub mod point;
pub mod rejection;
pub mod summary;
pub mod unit;

pub use acceptance_window::AcceptanceWindow;
pub use exemplar::{AdmittedExemplar, ExemplarDraft};
pub use exponential_histogram::ExponentialHistogramDraft;
pub use frame::{AdmittedFrame, PointFrame};
pub use histogram::HistogramDraft;
pub use metric::{DeclaredKind, DeclaredTemporality, Metric};
pub use metric_name::MetricName;
pub use point::{AdmittedPoint, NumberValue, PointDraft};
pub use rejection::{Findings, Rejection, Warning};
pub use summary::SummaryDraft;
pub use unit::Unit;
