//! `Formula`: arithmetic over the series of several queries, bucket by bucket: `errors / requests * 100`.

/// Longest formula, in bytes.
pub const FORMULA_BYTES_MAX: usize = 1_024;
/// How deeply parentheses and functions may be nested.
const DEPTH_MAX: usize = 32;

/// A formula that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    root: Node,
    /// The queries that it names, each once, in the order of the formula.
    names: Vec<Box<str>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Number(f64),
    /// The place of a name in [`Formula::names`].
    Series(usize),
    Negated(Box<Node>),
    Operation(Operator, Box<Node>, Box<Node>),
    Function(Function, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Abs,
    Min,
    Max,
    Sqrt,
    Log10,
}

impl Function {
    const NAMED: [(&'static str, Self, usize); 5] = [
        ("abs", Self::Abs, 1),
        ("min", Self::Min, 2),
        ("max", Self::Max, 2),
        ("sqrt", Self::Sqrt, 1),
        ("log10", Self::Log10, 1),
    ];
}

/// What is wrong with a formula, and where (a byte offset into its text).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at position {position}")]
pub struct FormulaError {
    pub position: usize,
    pub reason: FormulaErrorReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormulaErrorReason {
    #[error("expected a number, the name of a query, a function or '('")]
    Operand,
    #[error("expected one of + - * / or the end")]
    Operator,
    #[error("expected ')'")]
    Close,
    #[error("expected ','")]
    Comma,
    #[error("no query has this name")]
    UnknownName,
    #[error("the formula names no query")]
    NoSeries,
    #[error("the formula is longer than {FORMULA_BYTES_MAX} bytes")]
    TooLong,
    #[error("nested more than {DEPTH_MAX} deep")]
    TooDeep,
}

impl Formula {
    /// `known` are the names of the queries that it may name.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, FormulaError> {
        let mut parser = Parser { text, known, at: 0, names: Vec::new() };
        if text.len() > FORMULA_BYTES_MAX {
            return Err(parser.error(FormulaErrorReason::TooLong));
        }
        let root = parser.sum(0)?;
        parser.skip_space();
        if parser.at < text.len() {
            return Err(parser.error(FormulaErrorReason::Operator));
        }
        if parser.names.is_empty() {
            return Err(FormulaError { position: 0, reason: FormulaErrorReason::NoSeries });
        }
        Ok(Self { root, names: parser.names })
    }

    pub fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// The value for values of the named queries, in the order of [`Self::names`]. Absent where one of them is, and where the
    /// result is no number (a division by zero).
    pub fn value(&self, values: &[Option<f64>]) -> Option<f64> {
        self.root.value(values).filter(|value| value.is_finite())
    }
}

impl Node {
    fn value(&self, values: &[Option<f64>]) -> Option<f64> {
        Some(match self {
            Self::Number(number) => *number,
            Self::Series(at) => values.get(*at).copied().flatten()?,
            Self::Negated(node) => -node.value(values)?,
            Self::Operation(operator, left, right) => {
                let (left, right) = (left.value(values)?, right.value(values)?);
                match operator {
                    Operator::Add => left + right,
                    Operator::Subtract => left - right,
                    Operator::Multiply => left * right,
                    Operator::Divide => left / right,
                }
            }
            Self::Function(function, arguments) => {
                let mut arguments = arguments.iter().map(|argument| argument.value(values));
                let first = arguments.next()??;
                match function {
                    Function::Abs => first.abs(),
                    Function::Sqrt => first.sqrt(),
                    Function::Log10 => first.log10(),
                    Function::Min => first.min(arguments.next()??),
                    Function::Max => first.max(arguments.next()??),
                }
            }
        })
    }
}

struct Parser<'a> {
    text: &'a str,
    known: &'a [&'a str],
    at: usize,
    names: Vec<Box<str>>,
}

