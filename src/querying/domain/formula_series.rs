//! A formula over the series of several queries: which series belong together, and what comes out.

use std::collections::BTreeMap;

use super::{Formula, Number, Points, Values};

/// The series of one query.
#[derive(Debug, Clone, Copy)]
pub struct Operand<'a> {
    /// By which labels they are grouped.
    pub labels: &'a [Box<str>],
    pub series: &'a [Points],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormulaMismatch {
    #[error("the queries of a formula are grouped by the same labels, or not at all")]
    Labels,
    #[error("a histogram has no single values to compute with")]
    HeatMap,
}

/// What a formula makes of its operands.
#[derive(Debug, Clone, PartialEq)]
pub struct FormulaSeries {
    pub labels: Vec<Box<str>>,
    pub series: Vec<Points>,
}

/// The values of a series.
type Row<'a> = &'a [Option<Number>];

impl Formula {
    /// Operands are in the order of [`Formula::names`]. Series with the same values of labels belong together; a query that is
    /// not grouped goes with each. A series that another grouped query lacks is left out.
    pub fn over(&self, operands: &[Operand<'_>]) -> Result<FormulaSeries, FormulaMismatch> {
        let grouped = operands.iter().find(|operand| !operand.labels.is_empty());
        let labels = grouped.map(|operand| operand.labels.to_vec()).unwrap_or_default();
        let rows = operands.iter().map(|operand| rows(*operand, &labels)).collect::<Result<Vec<_>, _>>()?;
        let leading = operands.iter().zip(&rows).find(|(operand, _)| operand.labels.len() == labels.len());
        let keys = leading.map(|(_, rows)| rows.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        let series = keys.into_iter().filter_map(|key| {
            let of_all: Vec<Row<'_>> = operands
                .iter()
                .zip(&rows)
                .map(|(operand, rows)| {
                    let key: &[Box<str>] = if operand.labels.is_empty() { &[] } else { &key };
                    rows.get(key).copied()
                })
                .collect::<Option<_>>()?;
            let values = self.row(&of_all);
            Some(Points { labels: key, values: Values::Numbers(values) })
        });
        Ok(FormulaSeries { series: series.collect(), labels })
    }

    fn row(&self, rows: &[Row<'_>]) -> Vec<Option<Number>> {
        let steps = rows.iter().map(|row| row.len()).max().unwrap_or_default();
        let value = |step: usize| {
            let values: Vec<Option<f64>> =
                rows.iter().map(|row| row.get(step).copied().flatten().map(Number::as_double)).collect();
            self.value(&values).map(Number::Double)
        };
        (0..steps).map(value).collect()
    }
}

/// Rows by their values of `labels`, in that order.
fn rows<'a>(
    operand: Operand<'a>,
    labels: &[Box<str>],
) -> Result<BTreeMap<Vec<Box<str>>, Row<'a>>, FormulaMismatch> {
    let places: Option<Vec<usize>> = if operand.labels.is_empty() {
        Some(Vec::new())
    } else {
        labels.iter().map(|label| operand.labels.iter().position(|own| own == label)).collect()
    };
    let places =
        places.filter(|places| places.len() == operand.labels.len()).ok_or(FormulaMismatch::Labels)?;
    operand
        .series
        .iter()
        .map(|points| match &points.values {
            Values::HeatMap(_) => Err(FormulaMismatch::HeatMap),
            Values::Numbers(values) => {
                let key = places.iter().filter_map(|at| points.labels.get(*at).cloned()).collect();
                Ok((key, values.as_slice()))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(labels: &[&str], values: &[f64]) -> Points {
        Points {
            labels: labels.iter().map(|label| Box::from(*label)).collect(),
            values: Values::Numbers(values.iter().map(|value| Some(Number::Double(*value))).collect()),
        }
    }

    fn names(names: &[&str]) -> Vec<Box<str>> {
        names.iter().map(|name| Box::from(*name)).collect()
    }

    fn shown(found: &FormulaSeries) -> Vec<(String, Vec<Option<f64>>)> {
        let row = |points: &Points| match &points.values {
            Values::Numbers(values) => values.iter().map(|value| value.map(Number::as_double)).collect(),
            Values::HeatMap(_) => Vec::new(),
        };
        found.series.iter().map(|points| (points.labels.join("/"), row(points))).collect()
    }

    #[test]
    fn series_with_the_same_labels_belong_together_whatever_the_order_of_these() {
        let formula = Formula::parse("a / b", &["a", "b"]).unwrap();
        let (ab, ba) = (names(&["x", "y"]), names(&["y", "x"]));
        let a = [points(&["1", "2"], &[6.0, 8.0]), points(&["3", "4"], &[1.0, 1.0])];
        let b = [points(&["2", "1"], &[2.0, 0.0]), points(&["9", "9"], &[1.0, 1.0])];
        let operands = [Operand { labels: &ab, series: &a }, Operand { labels: &ba, series: &b }];
        let found = formula.over(&operands).unwrap();
        assert_eq!(
            (found.labels.clone(), shown(&found)),
            (ab, vec![("1/2".to_owned(), vec![Some(3.0), None])])
        );
    }

    #[test]
    fn a_query_that_is_not_grouped_goes_with_each_series() {
        let formula = Formula::parse("100 * a / total", &["a", "total"]).unwrap();
        let by = names(&["x"]);
        let a = [points(&["1"], &[1.0]), points(&["2"], &[3.0])];
        let total = [points(&[], &[4.0])];
        let operands = [Operand { labels: &by, series: &a }, Operand { labels: &[], series: &total }];
        let expected = vec![("1".to_owned(), vec![Some(25.0)]), ("2".to_owned(), vec![Some(75.0)])];
        assert_eq!(shown(&formula.over(&operands).unwrap()), expected);
    }

    #[test]
    fn other_labels_do_not_belong_together() {
        let formula = Formula::parse("a + b", &["a", "b"]).unwrap();
        let (x, y, xy) = (names(&["x"]), names(&["y"]), names(&["x", "y"]));
        for other in [&y, &xy] {
            let operands = [Operand { labels: &x, series: &[] }, Operand { labels: other, series: &[] }];
            assert_eq!(formula.over(&operands), Err(FormulaMismatch::Labels));
        }
    }
}
