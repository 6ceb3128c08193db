-- After a crash here the table is the new one already; the migration takes its rows over once more.
RENAME TABLE telemetryflow.metric_samples_replacing TO telemetryflow.metric_samples
