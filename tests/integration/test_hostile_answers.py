"""A destination that answers anything at all: never taken for yes, never in the way of another, never in memory.

One process has every hostile destination at once, each the primary of a leg of its own with the alternate behind
it, and a healthy one. Every event goes to all of them. What each sent or did stands in CASES beside what has to
become of the events.
"""

import collections
import gzip
import socket
import ssl
import subprocess
import threading
import time
import warnings

import pytest

import fake_tiktok
import scenes
from services import wait_for
from stage import Tail, Traffic, plays, rss
from stage_tiktok import StageTikTok, now, raw, with_body

MIB = 2**20
EVENTS = 24
OK = b'{"code": 0, "message": "OK", "data": {}}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def drip(data, pause):
    out = []
    for byte in data:
        out += [bytes([byte]), pause]
    return out


def redirect(status, target):
    return raw(f"HTTP/1.1 {status} Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode(), end="keep")


def said(body, **more):
    return raw(with_body(body), end="keep", **more)


# What is answered; where its events go: the alternate ("utm", never taken for yes), or "tiktok".
BODIES = {
    "empty": said(b""),
    "no body at all": raw(HEAD + b"\r\n"),
    "204": raw(b"HTTP/1.1 204 No Content\r\n\r\n", end="keep"),
    "blank": said(b"   \r\n  "),
    "truncated": said(OK[:20]),
    "shorter than it says": raw(HEAD + b"Content-Length: 500\r\n\r\n" + OK),
    "html": said(b"<html><body>OK code: 0</body></html>"),
    "text": said(b"OK"),
    "code as text": said(b'{"code": "0"}'),
    "code as fraction": said(b'{"code": 0.0}'),
    "code as exponent": said(b'{"code": 0e0}'),
    "code as truth": said(b'{"code": false}'),
    "code null": said(b'{"code": null}'),
    "code in a list": said(b'[{"code": 0}]'),
    "code inside": said(b'{"data": {"code": 0}}'),
    "code twice": said(b'{"code": 50000, "code": 0}'),
    "Code": said(b'{"Code": 0}'),
    "NaN": said(b'{"code": NaN}'),
    "NaN beside": said(b'{"code": 0, "data": NaN}'),
    "infinite": said(b'{"code": 0, "data": 1e99999}'),
    "bytes behind": said(OK + b"}"),
    "not UTF-8": said(b'{"code": 0, "message": "\xff\xfe"}'),
    "a NUL inside": said(b'{"code": 0, "message": "\0"}'),
    "deep": said(b"[" * 60_000),
    "deep behind a zero": said(b'{"code": 0, "data": ' + b"[" * 30_000 + b"]" * 30_000 + b"}"),
    "deeper than the bound": said(b"[" * 100_000),
    "100 MB": raw(HEAD + b"Content-Length: 104857600\r\n\r\n", b'{"code": 0, "pad": "', *[b"a" * 1_048_576] * 99),
    "endless chunks": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"10000\r\n" + b" " * 65536 + b"\r\n"] * 200),
    "gzip bomb": raw(HEAD + b"Content-Encoding: gzip\r\n", b"Content-Length: %d\r\n\r\n", end="close"),
    "bad chunk size": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n" + OK + b"\r\n0\r\n\r\n"),
    "two lengths that differ": raw(HEAD + b"Content-Length: 118\r\nContent-Length: 40\r\n\r\n" + OK),
    "two lengths in a line": raw(HEAD + b"Content-Length: 40, 118\r\n\r\n" + OK),
    "a length of 2^63": raw(HEAD + b"Content-Length: 9223372036854775808\r\n\r\n" + OK),
    "a length beside chunks": raw(HEAD + b"Content-Length: 40\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n" + OK + b"\r\n0\r\n\r\n"),
    "huge chunk size": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n" + OK),
    "chunks cut off": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"cod"),
    "1 MB header": raw(b"HTTP/1.1 200 OK\r\nX-Pad: " + b"a" * MIB + b"\r\nContent-Length: 41\r\n\r\n" + OK),
    "10,000 headers": raw(HEAD + b"X-A: b\r\n" * 10_000 + b"Content-Length: 41\r\n\r\n" + OK),
    "two lengths": raw(HEAD + b"Content-Length: 41\r\nContent-Length: 5\r\n\r\n" + OK),
    "negative length": raw(HEAD + b"Content-Length: -5\r\n\r\n" + OK),
    "no status line": raw(OK),
    "status of 99999": raw(b"HTTP/1.1 99999 OK\r\nContent-Length: 41\r\n\r\n" + OK),
    "another protocol": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "302 to the cloud's metadata": redirect(302, "http://169.254.169.254/latest/meta-data/"),
    "301 to a file": redirect(301, "file:///etc/passwd"),
    "307 to another server": redirect(307, "http://127.0.0.1:%d/trap"),
    "reset in the middle": raw(HEAD + b"Content-Length: 41\r\n\r\n" + OK[:10], end="reset"),
    "reset without a word": raw(end="reset"),
    "closed without a word": raw(),
    "silent": fake_tiktok.hang(30),
    "a header a byte at a time": raw(*drip(HEAD + b"Content-Length: 41\r\n\r\n" + OK, 0.2)),
    "a body a byte at a time": raw(HEAD + b"Content-Length: 41\r\n\r\n", *drip(OK, 0.2)),
    "endless interim answers": raw(*[b"HTTP/1.1 100 Continue\r\n\r\n" * 1000] * 200),
}
# These are a yes, however they end.
YES = {
    "reset after the body": raw(with_body(OK), end="reset", accept=True),
    "closed after the body": raw(with_body(OK), accept=True),
    "without a length": raw(HEAD + b"\r\n" + OK, accept=True),
    "in good chunks": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(OK) + OK + b"\r\n0\r\n\r\n", accept=True),
    "an interim answer first": raw(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + with_body(OK), accept=True),
}
# Where not even a request may be written.
TLS = ("expired", "wrong host", "unknown authority", "TLS 1.1", "handshake that hangs", "no TLS at all")



