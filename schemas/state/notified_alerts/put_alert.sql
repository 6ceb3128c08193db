-- An alert as it is now.
INSERT INTO notified_alerts (tenant, alert_key, body) VALUES ($1, $2, $3)
ON CONFLICT (tenant, alert_key) DO UPDATE SET body = excluded.body
