"""The fake TikTok under traffic and under attack: quick, with a door, TLS, and answers byte by byte.

What it checks and accepts is fake_tiktok's. It keeps no bodies but when each event arrived, and one
line for every request the moment it came, answered or not.
"""

import dataclasses
import socket
import struct
import threading
import time

import fake_tiktok
from fake_tiktok import Answer, FakeTikTok, Handler, Server
from services import free_port

RST = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close() resets


@dataclasses.dataclass
class Arrival:
    """One request when it came."""

    at: float
    type: str
    events: int
    token: str
    source_id: str
    answer: str


@dataclasses.dataclass
class Raw(Answer):
    """An answer as bytes: pieces are written in turn, a number among them is a pause in seconds."""

    pieces: tuple = ()
    end: str = "close"  # or "keep", "reset"


def raw(*pieces, end="close", accept=(), name="raw"):
    return Raw(pieces=pieces, end=end, accept=accept, name=name)


def with_body(body, *headers):
    """A correct 200 around @body."""
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class LeanHandler(Handler):
    """The same exchange without the standard library's header parser, which costs more than all the rest."""

    def setup(self):
        super().setup()
        with self.server.fake.lock:
            self.server.fake.connections.add(self.connection)

    def finish(self):
        with self.server.fake.lock:
            self.server.fake.connections.discard(self.connection)
        try:
            super().finish()
        except OSError:
            pass

    def handle_one_request(self):
        line = self.rfile.readline(65537).split()
        if len(line) != 3:
            self.close_connection = True
            return
        method, self.path = line[0].decode("latin-1"), line[1].decode("latin-1")
        self.headers = {}
        while line := self.rfile.readline(65537).strip():
            name, _, value = line.decode("latin-1").partition(":")
            self.headers[name] = value.strip()
        self.close_connection = False
        self.do_POST() if method == "POST" else self.do_GET()

    def do_POST(self):
        if not self.server.fake.begin_answer():
            self.close_connection = True
            return
        try:
            super().do_POST()
        finally:
            self.server.fake.end_answer()

    def give(self, answer):
        if isinstance(answer, Raw):
            self.give_raw(answer)
        elif answer.cut or answer.status != 200 or answer.headers:
            super().give(answer)
        else:
            payload = answer.body if isinstance(answer.body, str) else fake_tiktok.json.dumps(answer.body)
            try:
                self.wfile.write(with_body(payload.encode()))
            except OSError:
                self.close_connection = True

    # send_response() of the standard library asks for these.
    request_version = "HTTP/1.1"
    requestline = "POST"

    def give_raw(self, answer):
        try:
            for piece in answer.pieces:
                if isinstance(piece, (int, float)):
                    if self.server.fake.stopping.wait(piece):
                        break
                else:
                    self.wfile.write(piece)
                    self.wfile.flush()
        except OSError:  # it had enough
            self.close_connection = True
            return
        if answer.end == "reset":
            self.tear()
        self.close_connection = answer.end != "keep"


class DoorServer(Server):
    """A server whose door may be shut: what connects is reset before a byte is read."""

    def process_request(self, request, client_address):
        if self.fake.is_shut:
            request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
            request.close()
        else:
            super().process_request(request, client_address)


class StageTikTok(FakeTikTok):
    def __init__(self, tls=None, host="127.0.0.1", port=None):
        super().__init__()
        self.tls = tls  # an ssl.SSLContext
        self.host = host
        self.is_shut = False
        self.is_cutting = False
        self.answering = 0
        self.connections = set()
        self.arrivals = []
        self.arrived = {}  # event id: when it was first accepted
        self.close_listener()
        self.port = port or free_port()  # it is let go and taken again: none that another may be given meanwhile
        self.listen()
        self.url = f"https://localhost:{self.port}" if tls else f"http://127.0.0.1:{self.port}"

    def close_listener(self):
        self.server.shutdown()
        self.server.server_close()

    def begin_answer(self):
        with self.lock:
            self.answering += not self.is_cutting
            return not self.is_cutting

    def end_answer(self):
        with self.changed:
            self.answering -= 1
            self.changed.notify_all()

    def listen(self):
        self.is_cutting = False
        server = DoorServer((self.host, self.port), LeanHandler, bind_and_activate=False)
        server.fake = self
        server.server_bind()
        if self.tls:
            server.socket = self.tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.server_activate()
        self.server = server
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def drop_connections(self):
        """What has been taken is answered first, or it would be accepted and the sender never know."""
        with self.changed:
            self.is_cutting = True
            self.changed.wait_for(lambda: self.answering == 0, 2)
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def refuse(self):
        """Nobody listens any more, and what was connected is cut off."""
        self.close_listener()
        self.drop_connections()

    def shut_door(self):
        self.is_shut = True
        self.drop_connections()

    def open_door(self):
        self.is_shut = False
        self.is_cutting = False

    def decide(self, path, request, body):
        answer = super().decide(path, request, body)
        arrival = Arrival(request.at, request.type, len(request.events), request.token,
                          request.body.get("event_source_id"), answer.name)
        with self.lock:
            self.arrivals.append(arrival)
        return answer

    def record(self, request, answer):
        names = request.ids if answer.accept is True else list(answer.accept)
        with self.changed:
            self.accepted.update(names)
            for name in names:
                self.arrived.setdefault(name, request.at)
            self.changed.notify_all()

    def requests_between(self, begin, end, event=None):
        with self.lock:
            return sum(begin <= a.at < end and (event is None or a.type == event) for a in self.arrivals)


def now():
    return time.monotonic()