def slug(name):
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-")


class Hostile(StageTikTok):
    """Each path is a destination of its own with one answer for everything."""

    def __init__(self, answers):
        self.by_path = {"/" + slug(name): answer for name, answer in answers.items()}
        self.by_case = collections.defaultdict(collections.Counter)
        self.trapped = 0
        super().__init__()

    def decide(self, path, request, body):
        if path == "/trap":
            self.trapped += 1
            return fake_tiktok.ok()
        return self.by_path.get(path) or super().decide(path, request, body)

    def record(self, request, answer):
        case = next((p for p, a in self.by_path.items() if a is answer), None)
        if case is None:
            super().record(request, answer)
        elif answer.accept is True:
            with self.lock:
                self.by_case[case[1:]].update(request.ids)


class Tap(threading.Thread):
    """A relay in front of a TLS server that keeps the first bytes of every connection."""

    def __init__(self, target):
        super().__init__(daemon=True)
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.first = []
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.relay, args=(client,), daemon=True).start()

    def relay(self, client):
        try:
            client.settimeout(10)
            data = client.recv(65536)
            self.first.append(data)
            if self.target is None:  # the handshake hangs
                while client.recv(65536):
                    pass
                return
            server = socket.create_connection(("127.0.0.1", self.target), 5)
            server.sendall(data)
            back = threading.Thread(target=self.copy, args=(server, client), daemon=True)
            back.start()
            self.copy(client, server)
        except OSError:
            pass
        finally:
            client.close()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Certificates:
    """An authority, and server certificates of every kind."""

    def __init__(self, directory):
        self.directory = directory
        self.ca = directory / "ca.pem"
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=detour test CA",
                     "-keyout", directory / "ca.key", "-out", self.ca)
        (directory / "index.txt").write_text("")
        (directory / "serial").write_text("01\n")
        (directory / "ca.conf").write_text(f"""
[ca]
default_ca = own
[own]
database = {directory}/index.txt
serial = {directory}/serial
new_certs_dir = {directory}
default_md = sha256
unique_subject = no
policy = any
copy_extensions = copy
[any]
commonName = supplied
""")

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def context(self, name, host="localhost", until=None, is_old=False):
        key, request, certificate = (self.directory / f"{name}.{e}" for e in ("key", "csr", "pem"))
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}",
                     "-keyout", key, "-out", request)
        self.openssl("ca", "-batch", "-config", self.directory / "ca.conf", "-cert", self.ca, "-keyfile", self.directory / "ca.key",
                     "-in", request, "-out", certificate, "-notext", "-startdate", "20200101000000Z",
                     "-enddate", until or "20491231235959Z")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["h2", "http/1.1"])
        if is_old:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        return context


