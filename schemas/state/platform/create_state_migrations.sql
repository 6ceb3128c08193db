-- The steps by which this database got its schema, so that each is taken once. A number is a position in the program's list.
CREATE TABLE IF NOT EXISTS state_migrations (
    number BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
)
