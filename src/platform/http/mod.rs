//! HTTP as a mechanism: connections with deadlines, bodies under a byte budget, request ids, problem answers.
//!
//! What a listener speaks (OTLP, the API) is a router that its owner hands to [`serve`].

mod accept;
mod activity;
mod body;
mod byte_budget;
mod connection;
mod http2_connection;
pub mod json_body;
mod limits;
mod metrics;
pub mod openapi;
mod peer_address;
mod problem;
mod problem_kind;
mod request_id;
mod request_metrics;
mod routed_again;
mod streams;
mod trace_context;
mod watched_io;
mod watched_stream;

pub use accept::{Protocol, serve};
pub use body::{BodyError, Drained, content_length, drain, read_body};
pub use byte_budget::{BudgetExhausted, BudgetShare, ByteBudget};
pub use limits::{ConnectionLimits, Http2Limits};
pub use metrics::{CloseReason, ConnectionMetrics, ListenerMetrics};
pub use peer_address::PeerAddress;
pub use problem::{BEARER_CHALLENGE, Problem, method_not_allowed, seconds_rounded_up, unknown_path};
pub use problem_kind::ProblemKind;
pub use request_id::{Panic, RequestId, identify, without_panic};
pub use request_metrics::{RequestMetrics, RequestObserver};
pub use routed_again::unrouted;
pub use trace_context::{Sampling, TraceContext};
