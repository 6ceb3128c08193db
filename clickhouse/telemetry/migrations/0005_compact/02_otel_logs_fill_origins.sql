-- Rows of the version before. After a crash further on the maps are what these texts hold, and this changes nothing.
ALTER TABLE telemetryflow.otel_logs
    UPDATE
        resource_attributes = if(empty(ResourceAttributes), '', toJSONString(ResourceAttributes)),
        scope_attributes = if(empty(ScopeAttributes), '', toJSONString(ScopeAttributes))
    WHERE resource_attributes = '' AND scope_attributes = ''
    SETTINGS mutations_sync = 1
