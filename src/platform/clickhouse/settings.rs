//! Settings of our own statements: the same, whichever adapter sends them.

use super::embedded::QueryLimits;

/// Name and value. Values are words and numbers of ours.
pub type Setting = (&'static str, String);

/// Of statements that read: their limits, and how the answer is written.
pub fn of_reading(limits: QueryLimits) -> Vec<Setting> {
    vec![
        ("max_execution_time", limits.time_max.as_secs_f64().to_string()),
        ("max_memory_usage", limits.memory_bytes_max.to_string()),
        ("max_rows_to_read", limits.rows_max.to_string()),
        // Blocks of 65,409 narrow rows, not of 16,000.
        ("preferred_block_size_bytes", "4000000".to_owned()),
        // Tables whose rows replace each other are partitioned by a part of their key.
        ("do_not_merge_across_partitions_select_final", "1".to_owned()),
        ("output_format_arrow_string_as_string", "1".to_owned()),
        ("output_format_arrow_fixed_string_as_fixed_byte_array", "1".to_owned()),
        ("output_format_arrow_low_cardinality_as_dictionary", "0".to_owned()),
        ("output_format_arrow_compression_method", "none".to_owned()),
    ]
}

/// Of inserts of one block. Every setting that matters is set here, since ClickHouse changed several defaults in 2026. Rows that
/// replace each other are left to merges and to FINAL: looking for them in each block (`optimize_on_insert`) makes an insert of
/// samples take 1.6 times as long (2 million rows in blocks of 100,000).
pub fn of_insert(token: &str) -> Vec<Setting> {
    [
        ("async_insert", "0"),
        ("insert_deduplicate", "1"),
        ("insert_deduplication_token", token),
        ("max_insert_block_size", "4194304"),
        ("min_insert_block_size_rows", "4194304"),
        ("min_insert_block_size_bytes", "0"),
        ("max_insert_threads", "1"),
        ("optimize_on_insert", "0"),
        ("max_partitions_per_insert_block", "0"),
        ("max_threads", "1"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// As `SET` and `SETTINGS` take it: `max_threads = 1`, `token = 'a/b'`.
pub fn assignment((name, value): &Setting) -> String {
    match value.parse::<f64>() {
        Ok(_) => format!("{name} = {value}"),
        Err(_) => format!("{name} = '{value}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_bare_and_words_in_quotes() {
        let text = |value: &str| assignment(&("a", value.to_owned()));
        assert_eq!(
            [text("1"), text("0.5"), text("none"), text("1-2/t")],
            ["a = 1", "a = 0.5", "a = 'none'", "a = '1-2/t'"]
        );
    }
}
