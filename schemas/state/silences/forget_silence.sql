-- A silence that is long over.
DELETE FROM silences WHERE tenant = $1 AND id = $2
