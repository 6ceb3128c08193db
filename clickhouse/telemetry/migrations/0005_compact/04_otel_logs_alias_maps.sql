-- The exporter's names. A filter on them looks at each resource of a part once.
ALTER TABLE telemetryflow.otel_logs
    ADD COLUMN IF NOT EXISTS ResourceAttributes Map(LowCardinality(String), String)
        ALIAS JSONExtract(resource_attributes, 'Map(LowCardinality(String), String)'),
    ADD COLUMN IF NOT EXISTS ScopeAttributes Map(LowCardinality(String), String)
        ALIAS JSONExtract(scope_attributes, 'Map(LowCardinality(String), String)')
