-- Asks a server to end a query of ours that nobody waits for. The placeholder is the program's own id of it.
KILL QUERY WHERE query_id = '{{query_id}}' ASYNC
