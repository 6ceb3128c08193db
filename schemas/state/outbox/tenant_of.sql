-- Whose notification it is.
SELECT tenant FROM outbox WHERE id = $1
