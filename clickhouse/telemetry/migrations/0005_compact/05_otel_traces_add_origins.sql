-- What a resource and a scope are stands once in each part, as a JSON object in a dictionary, in place of a map in each row.
-- Few resources send many rows: an insert and a merge take half the time. Empty where there are no attributes.
ALTER TABLE telemetryflow.otel_traces
    ADD COLUMN IF NOT EXISTS resource_attributes LowCardinality(String) CODEC(LZ4) AFTER ResourceSchemaUrl,
    ADD COLUMN IF NOT EXISTS scope_attributes LowCardinality(String) CODEC(LZ4) AFTER ScopeVersion
