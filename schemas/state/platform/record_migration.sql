-- A step was taken; written in its transaction.
INSERT INTO state_migrations (number, name) VALUES ($1, $2)
