// A TelemetryFlow server for a test: its own ports, its own data folder, stopped as an operator would stop it.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BINARY =
  process.env.TELEMETRYFLOW_BIN ?? path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target', 'debug', 'telemetryflow');

export class Server {
  /** `extra` is added to the configuration. */
  static async start(extra = '') {
    const server = new Server();
    server.folder = await mkdtemp(path.join(tmpdir(), 'telemetryflow-js-'));
    server.config = path.join(server.folder, 'config.toml');
    const any = '"127.0.0.1:0"';
    await writeFile(
      server.config,
      `[listen]\notlp_http = ${any}\notlp_grpc = ${any}\napi = ${any}\n` +
        `[store]\npath = ${JSON.stringify(path.join(server.folder, 'store'))}\n` +
        // What was answered can be read at once.
        `[ingest]\ndurability = "store"\n${extra}\n`,
    );
    server.process = spawn(BINARY, ['serve', '--config', server.config], { cwd: ROOT });
    server.said = '';
    server.process.stderr.on('data', (text) => (server.said += text));
    let greeting = '';
    for await (const text of server.process.stdout) {
      greeting += text;
      if (greeting.includes('Stop with Ctrl-C.')) break;
    }
    server.otlp = /POST (http:\/\/[^/]+)\/v1\/metrics/.exec(greeting)?.[1];
    server.sql = /sql     POST (http:\/\/[^/]+)\//.exec(greeting)?.[1];
    if (!server.otlp) throw new Error(`the server did not start:\n${greeting}${server.said}`);
    return server;
  }

  /** Stops as an operator would. */
  async stop() {
    if (this.process.exitCode === null) {
      this.process.kill('SIGTERM');
      await once(this.process, 'exit');
    }
    if (this.process.exitCode !== 0) throw new Error(`exit code ${this.process.exitCode}\n${this.said}`);
  }

  /** Rows of a stopped server's tables. */
  async rows(statement) {
    const call = ['sql', '--config', this.config, '--format', 'JSONEachRow', statement];
    const { stdout } = await promisify(execFile)(BINARY, call, { cwd: ROOT });
    return stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  }

  async remove() {
    await this.stop();
    await rm(this.folder, { recursive: true });
  }
}

/** Stands in front of a server: answers as `script` says (a status, or nothing to pass the request on), counts, and keeps the last content encoding. */
export class Front {
  static async before(target, script) {
    const front = new Front();
    front.requests = 0;
    front.server = http.createServer((request, response) => {
      const status = script[front.requests++];
      front.encoding = request.headers['content-encoding'];
      if (status) {
        request.resume().on('end', () => response.writeHead(status, { 'retry-after': '0' }).end());
        return;
      }
      const options = { method: request.method, headers: request.headers };
      const onward = http.request(new URL(request.url, target), options, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    await new Promise((resolve) => front.server.listen(0, '127.0.0.1', resolve));
    front.url = `http://127.0.0.1:${front.server.address().port}`;
    return front;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
