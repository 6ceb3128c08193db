-- All table functions that the engine has: those that are not known to be harmless are refused to users of the SQL listener.
SELECT name FROM system.table_functions ORDER BY name
