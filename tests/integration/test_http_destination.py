"""Destinations of type http, against nginx: bodies, formats, credentials, mTLS, verdicts."""

import collections
import hashlib
import hmac
import http.server
import json
import re
import shutil
import threading
import time

import pytest

import events
import fake_tiktok
from nginx import Nginx, body_of, client_identity, passwords, text_of
from services import wait_for
from world import Record

COLLECT = "location / { COLLECT; }"


@pytest.fixture
def collector(tmp_path):
    """Start an nginx with these locations; all of them are stopped when the test ends."""
    started = []

    def start(locations=COLLECT, tls=None):
        started.append(Nginx(tmp_path / f"nginx{len(started)}", locations, tls).start())
        return started[-1]

    yield start
    for server in started:
        server.stop()


def secret_file(world, name, text):
    path = world.directory / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return {"file": name}


def with_hook(world, url, routes=None, **options):
    """Everything goes to `hook` and, when that fails, to the UTM topic."""
    hook = {
        "type": "http",
        "url": url,
        "retry": {"attempts": 3, "backoff": "50ms..200ms", "deadline": "20s"},
        "throttle": {"wait": "60s", "then": "wait"},
        "timeout": {"connect": "2s", "first_byte": "3s", "total": "4s"},
    }
    hook.update(options)
    return world.config(destinations={"hook": hook, "tiktok": ...},
                        routes=routes or [{"name": "all", "match": {}, "legs": [["hook", "utm"]]}])


def ids_of(requests):
    """How often each event came; bodies are JSON, a JSON array, or lines."""
    found = collections.Counter()
    for request in requests:
        text = text_of(request)
        if request["http_content_type"] == "application/x-ndjson":
            assert text.endswith(b"\n")
            items = [json.loads(line) for line in text.splitlines()]
        else:
            items = json.loads(text)
            items = items if isinstance(items, list) else [items]
        found.update(item.get("event_id") or item["id"] for item in items)
    return found


def each_once(records):
    return {r.id: 1 for r in records}


def test_a_template_makes_the_body_and_basic_auth_is_taken(world, collector, tmp_path):
    world.create_all()
    passwords(tmp_path / "users", shop="open: sesame")
    nginx = collector(f"auth_basic collector; auth_basic_user_file {tmp_path}/users;\n" + COLLECT)
    records = world.produce(world.conversions(60))
    config = with_hook(
        world, nginx.url + "/in?source=kafka", method="PUT",
        auth={"basic": {"username": "shop", "password": secret_file(world, "password", "open: sesame")}},
        headers={"X-Tenant": secret_file(world, "tenant", "tenant-7f2e"), "Content-Type": "application/vnd.shop+json"},
        body={
            "id": "event_id",
            "what": "event",
            "mail": "user.email",
            "zip": "user.zip_code",
            "campaign": "page.url?utm_content",
            "source": {"value": "shop"},
            "order": {"total": "properties.value", "unit": "properties.currency", "empty": {"shop": "properties.shop_id"}},
            "lines": {"each": "properties.products", "fields": {"sku": "sku", "n": "quantity", "brand": "brand"}},
        })
    world.detour(config).start()
    world.wait_settled()
    requests = nginx.requests()
    assert len(requests) == len(records)
    for request in requests:
        assert request["status"] == "200" and request["request_method"] == "PUT"
        assert request["remote_user"] == "shop" and request["http_x_tenant"] == "tenant-7f2e"
        assert request["http_content_type"] == "application/vnd.shop+json"
        assert request["http_user_agent"].startswith("detour/")
    want = {}
    for value in events.conversions(60, f"{world.name}-e"):
        want[value["event_id"]] = {
            "id": value["event_id"], "what": value["event"], "mail": value["user"]["email"], "campaign": "blue shoe",
            "source": "shop", "order": {"total": 49.5, "unit": "EUR"}, "lines": [{"sku": "SKU-1", "n": 2}]}
    bodies = [json.loads(body_of(r)) for r in requests]
    assert {b["id"]: b for b in bodies} == want
    assert list(bodies[0]) == list(want[bodies[0]["id"]]), "members stand in the order of the file"
    assert not world.notes("utm") and not world.notes("dead")


