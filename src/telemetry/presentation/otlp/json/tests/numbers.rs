//! Whole numbers and doubles in every spelling, at the edges of every width.

use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;

use super::*;

fn not_a_number<T>(field: &'static str) -> Result<T, JsonError> {
    Err(JsonError::NotANumber { field })
}

/// Once as it is, once in quotation marks.
fn both(number: &str) -> [String; 2] {
    [number.to_owned(), format!("\"{number}\"")]
}

#[test]
fn whole_numbers_of_64_bits_are_exact_in_every_spelling() {
    let cases = [
        ("0", 0),
        ("-0", 0),
        ("9007199254740993", 9_007_199_254_740_993),
        ("9007199254740993.0", 9_007_199_254_740_993),
        ("9.007199254740993e15", 9_007_199_254_740_993),
        ("9223372036854775807", i64::MAX),
        ("9223372036854775807.000", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("-9.223372036854775808E+18", i64::MIN),
        ("1e3", 1_000),
        ("1.0", 1),
        ("1500e-2", 15),
    ];
    for (number, expected) in cases {
        for written in both(number) {
            assert_eq!(
                point(&format!(r#""asInt":{written}"#)).unwrap().value,
                Some(Number::AsInt(expected)),
                "{written}"
            );
            let any = value(&format!(r#"{{"intValue":{written}}}"#)).unwrap();
            assert_eq!(any, Some(Any::IntValue(expected)), "{written}");
        }
    }
    for number in [
        "1.5",
        "9223372036854775808",
        "-9223372036854775809",
        "1e19",
        "1e300",
        "1e-1",
        "123456789012345678901",
    ] {
        for written in both(number) {
            assert_eq!(point(&format!(r#""asInt":{written}"#)), not_a_number("asInt"), "{written}");
        }
    }
}

#[test]
fn times_and_counts_reach_to_the_end_of_64_bits() {
    for number in ["18446744073709551615", "18446744073709551615.0", "1.8446744073709551615e19"] {
        for written in both(number) {
            let members = format!(r#""timeUnixNano":{written}"#);
            assert_eq!(point(&members).unwrap().time_unix_nano, u64::MAX, "{written}");
        }
    }
    for number in ["-1", "18446744073709551616", "0.5", "-0.5"] {
        for written in both(number) {
            assert_eq!(
                point(&format!(r#""timeUnixNano":{written}"#)),
                not_a_number("timeUnixNano"),
                "{written}"
            );
        }
    }
    for written in [r#""""#, r#"" 1""#, r#""1 ""#, r#""+1""#, r#""0x1""#, r#""01""#, r#""1_0""#, r#""NaN""#] {
        assert_eq!(point(&format!(r#""timeUnixNano":{written}"#)), not_a_number("timeUnixNano"), "{written}");
    }
}

#[test]
fn whole_numbers_of_32_bits_are_checked_for_their_range() {
    for (number, expected) in [("4294967295", u32::MAX), ("4294967295.0", u32::MAX), ("1e3", 1_000), ("0", 0)]
    {
        for written in both(number) {
            assert_eq!(point(&format!(r#""flags":{written}"#)).unwrap().flags, expected, "{written}");
            assert_eq!(record(&format!(r#""flags":{written}"#)).unwrap().flags, expected, "{written}");
        }
    }
    for number in ["4294967296", "-1", "1.5", "1e10"] {
        for written in both(number) {
            assert_eq!(point(&format!(r#""flags":{written}"#)), not_a_number("flags"), "{written}");
            assert_eq!(record(&format!(r#""flags":{written}"#)), not_a_number("flags"), "{written}");
        }
    }
    let scale = |number: &str| {
        let members = format!(r#""exponentialHistogram":{{"dataPoints":[{{"scale":{number}}}]}}"#);
        metric(&members).map(|metric| match metric.data {
            Some(Data::ExponentialHistogram(histogram)) => histogram.data_points[0].scale,
            other => panic!("{other:?}"),
        })
    };
    for number in [0, 1, -1, 20, -10, i32::MAX, i32::MIN] {
        assert_eq!(scale(&number.to_string()), Ok(number));
    }
    assert_eq!(scale("2147483648"), not_a_number("scale"));
}

#[test]
fn doubles_have_their_special_values_in_every_field() {
    let double = |written: &str| {
        point(&format!(r#""asDouble":{written}"#)).map(|point| match point.value {
            Some(Number::AsDouble(value)) => value.to_bits(),
            other => panic!("{other:?}"),
        })
    };
    let cases = [
        (r#""NaN""#, f64::NAN),
        (r#""Infinity""#, f64::INFINITY),
        (r#""-Infinity""#, f64::NEG_INFINITY),
        ("-0", -0.0),
        (r#""-0""#, -0.0),
        ("-0.0", -0.0),
        ("-0e5", -0.0),
        ("0", 0.0),
        ("7", 7.0),
        ("-7", -7.0),
        ("18446744073709551616", 18_446_744_073_709_551_616.0),
        ("-9223372036854775809", -9_223_372_036_854_775_808.0),
        ("1e-400", 0.0),
    ];
    for (written, expected) in cases {
        assert_eq!(double(written), Ok(expected.to_bits()), "{written}");
    }
    for bare in
        ["NaN", "Infinity", "-Infinity", "inf", "1e400", "-1e400", "1.", ".5", "+1", "01", "1e", "0x1"]
    {
        assert_eq!(double(bare), Err(JsonError::Syntax), "{bare}");
    }
    for quoted in ["nan", "inf", "infinity", "+Infinity", "1e400", "", " 1", "1.", ".5", "+1", "01"] {
        assert_eq!(double(&format!("\"{quoted}\"")), not_a_number("asDouble"), "{quoted}");
    }
    let histogram = r#""histogram":{"dataPoints":[{"sum":"NaN","min":"-Infinity","max":"Infinity","explicitBounds":["NaN",1,"2.5"]}]}"#;
    match metric(histogram).unwrap().data {
        Some(Data::Histogram(histogram)) => {
            let point = &histogram.data_points[0];
            assert!(point.sum.is_some_and(f64::is_nan) && point.explicit_bounds[0].is_nan());
            assert_eq!((point.min, point.max), (Some(f64::NEG_INFINITY), Some(f64::INFINITY)));
            assert_eq!(point.explicit_bounds[1..], [1.0, 2.5]);
        }
        other => panic!("{other:?}"),
    }
}
