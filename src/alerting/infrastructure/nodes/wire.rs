//! What nodes say to each other about what rules look at: protobuf messages, so that nodes of neighbouring versions understand
//! each other. Fields are only ever added.
//!
//! A [`Report`] goes to the node that evaluates the rules; its answer is a [`Receipt`].

use prost::{Message, Oneof};

/// Most bytes of one report. What becomes of it in memory is a few dozen times as much at worst, and only nodes that know the
/// secret are listened to.
pub const REPORT_BYTES_MAX: usize = 4 << 20;
/// Most bytes of a receipt: what 20,000 rules look at.
pub const RECEIPT_BYTES_MAX: usize = 64 << 20;
/// The media type of both.
pub const PROTOBUF: &str = "application/x-protobuf";

/// What a node took in since its last report.
#[derive(Clone, PartialEq, Message)]
pub struct Report {
    /// Drawn at random when the node started.
    #[prost(fixed64, tag = "1")]
    pub sender: u64,
    /// Counts the reports of a sender. One that is sent again has the same number.
    #[prost(uint64, tag = "2")]
    pub number: u64,
    /// The interest that the sender knows of; 0 for none.
    #[prost(fixed64, tag = "3")]
    pub interest: u64,
    /// Something was lost before it could be reported.
    #[prost(bool, tag = "4")]
    pub gap: bool,
    /// It goes on with what the one before told: it is taken whatever the rules look at by now.
    #[prost(bool, tag = "8")]
    pub follows: bool,
    /// The alerts that the sender knows of: the news of a receipt of before.
    #[prost(message, optional, tag = "9")]
    pub news: Option<NewsMark>,
    #[prost(message, repeated, tag = "5")]
    pub series: Vec<Series>,
    #[prost(message, repeated, tag = "6")]
    pub points: Vec<Point>,
    #[prost(message, repeated, tag = "7")]
    pub records: Vec<Record>,
}

