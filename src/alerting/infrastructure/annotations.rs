//! Annotations are templates over `value`, `labels` and `threshold`: checked when a rule is read, rendered per transition.

use std::collections::BTreeMap;
use std::io::{self, Write};

use minijinja::{Environment, Value, context};

use crate::alerting::application::evaluate::Annotate;
use crate::alerting::domain::transition::Transition;

/// Longest rendered annotation, in bytes.
pub const ANNOTATION_BYTES_MAX: usize = 4_096;
const VARIABLES: [&str; 3] = ["labels", "threshold", "value"];

/// Renders annotations. One that fails after all is shown as it was written.
#[derive(Debug)]
pub struct Annotations {
    templates: Environment<'static>,
}

/// Why a text is not an annotation.
#[derive(Debug, thiserror::Error)]
pub enum AnnotationError {
    #[error("not a valid template")]
    Template(#[from] minijinja::Error),
    #[error("a template knows only the variables 'value', 'labels' and 'threshold'")]
    Variable,
}

/// Instructions that one rendering may run: loops within loops end here.
const RENDER_STEPS_MAX: u64 = 50_000;

impl Annotations {
    pub fn new() -> Self {
        let mut templates = Environment::new();
        templates.set_fuel(Some(RENDER_STEPS_MAX));
        Self { templates }
    }

    /// Parses a template, and renders it once with values that stand in, so that wrong filters show at load.
    pub fn check(&self, source: &str) -> Result<(), AnnotationError> {
        let template = self.templates.template_from_str(source)?;
        if template.undeclared_variables(false).iter().any(|name| !VARIABLES.contains(&name.as_str())) {
            return Err(AnnotationError::Variable);
        }
        self.render(source, 1.0, 1.0, &BTreeMap::new()).map(drop).map_err(AnnotationError::Template)
    }

    fn render(
        &self,
        source: &str,
        value: f64,
        threshold: f64,
        labels: &BTreeMap<Box<str>, Box<str>>,
    ) -> Result<String, minijinja::Error> {
        let mut text = BoundedText(Vec::new());
        let template = self.templates.template_from_str(source)?;
        let (value, threshold) = (number(value), number(threshold));
        template.render_captured_to(context! { value, threshold, labels }, &mut text)?;
        Ok(String::from_utf8_lossy(&text.0).into_owned())
    }
}

/// Whole numbers read as such: "35 degrees", not "35.0 degrees".
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within 2^53")]
    if value.fract() == 0.0 && value.abs() < EXACT { Value::from(value as i64) } else { Value::from(value) }
}

impl Annotate for Annotations {
    fn annotate(&self, transition: &Transition) -> Vec<(Box<str>, Box<str>)> {
        let rule = transition.rule();
        let labels = transition.labels().iter().map(|(name, value)| (name.into(), value.into())).collect();
        // Where the data stopped, the peak is the last thing known; templates can rely on a number.
        let value = transition.value().or(transition.peak()).unwrap_or(f64::NAN);
        let threshold = transition.threshold_value().unwrap_or(f64::NAN);
        let render = |(name, source): &(Box<str>, Box<str>)| {
            let text = self.render(source, value, threshold, &labels);
            let text = text.unwrap_or_else(|error| {
                tracing::warn!(rule = %rule.id, annotation = %name, %error, "an annotation cannot be rendered");
                source.to_string()
            });
            (name.clone(), text.into())
        };
        rule.annotations.iter().map(render).collect()
    }
}

/// A text that refuses to grow beyond [`ANNOTATION_BYTES_MAX`].
struct BoundedText(Vec<u8>);

impl Write for BoundedText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > ANNOTATION_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_sees_the_value_the_labels_and_the_threshold() {
        let labels = [("http.route".into(), "/cart".into())].into();
        let source = "{{ value|round(2) }} of {{ threshold }} on {{ labels['http.route'] }}{{ labels.none }}";
        let text = Annotations::new().render(source, 0.9312, 0.8, &labels).unwrap();
        assert_eq!(text, "0.93 of 0.8 on /cart");
        let whole = Annotations::new()
            .render("{{ value|round(1) }} of {{ threshold }}", 35.0, -2.0, &labels)
            .unwrap();
        assert_eq!(whole, "35 of -2");
    }

    #[test]
    fn wrong_templates_are_refused_when_they_are_read() {
        let check = |source| Annotations::new().check(source);
        assert!(matches!(check("{{ value"), Err(AnnotationError::Template(_))));
        assert!(matches!(check("{{ value|shout }}"), Err(AnnotationError::Template(_))));
        assert!(matches!(check("{{ valeu }}"), Err(AnnotationError::Variable)));
        assert!(check("{% for i in range(100000) %}long{% endfor %}").is_err());
        let silent = "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}";
        assert!(check(silent).is_err());
        assert!(check("p99 {{ value }} on {{ labels['http.route'] }} < {{ threshold }}").is_ok());
    }
}
