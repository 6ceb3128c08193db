//! The rules of telemetry: what a metric is, which of its points are accepted, and why others are not.

pub mod acceptance_window;
pub mod metric;
pub mod metric_name;
pub mod point;
pub mod rejection;
pub mod unit;

pub use acceptance_window::AcceptanceWindow;
pub use metric::{DeclaredKind, DeclaredTemporality, Metric};
pub use metric_name::MetricName;
pub use point::{AdmittedPoint, NumberValue, PointDraft};
pub use rejection::{Findings, Rejection, Warning};
pub use unit::Unit;
