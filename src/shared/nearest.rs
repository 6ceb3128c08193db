//! The nearest known name to a mistyped one, for messages that help: config keys, query parameters, rule fields, paths.

/// Longer words are not compared: the table of distances grows with the square of the length.
pub const WORD_CHARS_MAX: usize = 64;

/// The candidate that `word` was probably meant to be; absent if none is near.
///
/// Near is: at most a third of the word's characters differ (and at least one may), ignoring case. Of equally near
/// ones the first wins. A candidate or word of more than [`WORD_CHARS_MAX`] characters is near nothing.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_few(word, candidates, 1).into_iter().next()
}

/// Up to `count` near candidates, the nearest first. See [`nearest`].
pub fn nearest_few<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    count: usize,
) -> Vec<&'a str> {
    let Some(word) = comparable(word) else {
        return Vec::new();
    };
    let distance_max = (word.len() / 3).max(1);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&word, &comparable(candidate)?), candidate)))
        .filter(|(distance, _)| *distance <= distance_max)
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(count).map(|(_, candidate)| candidate).collect()
}

fn comparable(word: &str) -> Option<Vec<char>> {
    let characters: Vec<char> = word.chars().take(WORD_CHARS_MAX + 1).collect();
    let comparable = !characters.is_empty() && characters.len() <= WORD_CHARS_MAX;
    comparable.then(|| characters.into_iter().flat_map(char::to_lowercase).collect())
}

/// Edit distance with insertions, deletions and substitutions (Levenshtein), and a swap of neighbours counted as one
/// edit (optimal string alignment): swapped letters are the most common slip.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, l) in left.iter().enumerate() {
        let mut current = Vec::with_capacity(above.len());
        current.push(row + 1);
        for (column, r) in right.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&above, column) + usize::from(l != r))
                .min(at(&above, column + 1) + 1)
                .min(at(&current, column) + 1);
            if is_swap(left, right, row, column) {
                best = best.min(at(&before, column - 1) + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or(left.len())
}

fn is_swap(left: &[char], right: &[char], row: usize, column: usize) -> bool {
    row > 0 && column > 0 && left.get(row) == right.get(column - 1) && left.get(row - 1) == right.get(column)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEYS: [&str; 4] = ["otlp_http", "otlp_grpc", "api", "readers"];

    #[test]
    fn a_slip_of_the_keyboard_finds_what_was_meant() {
        for (word, expected) in [
            ("otlp_htpp", "otlp_http"),
            ("OTLP_GRPC", "otlp_grpc"),
            ("ap", "api"),
            ("raeders", "readers"),
            ("otlphttp", "otlp_http"),
        ] {
            assert_eq!(nearest(word, KEYS), Some(expected), "{word}");
        }
    }

    #[test]
    fn words_that_are_far_from_all_have_no_nearest() {
        for word in ["", "wholly_else", "x", &"otlp_http".repeat(100)] {
            assert_eq!(nearest(word, KEYS), None, "{word}");
        }
    }

    #[test]
    fn several_come_nearest_first() {
        assert_eq!(nearest_few("otlp_http", KEYS, 2), ["otlp_http"]);
        assert_eq!(
            nearest_few("/v1/trace", ["/v1/logs", "/v1/traces", "/v1/race"], 3),
            ["/v1/traces", "/v1/race"]
        );
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_zero_only_for_equals(left in "[a-c]{0,8}", right in "[a-c]{0,8}") {
            let (l, r): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
            prop_assert_eq!(distance(&l, &r), distance(&r, &l));
            prop_assert_eq!(distance(&l, &r) == 0, left == right);
            prop_assert!(distance(&l, &r) <= l.len().max(r.len()));
        }
    }
}
