-- All alerts.
SELECT tenant, alert_key, body FROM notified_alerts ORDER BY tenant, alert_key
