-- Both placeholders are filled from the program's own list of migrations.
INSERT INTO telemetryflow.schema_migrations (version, name) SELECT {{version}}, '{{name}}'
