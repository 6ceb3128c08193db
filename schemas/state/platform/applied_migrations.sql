-- The steps that were taken, the last one at the end.
SELECT number, name FROM state_migrations ORDER BY number