class Cast:
    """All the servers of the scene, and the destinations that point at them."""

    def __init__(self, directory):
        self.certificates = Certificates(directory)
        self.plain = Hostile({**BODIES, **YES})
        bomb = gzip.compress(b"\0" * 300_000_000, 1)
        self.bomb_bytes = len(bomb)
        self.plain.by_path["/gzip-bomb"].pieces = (HEAD, b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb), bomb)
        trap = self.plain.by_path["/307-to-another-server"]
        trap.pieces = tuple(p % self.plain.port for p in trap.pieces)
        self.shut = StageTikTok()
        self.shut.shut_door()
        self.refused = StageTikTok()
        self.refused.refuse()
        self.good_tls = StageTikTok(self.certificates.context("good"))
        self.tls = {
            "expired": StageTikTok(self.certificates.context("expired", until="20200601000000Z")),
            "wrong host": StageTikTok(self.certificates.context("wrong", host="other.example")),
            "unknown authority": StageTikTok(self.certificates.context("unknown")),
            "TLS 1.1": StageTikTok(self.certificates.context("old", is_old=True)),
            "no TLS at all": StageTikTok(),
        }
        self.taps = {name: Tap(server.port) for name, server in self.tls.items()}
        self.taps["handshake that hangs"] = Tap(None)

    def destinations(self):
        """Name of each destination: what is its own about it."""
        out = {slug(n): {"url": f"{self.plain.url}/{slug(n)}"} for n in {**BODIES, **YES}}
        for name, tap in self.taps.items():
            out[slug(name)] = {"url": f"https://localhost:{tap.port}", "ca_file": str(self.certificates.ca)}
        del out["unknown-authority"]["ca_file"]
        out["reset-before-a-word"] = {"url": self.shut.url}
        out["refused"] = {"url": self.refused.url}
        out["good-tls"] = {"url": self.good_tls.url, "ca_file": str(self.certificates.ca)}
        return out

    def stop(self):
        for server in (self.shut, self.good_tls, *self.tls.values()):
            server.stop()
        self.plain.stopping.set()
        self.refused.stopping.set()
        for tap in self.taps.values():
            tap.listener.close()


def all_at_once(stage):
    """Every hostile destination in one process, and a healthy one."""
    cast = Cast(stage.directory)
    try:
        return perform(stage, cast)
    finally:
        cast.stop()
        cast.plain.stop()


def perform(stage, cast):
    config = stage.config()
    usual = dict(config["destinations"]["tiktok"], allow_private=True,
                 timeout={"connect": "1s", "first_byte": "1s", "total": "2s"},
                 retry={"attempts": 2, "backoff": "10ms..20ms", "deadline": "20s"})
    legs = [["tiktok", "utm"]]
    for name, own in cast.destinations().items():
        config["destinations"][name] = dict(usual, **own)
        legs.append([name, "utm"])
    config["routes"] = [{"name": f"part-{at}", "match": {}, "continue": True, "legs": legs[at:at + 16]}
                        for at in range(0, len(legs), 16)]
    stage.create_all(stage.partitions)
    stage.tail = Tail(stage)
    stage.run = stage.detour(config).start().wait_ready()
    figures = scenes.Figures(begun=now())
    stage.traffic = Traffic(stage, 1000, types=("Purchase",), limit=EVENTS)
    wait_for(lambda: stage.traffic.acknowledged == EVENTS, 20, "produced")
    most = rss(stage.run.child.pid)
    deadline = now() + 60
    while now() < deadline and any(stage.committed().get(p, 0) < high for p, (_, high) in stage.ends(stage.topics["source"]).items()):
        stage.run.must_live()
        most = max(most, rss(stage.run.child.pid))
        time.sleep(0.1)
    stage.wait_settled(30)
    stage.tail.catch_up()
    figures.rss = most
    figures.more["healthy"] = [stage.tiktok.arrived.get(i, now()) - at for i, at in stage.traffic.sent.items()]
    figures.more["notes"] = {}
    for notes in stage.tail.by_id.values():
        for note in notes:
            figures.more["notes"].setdefault(note.leg, []).append(note)
    figures.more["accepted"] = {name: sum(c.values()) for name, c in cast.plain.by_case.items()}
    figures.more["accepted"]["good-tls"] = sum(cast.good_tls.accepted.values())
    figures.more["reached"] = {name: len(s.arrivals) for name, s in cast.tls.items()}
    figures.more["first bytes"] = {name: list(tap.first) for name, tap in cast.taps.items()}
    figures.more["trapped"] = cast.plain.trapped
    figures.more["bomb"] = cast.bomb_bytes
    figures.more["log"] = stage.run.log
    return figures


