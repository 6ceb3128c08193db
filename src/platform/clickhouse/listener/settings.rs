//! Which settings are taken, from addresses and in statements. Others are refused by name, since some name files, addresses or
//! expressions, and some lift limits.

/// Settings of HTTP and of logging that change nothing here, which clients send all the same.
const WITHOUT_EFFECT: [&str; 18] = [
    "add_http_cors_header",
    "buffer_size",
    "cancel_http_readonly_queries_on_client_close",
    "client_protocol_version",
    "http_headers_progress_interval_ms",
    "http_native_compression_disable_checksumming_on_decompress",
    "http_receive_timeout",
    "http_response_buffer_size",
    "http_send_timeout",
    "http_wait_end_of_query",
    "http_write_exception_in_output_format",
    "http_zlib_compression_level",
    "log_comment",
    "log_queries",
    "receive_timeout",
    "send_progress_in_http_headers",
    "send_timeout",
    "wait_end_of_query",
];

/// Settings whose value may be lower than the server's limit, not higher.
pub const LIMITS: [&str; 5] =
    ["max_execution_time", "max_memory_usage", "max_result_bytes", "max_result_rows", "max_rows_to_read"];

/// How a statement is carried out and written down.
const OF_STATEMENTS: [&str; 68] = [
    "allow_experimental_time_series_aggregate_functions",
    "alter_sync",
    "any_join_distinct_right_table_keys",
    "async_insert",
    "cast_keep_nullable",
    "cast_string_to_dynamic_use_inference",
    "date_time_input_format",
    "date_time_output_format",
    "deduplicate_insert",
    "deduplicate_insert_select",
    "describe_compact_output",
    "describe_include_subcolumns",
    "distributed_product_mode",
    "do_not_merge_across_partitions_select_final",
    "extremes",
    "final",
    "format_csv_allow_single_quotes",
    "format_csv_delimiter",
    "format_csv_null_representation",
    "format_tsv_null_representation",
    "group_by_overflow_mode",
    "input_format_allow_errors_num",
    "input_format_arrow_allow_missing_columns",
    "input_format_csv_empty_as_default",
    "input_format_defaults_for_omitted_fields",
    "input_format_import_nested_json",
    "input_format_json_read_numbers_as_strings",
    "input_format_null_as_default",
    "input_format_skip_unknown_fields",
    "input_format_tsv_empty_as_default",
    "input_format_with_names_use_header",
    "insert_deduplicate",
    "insert_deduplication_token",
    "insert_null_as_default",
    "insert_quorum",
    "join_algorithm",
    "join_use_nulls",
    "limit",
    "max_block_size",
    "max_bytes_before_external_group_by",
    "max_bytes_before_external_sort",
    "max_insert_block_size",
    "max_insert_threads",
    "max_partitions_per_insert_block",
    "max_rows_to_group_by",
    "max_threads",
    "min_insert_block_size_bytes",
    "min_insert_block_size_rows",
    "mutations_sync",
    "offset",
    "optimize_on_insert",
    "output_format_arrow_compression_method",
    "output_format_arrow_fixed_string_as_fixed_byte_array",
    "output_format_arrow_low_cardinality_as_dictionary",
    "output_format_arrow_string_as_string",
    "output_format_json_array_of_rows",
    "output_format_json_named_tuples_as_objects",
    "output_format_json_quote_64bit_floats",
    "output_format_json_quote_64bit_integers",
    "output_format_json_quote_decimals",
    "output_format_json_quote_denormals",
    "output_format_json_validate_utf8",
    "output_format_native_encode_types_in_binary_format",
    "output_format_write_statistics",
    "preferred_block_size_bytes",
    "result_overflow_mode",
    "session_timezone",
    "wait_for_async_insert",
];

/// Settings of tables.
const OF_TABLES: [&str; 19] = [
    "fsync_after_insert",
    "fsync_part_directory",
    "index_granularity",
    "index_granularity_bytes",
    "materialize_ttl_after_modify",
    "max_bytes_to_merge_at_max_space_in_pool",
    "max_bytes_to_merge_at_min_space_in_pool",
    "max_parts_in_total",
    "merge_max_block_size",
    "merge_selector_base",
    "min_bytes_for_wide_part",
    "min_rows_for_wide_part",
    "non_replicated_deduplication_window",
    "parts_to_delay_insert",
    "parts_to_throw_insert",
    "replicated_deduplication_window",
    "replicated_deduplication_window_seconds",
    "string_serialization_version",
    "ttl_only_drop_parts",
];

/// What becomes of a setting in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is given to the engine.
    Given,
    /// It is given to the engine where it is below the server's own limit.
    Limit,
    /// It is accepted, and nothing comes of it.
    Ignored,
    /// It is refused.
    Refused,
}

pub fn taken(name: &str) -> Taken {
    if LIMITS.contains(&name) {
        Taken::Limit
    } else if OF_STATEMENTS.contains(&name) {
        Taken::Given
    } else if WITHOUT_EFFECT.contains(&name) {
        Taken::Ignored
    } else {
        Taken::Refused
    }
}

/// Whether it may stand behind `SETTINGS`. Limits may: the engine refuses them to readers, and writers are trusted with them.
pub fn may_be_in_statements(name: &str) -> bool {
    taken(name) != Taken::Refused || OF_TABLES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_name_files_addresses_or_expressions_are_refused() {
        for name in [
            "readonly",
            "format_schema",
            "format_template_resultset",
            "format_avro_schema_registry_url",
            "additional_table_filters",
            "additional_result_filter",
            "input_format_record_errors_file_path",
            "allow_introspection_functions",
            "input_format_values_interpret_expressions",
            "MAX_THREADS",
            "",
        ] {
            assert_eq!(taken(name), Taken::Refused, "{name}");
            assert!(!may_be_in_statements(name), "{name}");
        }
    }

    #[test]
    fn every_list_is_in_order_and_no_name_is_in_two() {
        let all = [&WITHOUT_EFFECT[..], &LIMITS, &OF_STATEMENTS, &OF_TABLES];
        assert!(all.iter().all(|list| list.is_sorted()));
        let mut names = all.concat();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
