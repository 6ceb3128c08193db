-- What answers of the SQL listener say of the engine.
SELECT version(), timezone()
