//! The filter language: what passes, and where a mistake is.

use super::*;

fn passes(filter: &str, labels: &[(&str, &str)]) -> bool {
    let filter = LabelFilter::parse(filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
    filter.matches(|name| labels.iter().find(|(n, _)| *n == name).map(|(_, v)| *v))
}

#[test]
fn every_operator_means_what_it_says() {
    let labels = [("a", "x"), ("http.route", "/cart/7")];
    for (filter, expected) in [
        ("", true),
        (r#"a="x""#, true),
        (r#"a == "x" and http.route exists"#, true),
        (r#"a!="x""#, false),
        (r#"missing != "x""#, true),
        (r#"missing = """#, true),
        (r#"http.route =~ "/cart/.*""#, true),
        (r#"http.route =~ "cart""#, false),
        (r#"http.route !~ "/cart/\d+""#, false),
        (r#"a in ("y", "x")"#, true),
        (r#"a not in ("y", "x")"#, false),
        ("missing exists", false),
        ("missing not exists", true),
        (r#""a" = "x" AND a exists"#, true),
    ] {
        assert_eq!(passes(filter, &labels), expected, "{filter}");
    }
}

#[test]
fn a_dot_matches_a_line_break_as_in_the_store() {
    assert!(passes(r#"a =~ "x.y""#, &[("a", "x\ny")]));
}

#[test]
fn quotes_and_backslashes_are_data() {
    assert!(passes(
        r#"a="it's \"7\" \\ {x:Identifier}; DROP""#,
        &[("a", r#"it's "7" \ {x:Identifier}; DROP"#)]
    ));
}

#[test]
fn errors_point_at_the_place() {
    for (filter, position, reason) in [
        (r#"="x""#, 0, FilterErrorReason::Label),
        ("a", 1, FilterErrorReason::Operator),
        ("a = x", 4, FilterErrorReason::Text),
        (r#"a = "x"#, 5, FilterErrorReason::OpenText),
        (r#"a = "x" or b exists"#, 8, FilterErrorReason::And),
        (r#"a in "x""#, 5, FilterErrorReason::List),
        (r#"a =~ "(""#, 8, FilterErrorReason::Pattern),
        (r#"a =~ "x)|(?:y""#, 14, FilterErrorReason::Pattern),
        // It is whole by itself, and makes the anchor behind it a comment.
        (r#"a =~ "(?x)y # ""#, 15, FilterErrorReason::Pattern),
    ] {
        assert_eq!(LabelFilter::parse(filter), Err(FilterError { position, reason }), "{filter}");
    }
}

#[test]
fn sizes_are_bounded() {
    let many = vec!["a exists"; TERMS_MAX + 1].join(" and ");
    assert_eq!(LabelFilter::parse(&many).unwrap_err().reason, FilterErrorReason::TooManyTerms);
    let long = format!("a=\"{}\"", "x".repeat(FILTER_BYTES_MAX));
    assert_eq!(LabelFilter::parse(&long).unwrap_err().reason, FilterErrorReason::TooLong);
    let hostile = r#"a =~ "((((x{100}){100}){100}){100})""#;
    assert_eq!(LabelFilter::parse(hostile).unwrap_err().reason, FilterErrorReason::Pattern);
}
