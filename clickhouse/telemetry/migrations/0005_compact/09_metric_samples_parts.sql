-- A part is compact (one file for all columns) as it is inserted, and wide once it was merged: the files of a wide part cost an
-- insert more than its rows. Merges wait for twice as many parts as by default and rewrite each row less often.
ALTER TABLE telemetryflow.metric_samples MODIFY SETTING min_bytes_for_wide_part = 0, min_rows_for_wide_part = 600000, merge_selector_base = 10
