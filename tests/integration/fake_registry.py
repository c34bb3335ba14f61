"""A schema registry that knows some ids, and answers for others whatever a test says."""

import dataclasses
import http.server
import json
import re
import threading
import time

UTM_ID = 1_000_000_000


@dataclasses.dataclass
class Answer:
    """What it says of one id: @status and @body, after @delay; @length cuts or stretches what it promises."""

    status: int
    body: bytes = b""
    kind: str = "application/vnd.schemaregistry.v1+json"
    headers: dict = dataclasses.field(default_factory=dict)
    delay: float = 0
    trickle: bool = False  # a byte a second


def own_error(status, code, message=""):
    return Answer(status, json.dumps({"error_code": code, "message": message}).encode())


def page(status):
    return Answer(status, b"<html>somebody else</html>", "text/html")


class FakeRegistry:
    def __init__(self, delay=0):
        outer = self
        self.delay = delay
        self.schemas = {}  # id: schema
        self.says = {}  # id: Answer
        self.asked = {}  # id: how often
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.stopped = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                found = re.fullmatch(r"/schemas/ids/(\d+)", self.path)
                if found:
                    self.answer(outer.answer_of(int(found[1])))
                else:
                    self.answer(Answer(200, b'["AVRO"]'))

            def do_POST(self):  # the schema of UTM records
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(Answer(200, json.dumps({"id": UTM_ID}).encode()))

            def answer(self, answer):
                outer.stopped.wait(answer.delay)
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.kind)
                self.send_header("Content-Length", str(len(answer.body)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if answer.trickle:
                    for byte in answer.body:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        outer.stopped.wait(1)
                else:
                    self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # detour has hung up

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer_of(self, number):
        with self.lock:
            self.asked[number] = self.asked.get(number, 0) + 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.delay)
        with self.lock:
            self.at_once -= 1
            if number in self.says:
                return self.says[number]
            if number in self.schemas:
                return Answer(200, json.dumps({"schema": json.dumps(self.schemas[number])}).encode())
        return own_error(404, 40403, f"Schema {number} not found")

    def stop(self):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
