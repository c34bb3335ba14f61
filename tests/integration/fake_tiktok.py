"""A TikTok Events API of the tests' own: written from the reference, not from detour.

It checks what the service checks, records every request and what it answered, and does what a
script says. An event counts as accepted only when an answer that says so was sent, or when a rule
accepts and then breaks the connection (then the sender cannot know).
"""

import collections
import dataclasses
import http.server
import json
import re
import socket
import struct
import threading
import time

PATH = "/open_api/v1.3/event/track/"
TOKEN = "tok-canary-4f1d2a"
HASHED = ("email", "phone", "external_id", "first_name", "last_name", "zip_code")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass
class Request:
    at: float
    token: str
    headers: dict
    body: dict
    bytes: int
    answer: str = ""
    accepted: bool = False

    @property
    def events(self):
        return self.body.get("data") or []

    @property
    def ids(self):
        return [e.get("event_id") for e in self.events]

    @property
    def type(self):
        return self.events[0].get("event") if self.events else None


@dataclasses.dataclass
class Answer:
    """What one request gets. `accept` says which of its event ids the service keeps."""

    status: int = 200
    body: object = None
    headers: dict = dataclasses.field(default_factory=dict)
    content_type: str = "application/json"
    wait: float = 0
    cut: str = ""  # "silent": no answer at all; "reset": none and RST; "middle": half an answer and RST
    accept: object = ()  # event ids, or True for all
    name: str = ""


def said(code, message, data=None):
    return {"code": code, "message": message, "request_id": time.strftime("%Y%m%d%H%M%S") + "0A" * 10, "data": data or {}}


def ok():
    return Answer(body=said(0, "OK"), accept=True, name="ok")


def code(number, message="said by the script", status=200, **headers):
    names = {k.replace("_", "-"): str(v) for k, v in headers.items()}
    return Answer(status=status, body=said(number, message), headers=names, name=str(number))


def html(status=502):
    page = f"<html><head><title>{status}</title></head><body><center>nginx</center></body></html>"
    return Answer(status=status, body=page, content_type="text/html", name=f"html {status}")


def gateway_json(status=503):
    return Answer(status=status, body={"error": {"message": "Service Unavailable"}}, name=f"json {status}")


def slow(seconds):
    return Answer(body=said(0, "OK"), wait=seconds, accept=True, name="slow")


def hang(seconds=3600):
    return Answer(cut="silent", wait=seconds, name="hang")


def reset():
    return Answer(cut="reset", name="reset")


def reset_after_accepting():
    return Answer(body=said(0, "OK"), cut="middle", accept=True, name="accepted, then reset")


def refuse_ids(ids, with_index):
    """40002 for the whole request while one of @ids is in it; accepted otherwise."""
    ids = set(ids)

    def answer(request):
        for index, name in enumerate(request.ids):
            if name in ids:
                if with_index:
                    return Answer(body=said(40002, f"Batch.{index}.properties.contents.0.content_id: Not a valid string"),
                                  name="40002 index")
                return Answer(body=said(40002, "Invalid value for content_id: not a valid string."), name="40002")
        return None

    return answer


def partial(ids):
    """20001: those ids failed, the others are kept."""
    ids = set(ids)

    def answer(request):
        failed = [{"index": i, "event_id": n, "code": 40002, "message": "invalid content_id"}
                  for i, n in enumerate(request.ids) if n in ids]
        if not failed:
            return None
        return Answer(body=said(20001, "Partial success", {"failed_events": failed}),
                      accept=[n for n in request.ids if n not in ids], name="20001")

    return answer


@dataclasses.dataclass
class Rule:
    answer: object  # an Answer, or a function of the request that gives one or None
    event: str = None
    ids: frozenset = None
    times: int = None  # None: until it is removed

    def applies(self, request):
        if self.times == 0:
            return False
        if self.event is not None and request.type != self.event:
            return False
        return self.ids is None or any(n in self.ids for n in request.ids)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        fake = self.server.fake
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            body = json.loads(raw)
        except ValueError:
            body = None
        request = Request(time.monotonic(), self.headers.get("Access-Token", ""), dict(self.headers),
                          body if isinstance(body, dict) else {}, len(raw))
        with fake.lock:
            fake.seen += 1
        answer = fake.decide(self.path, request, body)
        if answer.wait:
            fake.stopping.wait(answer.wait)
        fake.record(request, answer)
        self.give(answer)

    def do_GET(self):
        self.give(Answer(body=said(40400, "no such path")))

    def give(self, answer):
        if answer.cut in ("silent", "reset"):
            self.tear()
            return
        payload = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
        payload = payload.encode()
        if answer.cut == "middle":
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
            self.wfile.write(head.encode() + payload[:12])
            self.wfile.flush()
            self.tear()
            return
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(payload)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)
        except OSError:
            self.close_connection = True

    def tear(self):
        self.close_connection = True
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # a client that went away is part of the tests


