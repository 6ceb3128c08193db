//! An encoded request whose times, values and ids are changed in place, so that sending costs next to nothing.

mod draft;
mod ids;
mod points;
mod records;
mod spans;

use std::sync::Arc;

use anyhow::{Result, ensure};
use prost::Message;

use crate::arguments::{Arguments, Encoding, Signal};
use crate::{json, log_records, workload};
use draft::Draft;
use points::Points;
use records::Records;
use spans::Spans;

/// When a body is sent, as far as its content goes.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now_nanos: u64,
    pub run_start_nanos: u64,
}

/// One sender's copy of the body.
#[derive(Debug, Clone)]
pub struct Body {
    draft: Draft,
    content: Content,
    /// Where the number of the service is.
    service_places: Arc<[usize]>,
    services: u64,
    items: usize,
    bodies: u64,
}

#[derive(Debug, Clone)]
enum Content {
    Metrics(Points),
    Logs(Records),
    Traces(Spans),
}

impl Body {
    pub fn new(arguments: &Arguments) -> Result<Self> {
        let draft = Draft { bytes: encoded(arguments), encoding: arguments.encoding };
        let content = match arguments.signal {
            Signal::Metrics => Content::Metrics(Points::find(&draft, arguments)?),
            Signal::Logs => Content::Logs(Records::find(&draft, arguments)?),
            Signal::Traces => Content::Traces(Spans::find(&draft, arguments)?),
        };
        let service_places = draft.texts(workload::SERVICE);
        ensure!(!service_places.is_empty(), "the body names no service");
        Ok(Self {
            draft,
            content,
            service_places: service_places.into(),
            services: arguments.services,
            items: arguments.items_per_body,
            bodies: arguments.bodies(),
        })
    }

    /// Points, log records or spans.
    pub fn items(&self) -> usize {
        self.items
    }

    /// How many different bodies there are before series or services repeat.
    pub fn bodies(&self) -> u64 {
        self.bodies
    }

    /// The bytes of the request with this number, at this moment.
    pub fn fill(&mut self, number: u64, moment: Moment) -> &[u8] {
        let body = number % self.bodies;
        match &mut self.content {
            Content::Metrics(points) => points.fill(&mut self.draft, body, moment),
            Content::Logs(records) => records.fill(&mut self.draft, number, moment),
            Content::Traces(spans) => spans.fill(&mut self.draft, number, moment),
        }
        for at in self.service_places.iter() {
            self.draft.put_digits::<4>(*at, body % self.services);
        }
        &self.draft.bytes
    }
}

fn encoded(arguments: &Arguments) -> Vec<u8> {
    let items = arguments.items_per_body;
    match (arguments.signal, arguments.encoding) {
        (Signal::Metrics, Encoding::Protobuf) => workload::request(items, arguments.metrics).encode_to_vec(),
        (Signal::Metrics, Encoding::Json) => json::metrics(&workload::request(items, arguments.metrics)),
        (Signal::Logs, Encoding::Protobuf) => log_records::request(items).encode_to_vec(),
        (Signal::Logs, Encoding::Json) => json::logs(&log_records::request(items)),
        (Signal::Traces, Encoding::Protobuf) => crate::spans::request(items).encode_to_vec(),
        (Signal::Traces, Encoding::Json) => json::traces(&crate::spans::request(items)),
    }
}

#[cfg(test)]
mod tests;