@pytest.mark.parametrize("layout, is_packed", [("ndjson", True), ("ndjson", False), ("array", True), ("array", False)])
def test_whole_events_go_in_batches_signed_and_compressed(world, collector, layout, is_packed):
    world.create_all()
    nginx = collector()
    key = "whsec-5d41402abc4b"
    records = world.produce(world.conversions(500))
    config = with_hook(world, nginx.url, format=layout, gzip=is_packed, batch={"events": 50, "linger": "200ms"},
                       auth={"hmac": {"secret": secret_file(world, "hmac", key)}})
    began = time.time()
    world.detour(config).start()
    world.wait_settled()
    requests = nginx.accepted()
    assert len(requests) == len(nginx.requests()) < len(records) / 5
    assert ids_of(requests) == each_once(records)
    for request in requests:
        assert request["http_content_encoding"] == ("gzip" if is_packed else "")
        assert began - 5 <= int(request["http_x_timestamp"]) <= time.time() + 1
        signed = request["http_x_timestamp"].encode() + b"." + body_of(request)
        assert request["http_x_signature"] == "sha256=" + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
    if is_packed:
        assert sum(int(r["content_length"]) for r in requests) < sum(len(text_of(r)) for r in requests) / 3
    text = text_of(requests[0])
    first = json.loads(text.splitlines()[0]) if layout == "ndjson" else json.loads(text)[0]
    want = {v["event_id"]: v for v in events.conversions(500, f"{world.name}-e")}[first["event_id"]]
    assert {**first, "timestamp": 0}.keys() == {**want, "timestamp": 0}.keys()
    assert first["properties"]["products"][0] == dict(want["properties"]["products"][0], category=None, brand=None)
    assert first["user"]["email"] == want["user"]["email"] and first["consent"] == {"ads": True}


def test_a_client_certificate_is_shown(world, collector, authority, tmp_path):
    world.create_all()
    nginx = collector(tls=authority)
    certificate, key = client_identity(tmp_path, authority, "detour-client")
    records = world.produce(world.conversions(40))
    tls = {"ca_file": str(authority.ca), "certificate": str(certificate), "key": str(key)}
    world.detour(with_hook(world, nginx.url, tls=tls)).start()
    world.wait_settled()
    assert ids_of(nginx.accepted()) == each_once(records)
    assert {r["ssl_client_s_dn"] for r in nginx.requests()} == {"CN=detour-client"}


def test_a_server_of_another_authority_gets_nothing(world, collector, authority, tmp_path):
    """Verified always: the events take the alternate way and no request is ever made."""
    world.create_all()
    nginx = collector(tls=authority)
    certificate, key = client_identity(tmp_path, authority, "detour-client")
    records = world.produce(world.conversions(20))
    config = with_hook(world, nginx.url, tls={"certificate": str(certificate), "key": str(key)})
    world.detour(config).start()
    world.wait_settled()
    assert nginx.requests() == []
    for record in records:
        record.want = "utm"
    world.settle_account(records)


def test_a_refused_password_holds_until_the_file_changes(world, collector, tmp_path):
    world.create_all()
    passwords(tmp_path / "users", shop="new-password")
    nginx = collector(f"auth_basic collector; auth_basic_user_file {tmp_path}/users;\n" + COLLECT)
    records = world.produce(world.conversions(200))
    password = secret_file(world, "password", "old-password")
    config = with_hook(world, nginx.url, auth={"basic": {"username": "shop", "password": password}})
    run = world.detour(config).start()
    run.wait_log("destination.held")
    time.sleep(2)
    refused = len(nginx.requests())
    assert refused <= 8, f"{refused} requests with a refused password"
    assert "old-password" not in run.log and "c2hvcDpvbGQ" not in run.log
    secret_file(world, "password", "new-password")
    world.wait_settled()
    assert ids_of(nginx.accepted()) == each_once(records)
    assert not world.notes("dead") and not world.notes("utm")


THROTTLES = """
location / {
    if (-f FLAGS/throttle) { add_header Retry-After 2 always; return STATUS; }
    COLLECT;
}"""


@pytest.mark.parametrize("status", [429, 503])
def test_throttling_slows_and_loses_nothing(world, collector, status):
    world.create_all()
    nginx = collector(THROTTLES.replace("STATUS", str(status)))
    nginx.flag("throttle", True)
    records = world.produce(world.conversions(120))
    run = world.detour(with_hook(world, nginx.url, format="array", batch={"events": 40})).start()
    run.wait_log("destination.throttled")
    time.sleep(4)
    asked = len(nginx.requests())
    assert 1 <= asked <= 10, f"{asked} requests to a destination that asked for less"
    nginx.flag("throttle", False)
    world.wait_settled()
    assert ids_of(nginx.accepted()) == each_once(records)
    assert not world.notes("dead") and not world.notes("utm"), "nothing was diverted for a throttle"


