//! Turns label filters and labels to group by into SQL out of fixed fragments; labels and values become bound parameters.

use crate::platform::clickhouse::{Parameter, parameters};
use crate::querying::domain::GroupBy;
use crate::shared::LabelFilter;
use crate::shared::label_filter::LabelTest;

/// The values of the labels, one after the other, and the parameters that they name.
pub fn group_sql(group_by: &GroupBy) -> (String, Vec<Parameter>) {
    let labels = || group_by.labels().iter().enumerate();
    let values: Vec<String> = labels().map(|(at, _)| value_sql(&format!("{{group_{at}:String}}"))).collect();
    let named = labels().map(|(at, label)| parameters::text(format!("group_{at}"), label)).collect();
    (values.join(", "), named)
}

/// What a series says of a label: a point's own attribute comes before its resource's.
fn value_sql(key: &str) -> String {
    format!("if(mapContains(attributes, {key}), attributes[{key}], resource_attributes[{key}])")
}

/// What is said of a label, as SQL, given its name and the parameter that it is bound to.
#[derive(Debug, Clone, Copy)]
pub struct LabelSql {
    /// A text, empty without the label.
    pub value: fn(&str, &str) -> String,
    /// Whether the label is there.
    pub exists: fn(&str, &str) -> String,
}

/// What a series says of a label.
const OF_SERIES: LabelSql = LabelSql {
    value: |_, key| value_sql(key),
    exists: |_, key| format!("(mapContains(attributes, {key}) OR mapContains(resource_attributes, {key}))"),
};

/// ` AND ...` for each term on series, and the parameters that it names.
pub fn filter_sql(filter: &LabelFilter) -> (String, Vec<Parameter>) {
    filter_sql_over(OF_SERIES, filter)
}

/// ` AND ...` for each term, and the parameters that it names.
pub fn filter_sql_over(labels: LabelSql, filter: &LabelFilter) -> (String, Vec<Parameter>) {
    let (mut sql, mut bound) = (String::new(), Vec::new());
    for (at, term) in filter.terms().iter().enumerate() {
        let (label_name, value_name) = (format!("label_{at}"), format!("value_{at}"));
        let key = format!("{{{label_name}:String}}");
        let (label, exists) = ((labels.value)(&term.label, &key), (labels.exists)(&term.label, &key));
        bound.push(parameters::text(label_name, &term.label));
        let text = format!("{{{value_name}:String}}");
        let list = format!("{{{value_name}:Array(String)}}");
        let condition = match &term.test {
            LabelTest::Equals(_) => format!("{label} = {text}"),
            LabelTest::NotEquals(_) => format!("{label} != {text}"),
            LabelTest::Matches(_) => format!("match({label}, {text})"),
            LabelTest::NotMatches(_) => format!("NOT match({label}, {text})"),
            LabelTest::In(_) => format!("has({list}, {label})"),
            LabelTest::NotIn(_) => format!("NOT has({list}, {label})"),
            LabelTest::Exists => exists,
            LabelTest::Missing => format!("NOT {exists}"),
        };
        bound.extend(match &term.test {
            LabelTest::Equals(value) | LabelTest::NotEquals(value) => {
                Some(parameters::text(value_name, value))
            }
            LabelTest::Matches(pattern) | LabelTest::NotMatches(pattern) => {
                Some(parameters::text(value_name, pattern.as_str()))
            }
            LabelTest::In(values) | LabelTest::NotIn(values) => Some(parameters::texts(value_name, values)),
            LabelTest::Exists | LabelTest::Missing => None,
        });
        sql.push_str(" AND ");
        sql.push_str(&condition);
    }
    (sql, bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_in_the_sql() {
        let text = r#"evil'"; DROP" = "x"#;
        assert!(LabelFilter::parse(text).is_err());
        let filter = LabelFilter::parse(
            r#""e'); DROP" = "'; DROP" and b =~ "x.*" and c in ("'", "2") and d not exists"#,
        )
        .unwrap();
        let (sql, bound) = filter_sql(&filter);
        assert!(!sql.contains("DROP") && !sql.contains('\''), "{sql}");
        let names: Vec<&str> = bound.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["label_0", "value_0", "label_1", "value_1", "label_2", "value_2", "label_3"]);
        assert_eq!(bound[3].1, "^(?s:x.*)$");
        let (sql, bound) = group_sql(&GroupBy::new(vec!["'); DROP".into(), "b".into()]).unwrap());
        assert!(!sql.contains("DROP") && !sql.contains('\''), "{sql}");
        let bound: Vec<(&str, &str)> = bound.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(bound, [("group_0", r"\'); DROP"), ("group_1", "b")]);
    }
}
