//! A random request, written as JSON in a random way, comes out as the same request.

use proptest::prelude::*;

use super::any_otlp::Maker;
use super::otlp_json::Writer;
use super::*;

/// Compared as bytes: to itself NaN is unequal.
fn check<M: Message + Default>(signal: Signal, request: &M, body: &str) {
    let read: M = decoded(signal, body).unwrap_or_else(|error| panic!("{error}: {body}"));
    assert!(read.encode_to_vec() == request.encode_to_vec(), "not the same request: {body}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn metrics_come_out_as_they_went_in(seed in any::<u64>()) {
        let mut random = fastrand::Rng::with_seed(seed);
        let request = Maker(random.fork()).metrics();
        check(Signal::Metrics, &request, &Writer(random).metrics(&request));
    }

    #[test]
    fn logs_come_out_as_they_went_in(seed in any::<u64>()) {
        let mut random = fastrand::Rng::with_seed(seed);
        let request = Maker(random.fork()).logs();
        check(Signal::Logs, &request, &Writer(random).logs(&request));
    }

    #[test]
    fn traces_come_out_as_they_went_in(seed in any::<u64>()) {
        let mut random = fastrand::Rng::with_seed(seed);
        let request = Maker(random.fork()).traces();
        check(Signal::Traces, &request, &Writer(random).traces(&request));
    }
}