SAYS = """
location / {
    if (-f FLAGS/quota) { return 200 '{"ok":false,"error":{"code":"quota"}}'; }
    if (-f FLAGS/strange) { return 200 '{"ok":false}'; }
    if (-f FLAGS/text) { return 200 'thank you'; }
    if (-f FLAGS/moved) { return 302 http://127.0.0.1:1/; }
    COLLECT;
}"""
VERDICTS = [
    {"status": "2xx", "json": {"/ok": True}, "is": "delivered"},
    {"status": "2xx", "json": {"/error/code": ["quota", "busy"]}, "is": "throttled"},
]


def test_json_says_delivered_and_throttled(world, collector):
    world.create_all()
    nginx = collector(SAYS)
    nginx.flag("quota", True)
    records = world.produce(world.conversions(12))
    run = world.detour(with_hook(world, nginx.url, verdicts=VERDICTS)).start()
    run.wait_log("destination.throttled")
    assert not world.committed() or sum(world.committed().values()) == 0, "an answer with 200 is not yet delivered"
    refused = len(nginx.requests())
    nginx.flag("quota", False)
    world.wait_settled()
    taken = [r for r in nginx.accepted() if r["request_body_file"]]
    assert ids_of(taken) == each_once(records) and refused >= 1
    assert not world.notes("dead") and not world.notes("utm")


@pytest.mark.parametrize("flag, status, reason", [("strange", 200, "unknown_verdict"), ("text", 200, "unknown_verdict"),
                                                  ("moved", 302, "retries_exhausted")])
def test_what_nobody_has_a_rule_for_is_never_delivered(world, collector, flag, status, reason):
    """With an alternate or without: after its attempts the event is a dead letter that says so."""
    world.create_all()
    nginx = collector(SAYS)
    nginx.flag(flag, True)
    records = world.produce(world.conversions(4))
    config = with_hook(world, nginx.url, verdicts=VERDICTS,
                       routes=[{"name": "all", "match": {}, "legs": [["hook"]]}])
    world.detour(config).start()
    world.wait_settled()
    dead = world.notes("dead")
    assert {n.place for n in dead} == {r.place for r in records}
    for note in dead:
        assert note.reason in (reason, "outage")
        if note.reason == reason:
            assert note.detour["http.status"] == str(status) and note.detour["destination"] == "hook"
            assert note.detour["outcome"] == "ambiguous"
    assert any(n.reason == reason for n in dead)


def test_a_body_too_large_is_halved_until_it_fits(world, collector):
    """nginx answers 413: the batch parts, and only what is too large by itself is a dead letter."""
    world.create_all()
    nginx = collector("client_max_body_size 4k;\n" + COLLECT)
    records = world.conversions(64)
    encode = events.Encoder(events.CONVERSION)
    value = events.conversion(f"{world.name}-big", event="Purchase")
    value["properties"]["description"] = "x" * 6000
    big = Record(events.confluent(1, encode(value)), id=value["event_id"])
    world.produce(records[:30] + [big] + records[30:])
    config = with_hook(world, nginx.url, format="array", batch={"events": 32, "linger": "300ms"})
    world.detour(config).start()
    world.wait_settled()
    assert ids_of(nginx.accepted()) == each_once(records)
    assert any(r["status"] == "413" for r in nginx.requests())
    assert [(n.place, n.reason) for n in world.notes("dead")] == [(big.place, "too_large")]
    assert world.notes("dead")[0].detour["http.status"] == "413"


def test_a_rejected_event_goes_alone(world, collector):
    """422 without a word about whom: halves, until the culprit is alone."""
    world.create_all()
    bad = f"{world.name}-e-00017"
    seen = []

    class Strict(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            ids = [item["event_id"] for item in json.loads(body)]
            status = 422 if bad in ids else 200
            seen.append((status, ids))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *ignored):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Strict)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        records = world.produce(world.conversions(100))
        config = with_hook(world, f"http://127.0.0.1:{server.server_port}", format="array",
                           batch={"events": 50, "linger": "200ms"})
        world.detour(config).start()
        world.wait_settled()
    finally:
        server.shutdown()
        server.server_close()
    taken = collections.Counter(i for status, ids in seen if status == 200 for i in ids)
    assert taken == each_once([r for r in records if r.id != bad])
    dead = world.notes("dead")
    assert [(n.reason, n.detour["event.id"], n.detour["http.status"]) for n in dead] == [("rejected", bad, "422")]


