-- What has been over for long enough is forgotten.
DELETE FROM incidents WHERE resolved_at < $1
