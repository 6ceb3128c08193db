-- How PostgreSQL keeps text. Anything but UTF8 refuses some of what comes from outside.
SELECT current_setting('server_encoding')
