-- The exporter's name. A byte that no UTF-8 has stands in the template for each value, and ends each value.
ALTER TABLE telemetryflow.otel_logs
    ADD COLUMN IF NOT EXISTS Body String
        ALIAS arrayStringConcat(arrayMap((text, value) -> concat(text, value), splitByChar('\xFF', body_template), splitByChar('\xFF', body_values)))