def test_a_file_of_our_own_that_is_gone_is_no_outage(world, collector, authority, tmp_path):
    """Events wait, the log names the file, and when it is back they go; the destination is not blamed."""
    world.create_all()
    nginx = collector(tls=authority)
    trusted = tmp_path / "ca.pem"
    shutil.copy(authority.ca, trusted)
    certificate, key = client_identity(tmp_path, authority, "detour-client")
    own = {"ca_file": str(trusted), "certificate": str(certificate), "key": str(key)}
    run = world.detour(with_hook(world, nginx.url, tls=own)).start().wait_ready()
    away = trusted.rename(tmp_path / "away.pem")
    records = world.produce(world.conversions(60))
    run.wait_log("request.local.*ca.pem")
    time.sleep(3)
    assert not world.notes("utm") and "health.transition" not in run.log
    assert not any(world.committed().values())
    away.rename(trusted)
    world.wait_settled(30)
    assert ids_of(nginx.requests()) == each_once(records)
    assert not world.notes("utm") and not world.notes("dead") and "health.transition" not in run.log


def test_an_event_that_a_firewall_refuses_holds_up_nobody(world):
    """403 for one event and yes for the others is no refused credential: it goes on alone, the others as ever."""
    world.create_all()
    records = world.conversions(60)
    bad = records[7]
    bad.want = "credential"
    taken = []

    class Firewall(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            name = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["event_id"]
            taken.append(name)
            self.send_response(403 if name == bad.id else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *ignored):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Firewall)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        world.produce(records)
        url = f"http://127.0.0.1:{server.server_port}"
        world.detour(with_hook(world, url, routes=[{"name": "all", "match": {}, "legs": [["hook"]]}])).start()
        for part in range(16):  # while it is refused others pass: without them nobody could tell it from a credential
            records += world.produce(world.conversions(3, f"p{part}"))
            time.sleep(0.5)
        world.wait_settled(30)
    finally:
        server.shutdown()
        server.server_close()
    good = collections.Counter(taken)
    assert 2 <= good.pop(bad.id) <= 6
    assert good == {r.id: 1 for r in records if r is not bad}
    (note,) = world.notes("dead")
    assert note.place == bad.place and note.reason == "credential" and note.detour["http.status"] == "403"


def test_a_diverted_event_names_the_outage_of_its_first_destination(world):
    """The second of the chain is dark as well, and has an outage of its own."""
    world.create_all()
    world.tiktok.on(fake_tiktok.code(50000))
    hook = {"type": "http", "url": "http://127.0.0.1:9/", "retry": {"attempts": 2, "backoff": "10ms..20ms", "deadline": "5s"}}
    run = world.detour(world.config(destinations={"hook": hook}, routes=[
        {"name": "all", "match": {}, "legs": [["tiktok", "hook", "utm"]]}])).start()
    for part in range(8):
        world.produce(world.conversions(40, f"r{part}"))
        time.sleep(1)
    world.wait_settled()
    outages = dict(re.findall(r'health.transition destination=(?:")?([\w-]+)(?:")? event="" .*?outage="([^"]+)"', run.log))
    assert set(outages) == {"tiktok", "hook"}
    found = {(n.reason, n.detour.get("outage")) for n in world.notes("utm")}
    assert ("outage", outages["tiktok"]) in found
    assert found <= {("outage", outages["tiktok"]), ("retries_exhausted", None)}, found


def test_an_outage_takes_the_alternate_way(world, collector):
    """The server is gone: never sent, so the alternate is the only place that has them."""
    world.create_all()
    nginx = collector()
    first = world.produce(world.conversions(50, "a"))
    run = world.detour(with_hook(world, nginx.url)).start()
    wait_for(lambda: len(nginx.accepted()) == 50, 30, lambda: f"{len(nginx.accepted())} of 50 came")
    world.wait_settled()
    nginx.stop()
    second = world.produce(world.conversions(100, "b"))
    world.wait_settled()
    assert ids_of(nginx.accepted()) == each_once(first)
    notes = world.notes("utm")
    assert sorted(n.place for n in notes) == sorted(r.place for r in second)
    assert {n.detour["outcome"] for n in notes} == {"never_sent"}
    assert run.metric("detour_diverted_total", destination="hook", alternate="utm") == len(second)


def test_check_says_what_is_wrong_with_its_place(world):
    run = world.detour(with_hook(world, "https://collector.example/in", body={"id": "evnt_id"}, verdicts=[
        {"status": "2xx", "json": {"ok": True}, "is": "delivered"}, {"status": "200..", "is": "retry"}]))
    done = run.check()
    assert done.returncode == 1
    for part in ("did you mean event_id?", "a JSON pointer begins with a slash: /ok", "a range such as 500..599"):
        assert part in done.stdout + done.stderr