# A connection that dies as the request goes out

def dying_connections(stage):
    """Every seventh request is taken and its connection closed without a byte of answer."""
    count = [0]

    def answer(request):
        count[0] += 1
        return raw(accept=True, name="taken and gone") if count[0] % 7 == 0 else None

    stage.tiktok.on(answer)
    stage.play(100)
    stage.rest(10)
    stage.tiktok.heal()
    figures = scenes.Figures(begun=now())
    figures.account = stage.finish()
    figures.transitions = stage.transitions()
    figures.more["gone"] = sum(a.events for a in stage.tiktok.arrivals if a.answer == "taken and gone")
    return figures


def idle_connections(stage):
    """The server closes every connection after one answer, and says nothing of it beforehand."""
    stage.tiktok.on(raw(with_body(OK), accept=True, name="ok"))
    stage.play(100)
    stage.rest(8)
    figures = scenes.Figures(begun=now())
    figures.account = stage.finish()
    figures.transitions = stage.transitions()
    return figures


# A certificate that cannot be trusted, until it is replaced

def not_trusted(rate=100, dark=12):
    def play(stage):
        certificates = Certificates(stage.directory)
        certificates.context("good")
        stage.tiktok.stop()
        stage.tiktok = StageTikTok(certificates.context("expired", until="20200601000000Z"))
        stage.play(config=stage.config(destinations={"tiktok": {"ca_file": str(certificates.ca)}}))
        figures = scenes.Figures(begun=now())
        stage.traffic = Traffic(stage, rate)
        stage.rest(dark)
        figures.more["arrived"] = len(stage.tiktok.arrivals)
        figures.healed = now()
        stage.tiktok.tls.load_cert_chain(stage.directory / "good.pem", stage.directory / "good.key")
        figures.back_after = stage.wait_back(figures.healed)
        scenes.measure(stage, figures)
        figures.account = stage.finish()
        figures.more["outcomes"] = collections.Counter(d.outcome for d in stage.tail.seen)
        return figures

    return play


# An answer that comes a byte at a time

def a_byte_at_a_time(event=None, rate=100, dark=12):
    """@event: the type that is answered so; None: all."""
    def play(stage):
        timeout = {"connect": "1s", "first_byte": "1s", "total": "2s"}
        stage.play(rate, config=stage.config(destinations={"tiktok": {"timeout": timeout}}))
        stage.rest(scenes.WARM / 2)
        figures = scenes.Figures(begun=now())
        rule = stage.tiktok.on(raw(HEAD + b"Content-Length: 41\r\n\r\n", *drip(OK, 1)), event=event)
        stage.rest(dark)
        figures.healed = now()
        stage.tiktok.off(rule)
        figures.back_after = stage.wait_back(figures.healed)
        scenes.measure(stage, figures, event)
        figures.account = stage.finish()
        return figures

    return play


SCENES = {
    "all at once": (all_at_once, 0.7),
    "not trusted": (not_trusted(), 0.1),
    "byte at a time: one type": (a_byte_at_a_time("Purchase"), 0.1),
    "byte at a time: all": (a_byte_at_a_time(), 0.1),
    "dying connections": (dying_connections, 0.2),
    "idle connections": (idle_connections, 0.2),
}


def outcomes(figures, name):
    return collections.Counter((n.topic, n.reason, n.outcome) for n in figures.more["notes"].get(slug(name), []))


@plays("all at once")
@pytest.mark.parametrize("case", BODIES)
def test_it_is_never_taken_for_yes(figures, case):
    found = outcomes(figures, case)
    assert sum(found.values()) == EVENTS, found
    assert {topic for topic, _, _ in found} == {"utm"}, found
    assert {outcome for _, _, outcome in found} == {"ambiguous"}, found


@plays("all at once")
@pytest.mark.parametrize("case", YES)
def test_a_whole_answer_is_a_yes_however_the_connection_ends(figures, case):
    assert not outcomes(figures, case)
    assert figures.more["accepted"][slug(case)] == EVENTS