/// A series, with the labels that were asked for.
#[derive(Clone, PartialEq, Message)]
pub struct Series {
    #[prost(fixed64, tag = "1")]
    pub id: u64,
    #[prost(string, tag = "2")]
    pub tenant: String,
    #[prost(string, tag = "3")]
    pub metric: String,
    #[prost(enumeration = "Kind", tag = "4")]
    pub kind: i32,
    #[prost(bool, tag = "5")]
    pub delta: bool,
    #[prost(bool, tag = "6")]
    pub monotonic: bool,
    #[prost(message, repeated, tag = "7")]
    pub labels: Vec<Label>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Kind {
    Unknown = 0,
    Gauge = 1,
    Sum = 2,
    Histogram = 3,
    ExponentialHistogram = 4,
    Summary = 5,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct Label {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Point {
    /// Its place in the report.
    #[prost(uint32, tag = "1")]
    pub series: u32,
    /// Nanoseconds since the epoch.
    #[prost(sfixed64, tag = "2")]
    pub time: i64,
    #[prost(sfixed64, tag = "3")]
    pub start: i64,
    #[prost(oneof = "Value", tags = "4, 5")]
    pub value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Value {
    #[prost(double, tag = "4")]
    Number(f64),
    #[prost(message, tag = "5")]
    Observed(Observed),
}

#[derive(Clone, PartialEq, Message)]
pub struct Observed {
    #[prost(uint64, tag = "1")]
    pub count: u64,
    #[prost(double, optional, tag = "2")]
    pub sum: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub min: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub max: Option<f64>,
    #[prost(oneof = "Shape", tags = "5, 6")]
    pub shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Shape {
    #[prost(message, tag = "5")]
    Explicit(Explicit),
    #[prost(message, tag = "6")]
    Exponential(Exponential),
}

#[derive(Clone, PartialEq, Message)]
pub struct Explicit {
    #[prost(double, repeated, tag = "1")]
    pub bounds: Vec<f64>,
    #[prost(uint64, repeated, tag = "2")]
    pub counts: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Exponential {
    #[prost(sint32, tag = "1")]
    pub scale: i32,
    #[prost(uint64, tag = "2")]
    pub zero_count: u64,
    #[prost(double, tag = "3")]
    pub zero_threshold: f64,
    #[prost(sint32, repeated, tag = "4")]
    pub positive: Vec<i32>,
    #[prost(uint64, repeated, tag = "5")]
    pub positive_counts: Vec<u64>,
    #[prost(sint32, repeated, tag = "6")]
    pub negative: Vec<i32>,
    #[prost(uint64, repeated, tag = "7")]
    pub negative_counts: Vec<u64>,
}

/// A log record, or a span.
#[derive(Clone, PartialEq, Message)]
pub struct Record {
    #[prost(string, tag = "1")]
    pub tenant: String,
    /// Nanoseconds since the epoch; of a span its end.
    #[prost(sfixed64, tag = "2")]
    pub time: i64,
    /// Nanoseconds; of a span only.
    #[prost(uint64, optional, tag = "3")]
    pub duration: Option<u64>,
    #[prost(message, repeated, tag = "4")]
    pub labels: Vec<Label>,
}

/// What is answered to a report.
#[derive(Clone, PartialEq, Message)]
pub struct Receipt {
    /// What the rules look at, if the sender does not know it: then the report was not taken. Else it was evaluated.
    #[prost(message, optional, tag = "1")]
    pub interest: Option<Interest>,
    /// Alerts that began or ended since the sender heard of some.
    #[prost(message, repeated, tag = "2")]
    pub alerts: Vec<Alert>,
    #[prost(message, optional, tag = "3")]
    pub news: Option<NewsMark>,
}

/// How far a node has heard of alerts.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct NewsMark {
    /// Numbers are those of one term as the node that evaluates.
    #[prost(fixed64, tag = "1")]
    pub term: u64,
    /// The number of the next one.
    #[prost(uint64, tag = "2")]
    pub next: u64,
}

/// An alert that began or ended.
#[derive(Clone, PartialEq, Message)]
pub struct Alert {
    #[prost(bool, tag = "1")]
    pub resolved: bool,
    #[prost(string, tag = "2")]
    pub tenant: String,
    #[prost(string, tag = "3")]
    pub rule_id: String,
    #[prost(string, tag = "4")]
    pub rule_name: String,
    #[prost(string, tag = "5")]
    pub severity: String,
    #[prost(string, tag = "6")]
    pub expression: String,
    #[prost(string, tag = "7")]
    pub threshold: String,
    #[prost(double, optional, tag = "8")]
    pub value: Option<f64>,
    #[prost(double, optional, tag = "9")]
    pub peak: Option<f64>,
    #[prost(message, repeated, tag = "10")]
    pub labels: Vec<Label>,
    #[prost(message, repeated, tag = "11")]
    pub annotations: Vec<Label>,
    #[prost(string, repeated, tag = "12")]
    pub channels: Vec<String>,
    #[prost(sfixed64, tag = "13")]
    pub since: i64,
    #[prost(sfixed64, tag = "14")]
    pub at: i64,
    #[prost(string, tag = "15")]
    pub reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Interest {
    /// Never 0.
    #[prost(fixed64, tag = "1")]
    pub id: u64,
    #[prost(message, repeated, tag = "2")]
    pub looks: Vec<Look>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Look {
    #[prost(enumeration = "Source", tag = "1")]
    pub source: i32,
    /// The name of the metric, of that source.
    #[prost(string, tag = "2")]
    pub metric: String,
    /// Empty for everybody's.
    #[prost(string, tag = "3")]
    pub tenant: String,
    #[prost(message, repeated, tag = "4")]
    pub filter: Vec<Term>,
    #[prost(string, repeated, tag = "5")]
    pub labels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Source {
    Unknown = 0,
    Metric = 1,
    Logs = 2,
    Spans = 3,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct Term {
    #[prost(string, tag = "1")]
    pub label: String,
    #[prost(enumeration = "Test", tag = "2")]
    pub test: i32,
    #[prost(string, repeated, tag = "3")]
    pub values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Test {
    Unknown = 0,
    Equals = 1,
    NotEquals = 2,
    Matches = 3,
    NotMatches = 4,
    In = 5,
    NotIn = 6,
    Exists = 7,
    Missing = 8,
}
