-- An alert that is over, and everybody knows.
DELETE FROM notified_alerts WHERE tenant = $1 AND alert_key = $2
