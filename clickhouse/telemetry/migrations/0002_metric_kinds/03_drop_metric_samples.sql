-- Its rows are in the new table. After a crash here this migration begins with an empty table of the old kind, and takes
-- over nothing.
DROP TABLE telemetryflow.metric_samples SYNC