class FakeTikTok:
    def __init__(self):
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.stopping = threading.Event()
        self.tokens = {TOKEN}
        self.rules = []
        self.seen = 0  # requests that came, answered or not
        self.requests = []  # requests that were answered, or broken on purpose
        self.accepted = collections.Counter()
        self.accepted_at = []
        self.items = {}
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.fake = self
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    # The script

    def on(self, answer, event=None, ids=None, times=None):
        rule = Rule(answer, event, frozenset(ids) if ids is not None else None, times)
        with self.lock:
            self.rules.append(rule)
        return rule

    def off(self, rule):
        with self.lock:
            self.rules.remove(rule)

    def heal(self):
        with self.lock:
            self.rules.clear()

    def decide(self, path, request, body):
        if path != PATH:
            return code(40400, "unknown path")
        with self.lock:
            rules = list(self.rules)
        for rule in rules:
            with self.lock:
                if not rule.applies(request):
                    continue
                answer = rule.answer(request) if callable(rule.answer) else rule.answer
                if answer is None:
                    continue
                if rule.times is not None:
                    rule.times -= 1
                return answer
        return self.judge(request, body) or ok()

    def judge(self, request, body):
        """The checks of the service, in its order. None when there is nothing to refuse."""
        if not request.token:
            return code(40104, "Access token is empty")
        if request.token not in self.tokens:
            return code(40105, "Access token is incorrect or has been revoked.")
        if not isinstance(body, dict):
            return code(40002, "Invalid JSON")
        if body.get("event_source") not in ("web", "app", "offline", "crm"):
            return code(40002, "Invalid value for event_source: must be web, app or offline.")
        if not isinstance(body.get("event_source_id"), str) or not body["event_source_id"]:
            return code(40002, "Invalid value for event_source_id: not a valid string.")
        data = body.get("data")
        if not isinstance(data, list) or not 1 <= len(data) <= 1000:
            return code(40002, "Invalid value for data: length must be between 1 and 1000.")
        for item in data:
            field = wrong_field(item)
            if field:
                return code(40002, f"Invalid value for {field}: not a valid string.")
        return None

    # The account

    def record(self, request, answer):
        with self.changed:
            request.answer = answer.name
            request.accepted = answer.accept is True
            self.requests.append(request)
            names = request.ids if answer.accept is True else list(answer.accept)
            self.accepted.update(names)
            self.accepted_at += [(request.at, n) for n in names]
            kept = set(names)
            for item in request.events:
                if item.get("event_id") in kept:
                    self.items[item["event_id"]] = item
            self.changed.notify_all()

    def wait_accepted(self, ids, timeout=60):
        ids = set(ids)
        with self.changed:
            done = self.changed.wait_for(lambda: ids <= self.accepted.keys(), timeout)
            missing = ids - self.accepted.keys()
        assert done, f"{len(missing)} of {len(ids)} not accepted within {timeout} s, such as {sorted(missing)[:3]}"

    def wait_requests(self, count, timeout=30, answer=None):
        def enough():
            return sum(answer is None or r.answer == answer for r in self.requests) >= count

        with self.changed:
            done = self.changed.wait_for(enough, timeout)
        assert done, f"not {count} requests ({answer or 'any'}) within {timeout} s but {len(self.requests)}"

    def duplicates(self):
        with self.lock:
            return {n: c for n, c in self.accepted.items() if c > 1}


def wrong_field(item):
    """The first member of one item that the service refuses."""
    if not isinstance(item, dict) or not isinstance(item.get("event"), str) or not item["event"]:
        return "event"
    if not isinstance(item.get("event_time"), int) or isinstance(item.get("event_time"), bool):
        return "event_time"
    if not 10**9 <= item["event_time"] < 10**10:
        return "event_time"  # the service reads seconds; this refuses milliseconds
    if "event_id" in item and not isinstance(item["event_id"], str):
        return "event_id"
    if has_null(item):
        return "null member"
    properties = item.get("properties", {})
    for name in ("order_id", "shop_id"):
        if name in properties and not isinstance(properties[name], str):
            return name
    if "value" in properties and not is_number(properties["value"]):
        return "value"
    for content in properties.get("contents", []):
        if "content_id" in content and not isinstance(content["content_id"], str):
            return "content_id"
        if "price" in content and not is_number(content["price"]):
            return "price"
    user = item.get("user", {})
    for name in HASHED:
        values = user.get(name, [])
        for value in values if isinstance(values, list) else [values]:
            if not isinstance(value, str) or not SHA256.fullmatch(value):
                return name  # the service swallows these; a sender must not send them
    return None


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def has_null(value):
    """Whether a null or an empty text hides anywhere in it."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if one is None or one == "":
            return True
        waiting += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
    return False
