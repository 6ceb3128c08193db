-- As for metric_samples.
ALTER TABLE telemetryflow.trace_index MODIFY SETTING min_bytes_for_wide_part = 0, min_rows_for_wide_part = 200000, merge_selector_base = 10