@plays("all at once")
@pytest.mark.parametrize("case", TLS)
def test_what_cannot_be_trusted_is_sent_nothing(figures, case):
    found = outcomes(figures, case)
    assert sum(found.values()) == EVENTS and {outcome for _, _, outcome in found} == {"never_sent"}, found
    assert figures.more["reached"].get(case, 0) == 0
    first = figures.more["first bytes"][case]
    assert first and all(data[:1] == b"\x16" for data in first), "every connection begins with a TLS handshake"
    assert not any(b"Access-Token" in data or fake_tiktok.TOKEN.encode() in data for data in first)


@plays("not trusted")
def test_what_cannot_be_trusted_is_an_outage_of_the_destination(figures):
    opened = [t for t in figures.transitions if t.state == "open"]
    assert {(t.event, t.scope) for t in opened} == {("", "global")}, figures.transitions
    assert figures.first_diverted is not None and figures.first_diverted <= 5
    assert figures.more["arrived"] == 0
    assert set(figures.more["outcomes"]) == {"never_sent"}, figures.more
    assert not figures.account.lost and not figures.account.both and not figures.account.dead, figures.account
    assert figures.back_after <= 45 and figures.transitions[-1].state == "closed"


def is_whole(figures, opened):
    """The destination opens. A good answer vetoes that for 3 s; a type that opens meanwhile is absorbed then."""
    whole = [t for t in opened if t.event == ""]
    assert whole and {t.scope for t in whole} == {"global"}, figures.transitions
    assert whole[0].at <= figures.begun + 12, figures.transitions
    types = [t for t in figures.transitions if t.event and t.state != "closed"]
    assert all(t.state == "open" and t.at <= whole[0].at for t in types), figures.transitions


@plays("byte at a time: one type", "byte at a time: all")
def test_an_answer_a_byte_at_a_time_is_an_outage_of_what_is_answered_so(request, figures):
    is_one = request.node.callspec.params["figures"].endswith("one type")
    opened = [t for t in figures.transitions if t.state == "open"]
    if is_one:
        assert {(t.event, t.scope) for t in opened} == {("Purchase", "partial")}, figures.transitions
    else:
        is_whole(figures, opened)
    assert figures.first_diverted is not None and figures.first_diverted <= 12
    assert not figures.account.lost and not figures.account.twice and not figures.account.dead, figures.account


@plays("all at once")
def test_refused_is_never_sent(figures):
    assert {outcome for _, _, outcome in outcomes(figures, "refused")} == {"never_sent"}


@plays("all at once")
def test_reset_before_a_word_goes_the_alternate_way(figures):
    found = outcomes(figures, "reset before a word")
    assert sum(found.values()) == EVENTS and {topic for topic, _, _ in found} == {"utm"}


@plays("all at once")
def test_a_certificate_that_fits_is_used_and_speaks_http_1(figures):
    """The server offers HTTP/2 first: it is not asked for, so none of its faults can be met."""
    assert figures.more["accepted"]["good-tls"] == EVENTS and not outcomes(figures, "good tls")


@plays("all at once")
def test_redirects_are_not_followed(figures):
    assert figures.more["trapped"] == 0


@plays("all at once")
def test_the_healthy_destination_notices_nothing(figures):
    assert len(figures.more["healthy"]) == EVENTS and max(figures.more["healthy"]) < 2


@plays("all at once")
def test_no_answer_costs_memory(figures):
    """100 MB, a bomb of 300 MB, endless chunks: 64 KiB of an answer are kept."""
    assert figures.more["bomb"] > 64 * 1024
    assert figures.rss <= 150 * MIB, f"{figures.rss / MIB:.0f} MiB"


@plays("dying connections")
def test_a_connection_that_dies_as_the_request_goes_out(figures):
    """The service may have taken it: it is sent again with the same ids, so every event is there."""
    account = figures.account
    assert not account.lost and not account.dead, account
    assert len(account.both) <= figures.more["gone"], account
    assert not figures.transitions


@plays("idle connections")
def test_a_server_that_closes_without_saying_so(figures):
    account = figures.account
    assert not account.lost and not account.diverted and not account.dead, account
    assert not account.both, "what was never taken was not taken twice"
    assert not figures.transitions
