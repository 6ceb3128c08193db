-- Asks a query to end, by the mark at its beginning. Answers at once; the query ends with its next block.
KILL QUERY WHERE startsWith(query, {mark:String}) ASYNC
