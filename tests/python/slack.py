"""Stands in for Slack: an incoming webhook on loopback."""

import http.server
import json
import threading


class Slack:
    """An incoming webhook on loopback that keeps what was posted to it."""

    def __init__(self):
        self.messages = messages = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                messages.append(json.dumps(json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/T000/B000/XXXX"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def holds(self, *words):
        """Whether one message says all these words."""
        said = [message.lower() for message in list(self.messages)]
        return any(all(word.lower() in message for word in words) for message in said)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
