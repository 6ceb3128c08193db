//! Ids of traces, spans and orders: random to look at, different from item to item, and the same whenever the seed is.

/// The ids that follow from one seed.
#[derive(Debug, Clone, Copy)]
pub struct Ids {
    spans: u64,
    traces: u64,
    orders: u64,
}

impl Ids {
    pub fn new(seed: u64) -> Self {
        let spans = mix(seed ^ 0x5350_414E);
        let traces = mix(spans);
        Self { spans, traces, orders: mix(traces) }
    }

    /// The id of the span with this number in the run.
    pub fn span(self, number: u64) -> u64 {
        mix(self.spans.wrapping_add(number))
    }

    /// The id, high half first, of the trace that begins with this span.
    pub fn trace(self, first_span: u64) -> [u64; 2] {
        let high = mix(self.traces.wrapping_add(first_span));
        [high, mix(high ^ self.spans)]
    }

    pub fn order(self, number: u64) -> u64 {
        mix(self.orders.wrapping_add(number))
    }
}

/// The finisher of SplitMix64 (Steele, Lea, Flood 2014): one to one, so different numbers give different ids.
fn mix(number: u64) -> u64 {
    let mut bits = number;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
