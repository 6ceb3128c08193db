-- Alerts that fire, and those that are over and of which somebody has yet to be told so.
CREATE TABLE notified_alerts (
    tenant TEXT NOT NULL,
    -- 16 hexadecimal digits.
    alert_key TEXT NOT NULL,
    -- The alert as JSON.
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, alert_key)
)
