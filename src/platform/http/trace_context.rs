//! `TraceContext`: which trace a request belongs to, as its sender says it and as the answer does (W3C Trace Context).

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId as OtelSpanId, TraceContextExt, TraceFlags, TraceId as OtelTraceId, TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::shared::{SpanId, TraceId};

/// What senders name their trace in (W3C Trace Context, section 3.2).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What the answer names it in (W3C Trace Context level 2, section 3.4).
pub const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// Bytes of version 00: version, trace id, parent id and flags, with dashes between them.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;

/// Whether somebody keeps the spans of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    Sampled,
    NotSampled,
}

/// The span of a request: in the trace of its sender, or in a new one. Found in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    pub trace: TraceId,
    /// The span that the sender was in.
    pub parent: Option<SpanId>,
    /// The span of the request.
    pub span: SpanId,
    /// What was decided; absent where the trace is new and spans are not exported.
    pub sampling: Option<Sampling>,
}

impl TraceContext {
    /// Goes on with the trace that the headers name. If they name none, or not as the specification says, or several, a new
    /// one begins (section 4.3).
    pub fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let named = match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok().and_then(parse),
            _ => None,
        };
        let span = new_span();
        match named {
            Some((trace, parent, sampling)) => {
                Self { trace, parent: Some(parent), span, sampling: Some(sampling) }
            }
            None => Self { trace: new_trace(), parent: None, span, sampling: None },
        }
    }

    /// As the exported span of the request has it, where spans are exported: that one decides by itself whether it is kept.
    pub(super) fn within(self, span: &Span) -> Self {
        if span.is_disabled() {
            return self;
        }
        if let Some(parent) = self.parent {
            let flags = match self.sampling {
                Some(Sampling::Sampled) => TraceFlags::SAMPLED,
                _ => TraceFlags::NOT_SAMPLED,
            };
            let (trace, parent) =
                (OtelTraceId::from_bytes(*self.trace.as_bytes()), OtelSpanId::from_bytes(*parent.as_bytes()));
            let remote = SpanContext::new(trace, parent, flags, true, TraceState::NONE);
            // Nothing listens if spans are only logged.
            let _ = span.set_parent(Context::new().with_remote_span_context(remote));
        }
        let context = span.context();
        let own = context.span().span_context().clone();
        match (TraceId::parse(&own.trace_id().to_bytes()), SpanId::parse(&own.span_id().to_bytes())) {
            (Some(trace), Some(id)) => {
                let sampling = if own.is_sampled() { Sampling::Sampled } else { Sampling::NotSampled };
                Self { trace, span: id, sampling: Some(sampling), ..self }
            }
            _ => self,
        }
    }

    /// The value of `traceresponse`.
    pub fn answer(&self) -> Option<HeaderValue> {
        let flags = match self.sampling {
            Some(Sampling::Sampled) => SAMPLED,
            Some(Sampling::NotSampled) | None => 0,
        };
        HeaderValue::try_from(format!("00-{}-{}-{flags:02x}", self.trace, self.span)).ok()
    }
}

/// The parts of version 00; of a later version those that it has in common with it (section 4.3, "Versioning").
fn parse(value: &str) -> Option<(TraceId, SpanId, Sampling)> {
    let (version, trace) = (value.get(..2)?, value.get(3..35)?);
    let (parent, flags) = (value.get(36..52)?, value.get(53..55)?);
    let dashes = [2, 35, 52].iter().all(|at| value.as_bytes().get(*at) == Some(&b'-'));
    let ends = match version {
        "00" => value.len() == LENGTH,
        _ => value.len() == LENGTH || value.as_bytes().get(LENGTH) == Some(&b'-'),
    };
    let lower = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if version == "ff" || !dashes || !ends || ![version, trace, parent, flags].into_iter().all(lower) {
        return None;
    }
    let sampling = match u8::from_str_radix(flags, 16).ok()? & SAMPLED {
        SAMPLED => Sampling::Sampled,
        _ => Sampling::NotSampled,
    };
    Some((TraceId::from_hexadecimal(trace)?, SpanId::from_hexadecimal(parent)?, sampling))
}

fn new_trace() -> TraceId {
    loop {
        if let Some(id) = TraceId::parse(&fastrand::u128(..).to_be_bytes()) {
            return id;
        }
    }
}

fn new_span() -> SpanId {
    loop {
        if let Some(id) = SpanId::parse(&fastrand::u64(..).to_be_bytes()) {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn context(values: &[&str]) -> TraceContext {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, value.parse().unwrap());
        }
        TraceContext::of(&headers)
    }

    #[test]
    fn the_trace_of_the_sender_goes_on_in_a_span_of_its_own() {
        let context = context(&[NAMED]);
        assert_eq!(context.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.parent.unwrap().to_string(), "b7ad6b7169203331");
        assert_eq!(context.sampling, Some(Sampling::Sampled));
        assert_ne!(Some(context.span), context.parent);
        let answer = context.answer().unwrap();
        let expected = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", context.span);
        assert_eq!(answer.to_str().unwrap(), expected);
    }

    #[test]
    fn a_later_version_may_say_more_behind_what_is_known() {
        for value in
            ["cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-what", &NAMED.replacen("00", "01", 1)]
        {
            assert!(context(&[value]).parent.is_some(), "{value}");
        }
        assert_eq!(context(&[&NAMED.replace("-01", "-fe")]).sampling, Some(Sampling::NotSampled));
    }

    #[test]
    fn what_is_not_as_specified_begins_a_new_trace() {
        for value in [
            "",
            "00",
            &NAMED.replacen("00", "ff", 1),
            &NAMED.to_uppercase(),
            &NAMED.replace("-01", "-1"),
            &format!("{NAMED}-more"),
            &format!("{NAMED}0"),
            &NAMED.replace('-', "_"),
            &NAMED.replace("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000"),
            &NAMED.replace("b7ad6b7169203331", "0000000000000000"),
            &NAMED.replace("b7ad6b7169203331", "b7ad6b716920333g"),
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more",
        ] {
            assert_eq!(context(&[value]).parent, None, "{value}");
        }
        assert_eq!(context(&[NAMED, NAMED]).parent, None);
        assert_ne!(context(&[]).trace, context(&[]).trace);
    }
}
