-- Bodies of the version before are kept whole. After a crash further on a body is what its parts hold, and this changes nothing.
-- Not renamed: a merge at that moment may write the column empty (the engine's 26.7.2.1).
ALTER TABLE telemetryflow.otel_logs
    UPDATE body_values = Body
    WHERE empty(body_values) AND empty(body_template)
    SETTINGS mutations_sync = 1
