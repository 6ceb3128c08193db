-- A rule is taken away.
DELETE FROM rules WHERE tenant = $1 AND id = $2
