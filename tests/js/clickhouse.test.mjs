// @clickhouse/client, ClickHouse's official client for Node.js, against the SQL listener.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';

import { createClient } from '@clickhouse/client';

import { Server } from './server.mjs';

const SECRETS = { reader: 'read-secret', writer: 'write-secret' };

const user = (name, access) => {
  const digest = createHash('sha256').update(SECRETS[name]).digest('hex');
  return `[sql_users.${name}]\nhash = "sha256:${digest}"\naccess = "${access}"\n`;
};

const USERS = user('reader', 'read') + user('writer', 'write');

test('rows are written and read, compressed both ways, with bound parameters', async () => {
  const server = await Server.start(`[store.sql]\nlisten = "127.0.0.1:0"\n${USERS}`);
  const connect = (name, options) =>
    createClient({ url: server.sql, username: name, password: SECRETS[name], ...options });
  const compression = { request: true, response: true };
  const writer = connect('writer', { compression });
  const reader = connect('reader', { compression: { response: true } });
  try {
    assert.equal((await writer.ping()).success, true);
    await writer.command({ query: 'CREATE TABLE m (n UInt64, text String) ENGINE = MergeTree ORDER BY n' });
    const values = Array.from({ length: 1000 }, (_, n) => ({ n: String(n), text: `text ${n} ü'\\` }));
    await writer.insert({ table: 'm', values, format: 'JSONEachRow' });
    const answer = await reader.query({
      query: 'SELECT n, text FROM m WHERE n < {most: UInt64} AND text != {text: String} ORDER BY n',
      query_params: { most: 3, text: "text 1 ü'\\" },
      format: 'JSONEachRow',
    });
    // Whole numbers of 64 bits are texts or numbers as the engine is set.
    const rows = (await answer.json()).map((row) => ({ ...row, n: String(row.n) }));
    assert.deepEqual(rows, [values[0], values[2]]);
    await assert.rejects(reader.insert({ table: 'm', values, format: 'JSONEachRow' }), { type: 'READONLY', code: '164' });
    await assert.rejects(reader.query({ query: "SELECT * FROM file('/etc/passwd')" }), { type: 'FUNCTION_NOT_ALLOWED' });
  } finally {
    await Promise.all([writer.close(), reader.close()]);
    await server.remove();
  }
});
