"""Stands in front of a server, as HTTP or as gRPC: refuses the first requests to each path, passes on the rest, counts."""

import collections
import concurrent.futures
import http.client
import http.server
import threading
import urllib.parse

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

# "Come back" as the server says it: at once over HTTP, after a moment over gRPC.
RETRY_AFTER = "0"
RETRY_INFO = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=1_000_000))


class Front:
    """Counts requests by path; `refused` of each path are turned away for the moment."""

    def __init__(self, refused):
        self.refused = refused
        self.requests = collections.Counter()
        self.lock = threading.Lock()

    def turns_away(self, path):
        with self.lock:
            self.requests[path] += 1
            return self.requests[path] <= self.refused


class HttpFront(Front):
    """Answers 503 with Retry-After."""

    def __init__(self, server, refused=0):
        super().__init__(refused)
        front = self
        target = urllib.parse.urlsplit(server.http_url).netloc

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if front.turns_away(self.path):
                    self.answer(503, {"Retry-After": RETRY_AFTER}, b"")
                    return
                onward = http.client.HTTPConnection(target, timeout=30)
                onward.request("POST", self.path, body, dict(self.headers))
                answer = onward.getresponse()
                kind = {"Content-Type": answer.getheader("Content-Type", "")}
                self.answer(answer.status, kind, answer.read())
                onward.close()

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": len(body)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http_url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class GrpcFront(Front, grpc.GenericRpcHandler):
    """Answers UNAVAILABLE with RetryInfo; what the server answers is passed back with its trailers."""

    def __init__(self, server, refused=0):
        super().__init__(refused)
        self.channel = grpc.insecure_channel(urllib.parse.urlsplit(server.grpc_url).netloc)
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), handlers=[self])
        self.grpc_url = f"http://127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def service(self, call):
        return grpc.unary_unary_rpc_method_handler(lambda message, context: self.answer(call.method, message, context))

    def answer(self, path, message, context):
        if self.turns_away(path):
            context.set_trailing_metadata((("grpc-status-details-bin", busy().SerializeToString()),))
            context.abort(grpc.StatusCode.UNAVAILABLE, "busy")
        try:
            return self.channel.unary_unary(path)(message, timeout=30)
        except grpc.RpcError as error:
            context.set_trailing_metadata(error.trailing_metadata())
            context.abort(error.code(), error.details())

    def close(self):
        self.server.stop(None).wait()
        self.channel.close()


def busy():
    detail = any_pb2.Any()
    detail.Pack(RETRY_INFO)
    return status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message="busy", details=[detail])


FRONTS = {"http": HttpFront, "grpc": GrpcFront}