impl<'a> Parser<'a> {
    fn error(&self, reason: FormulaErrorReason) -> FormulaError {
        FormulaError { position: self.at, reason }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, symbol: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len_utf8();
        }
        found
    }

    fn operator(&mut self, operators: [(char, Operator); 2]) -> Option<Operator> {
        operators.into_iter().find(|(symbol, _)| self.take(*symbol)).map(|(_, operator)| operator)
    }

    fn sum(&mut self, depth: usize) -> Result<Node, FormulaError> {
        let mut left = self.product(depth)?;
        while let Some(operator) = self.operator([('+', Operator::Add), ('-', Operator::Subtract)]) {
            left = Node::Operation(operator, Box::new(left), Box::new(self.product(depth)?));
        }
        Ok(left)
    }

    fn product(&mut self, depth: usize) -> Result<Node, FormulaError> {
        let mut left = self.factor(depth)?;
        while let Some(operator) = self.operator([('*', Operator::Multiply), ('/', Operator::Divide)]) {
            left = Node::Operation(operator, Box::new(left), Box::new(self.factor(depth)?));
        }
        Ok(left)
    }

    fn factor(&mut self, depth: usize) -> Result<Node, FormulaError> {
        if depth > DEPTH_MAX {
            return Err(self.error(FormulaErrorReason::TooDeep));
        }
        if self.take('-') {
            return Ok(Node::Negated(Box::new(self.factor(depth + 1)?)));
        }
        if self.take('(') {
            let inner = self.sum(depth + 1)?;
            return if self.take(')') { Ok(inner) } else { Err(self.error(FormulaErrorReason::Close)) };
        }
        self.skip_space();
        match self.rest().chars().next() {
            Some(first) if first.is_ascii_digit() || first == '.' => self.number(),
            Some(first) if first.is_ascii_alphabetic() || first == '_' => self.name(depth),
            _ => Err(self.error(FormulaErrorReason::Operand)),
        }
    }

    fn word(&self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    fn number(&mut self) -> Result<Node, FormulaError> {
        let text = self.word(|c| c.is_ascii_digit() || c == '.');
        let number = text.parse().map_err(|_| self.error(FormulaErrorReason::Operand))?;
        self.at += text.len();
        Ok(Node::Number(number))
    }

    fn name(&mut self, depth: usize) -> Result<Node, FormulaError> {
        let name = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
        let function = Function::NAMED.iter().find(|(known, ..)| *known == name);
        if let Some((_, function, arguments)) = function.filter(|_| !self.known.contains(&name)) {
            self.at += name.len();
            return self.function(*function, *arguments, depth);
        }
        if !self.known.contains(&name) {
            return Err(self.error(FormulaErrorReason::UnknownName));
        }
        self.at += name.len();
        let at = self.names.iter().position(|known| **known == *name).unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() - 1
        });
        Ok(Node::Series(at))
    }

    fn function(&mut self, function: Function, arguments: usize, depth: usize) -> Result<Node, FormulaError> {
        if !self.take('(') {
            return Err(self.error(FormulaErrorReason::Operand));
        }
        let mut nodes = vec![self.sum(depth + 1)?];
        while nodes.len() < arguments {
            if !self.take(',') {
                return Err(self.error(FormulaErrorReason::Comma));
            }
            nodes.push(self.sum(depth + 1)?);
        }
        if self.take(')') {
            Ok(Node::Function(function, nodes))
        } else {
            Err(self.error(FormulaErrorReason::Close))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, a: Option<f64>, b: Option<f64>) -> Option<f64> {
        let formula = Formula::parse(text, &["a", "b"]).unwrap();
        let values: Vec<Option<f64>> =
            formula.names().iter().map(|name| if &**name == "a" { a } else { b }).collect();
        formula.value(&values)
    }

    #[test]
    fn arithmetic_is_as_at_school() {
        for (text, expected) in [
            ("a + b * 2", 14.0),
            ("(a + b) * 2", 18.0),
            ("a - b - 1", -2.0),
            ("-a / b", -0.8),
            ("b / a * 100", 125.0),
            ("--a", 4.0),
            ("min(a, b) + max(a, b)", 9.0),
            ("abs(a - b) + sqrt(a) + log10(100)", 5.0),
        ] {
            let found = value(text, Some(4.0), Some(5.0));
            assert_eq!(found, Some(expected), "{text}");
        }
    }

    #[test]
    fn without_a_value_or_with_none_that_is_a_number_there_is_no_result() {
        assert_eq!(value("a + b", None, Some(1.0)), None);
        assert_eq!(value("a / b", Some(1.0), Some(0.0)), None);
        assert_eq!(value("log10(a)", Some(-1.0), None), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, expected) in [
            ("", "expected a number, the name of a query, a function or '(' at position 0"),
            ("a +", "expected a number, the name of a query, a function or '(' at position 3"),
            ("a b", "expected one of + - * / or the end at position 2"),
            ("(a", "expected ')' at position 2"),
            ("a + c", "no query has this name at position 4"),
            ("min(a)", "expected ',' at position 5"),
            ("1 + 2", "the formula names no query at position 0"),
            ("1.2.3 * a", "expected a number, the name of a query, a function or '(' at position 0"),
        ] {
            assert_eq!(Formula::parse(text, &["a", "b"]).unwrap_err().to_string(), expected, "{text:?}");
        }
        let deep = "(".repeat(500) + "a";
        assert_eq!(Formula::parse(&deep, &["a"]).unwrap_err().reason, FormulaErrorReason::TooDeep);
        let long = "a+".repeat(600);
        assert_eq!(Formula::parse(&long, &["a"]).unwrap_err().reason, FormulaErrorReason::TooLong);
    }
}
