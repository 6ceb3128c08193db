//! Every spelling of a double is read as Rust's parser reads it, to the last bit.

use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use proptest::prelude::*;

use super::*;

fn read_back(written: &str) -> Result<u64, JsonError> {
    Ok(match point(&format!(r#""asDouble":{written}"#))?.value {
        Some(Number::AsDouble(value)) => value.to_bits(),
        other => panic!("{other:?}"),
    })
}

/// Many at a time: one request for each number would be slow.
fn assert_exact(written: &[String]) {
    let body = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"explicitBounds":[{}]}}]}}}}]}}]}}]}}"#,
        written.join(",")
    );
    let metric = metrics(&body).unwrap().resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0);
    let Some(Data::Histogram(histogram)) = metric.data else { panic!("a histogram") };
    assert_eq!(histogram.data_points[0].explicit_bounds.len(), written.len());
    for (written, read) in written.iter().zip(&histogram.data_points[0].explicit_bounds) {
        let expected: f64 = written.parse().unwrap();
        assert_eq!(read.to_bits(), expected.to_bits(), "{written}");
    }
}

fn finite(random: &mut fastrand::Rng) -> f64 {
    loop {
        let value = f64::from_bits(random.u64(..));
        if value.is_finite() {
            return value;
        }
    }
}

/// Digits with a point somewhere and maybe an exponent, within the range of doubles.
fn digits(random: &mut fastrand::Rng) -> String {
    let length = random.usize(1..40);
    let fraction: String = (0..length).map(|_| random.digit(10)).collect();
    let (sign, whole) = (if random.bool() { "-" } else { "" }, (random.u64(..) | 1 << 63) >> random.u8(..64));
    match random.u8(..4) {
        0 => format!("{sign}{whole}.{fraction}"),
        1 => format!("{sign}0.{}{fraction}", "0".repeat(random.usize(..30))),
        2 => format!("{sign}{whole}.{fraction}e{}", random.i32(-340..285)),
        _ => format!("{sign}{whole}{fraction}e{}", random.i32(-380..240)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_double_in_any_spelling_is_read_exactly(seed in any::<u64>()) {
        let mut random = fastrand::Rng::with_seed(seed);
        let written: Vec<String> = (0..2_000)
            .map(|_| {
                let value = finite(&mut random);
                match random.u8(..5) {
                    0 => format!("{value:?}"),
                    1 => format!("{value:e}"),
                    2 => format!("{value:.17e}"),
                    3 => format!("{value:.25E}"),
                    _ => digits(&mut random),
                }
            })
            .collect();
        assert_exact(&written);
    }
}

#[test]
fn the_hard_ones_are_read_exactly() {
    let hard = [
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1.7976931348623157e308",
        "9007199254740993.0",
        "9007199254740992.99999999999999999999",
        "9007199254740993.00000000000000000001",
        "6.02214076e23",
        "1e23",
        "8.41e21",
        "9223372036854775807",
        "18446744073709551615",
        "18446744073709551617",
        "1448997445238699.5",
        "0.500000000000000166533453693773481063544750213623046875",
        "3.518437208883201171875e13",
    ];
    assert_exact(&hard.map(str::to_owned));
    let halfway = format!("1.{}1e0", "0".repeat(800));
    assert_exact(&[halfway.clone(), format!("0.{}1", "0".repeat(320)), format!("1{}", "0".repeat(308))]);
    assert_eq!(read_back(&format!("\"{halfway}\"")), Ok(1.0_f64.to_bits()));
}
