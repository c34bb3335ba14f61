"""The schema registry: evolved writers, references, being down, and its definite no."""

import copy
import http.server
import json
import re
import threading
import time

import pytest

import events
from fake_registry import Answer, FakeRegistry, own_error, page
from services import Gate, wait_for
from world import Record


def evolved(world):
    """Two other versions of the writer: an older one without a field, a newer one with another and wider numbers."""
    older = copy.deepcopy(events.CONVERSION)
    older["fields"] = [f for f in older["fields"] if f["name"] not in ("context", "consent")]
    newer = copy.deepcopy(events.CONVERSION)
    newer["fields"].insert(1, {"name": "shop", "type": {"type": "enum", "name": "Shop", "symbols": ["EU", "US"]}})
    newer["fields"].append({"name": "extra", "type": ["null", {"type": "array", "items": "long"}], "default": None})
    return older, newer


@pytest.fixture
def gate(registry):
    gate = Gate(registry.port)
    yield gate
    gate.shut()


def through(world, gate, **more):
    return world.config(schemas=dict({"ids": ..., "registry": {
        "url": f"http://127.0.0.1:{gate.port}/apis/ccompat/v7", "timeout": "1s"}}, **more))


def test_evolved_writers_are_resolved(registry_world):
    world = registry_world
    world.create_all()
    older, newer = evolved(world)
    records = []
    for version, schema in (("v0", events.CONVERSION), ("v1", older), ("v2", newer)):
        number = world.register(f"{world.name}-{version}", schema)
        encode = events.Encoder(schema)
        for value in events.conversions(100, f"{world.name}-{version}"):
            value = dict(value, shop="US", extra=[1, 2]) if version == "v2" else value
            records.append(Record(events.confluent(number, encode(value)), id=value["event_id"]))
    world.produce(records)
    world.detour(world.config(schemas={"ids": ..., "registry": {"url": world.registry.url}})).start()
    world.wait_settled()
    world.settle_account(records)
    assert {i["properties"]["value"] for i in world.tiktok.items.values()} == {49.5}


def test_schemas_that_refer_to_others(registry_world):
    world = registry_world
    world.create_all()
    whole = copy.deepcopy(events.CONVERSION)
    user = next(f for f in whole["fields"] if f["name"] == "user")
    user_schema = dict(user["type"], namespace="com.example")
    user["type"] = "com.example.User"
    world.register(f"{world.name}-user", user_schema)
    number = world.register(f"{world.name}-event", whole, [("com.example.User", f"{world.name}-user", 1)])
    encode = events.Encoder(whole, named=[user_schema])
    records = [Record(events.confluent(number, encode(v)), id=v["event_id"])
               for v in events.conversions(100, world.name)]
    world.produce(records)
    world.detour(world.config(schemas={"ids": ..., "registry": {"url": world.registry.url}})).start()
    world.wait_settled()
    world.settle_account(records)


def test_a_writer_that_does_not_fit_is_a_dead_letter(registry_world):
    world = registry_world
    world.create_all()
    other = copy.deepcopy(events.CONVERSION)
    next(f for f in other["fields"] if f["name"] == "timestamp")["type"] = "boolean"
    number = world.register(f"{world.name}-other", other)
    value = dict(events.conversion("x"), timestamp=True)
    bad = Record(events.confluent(number, events.Encoder(other)(value)), want="schema_incompatible")
    good_number = world.register(f"{world.name}-good", events.CONVERSION)
    records = [bad] + world.conversions(20, schema_id=good_number)
    world.produce(records)
    world.detour(world.config(schemas={"ids": ..., "registry": {"url": world.registry.url}})).start()
    world.wait_settled()
    world.settle_account(records)


def test_while_it_is_down_known_ids_go_on_and_unknown_ones_wait(registry_world, gate):
    world = registry_world
    world.create_all()
    older, _ = evolved(world)
    known = world.register(f"{world.name}-known", events.CONVERSION)
    fresh = world.register(f"{world.name}-fresh", older)
    records = world.produce(world.conversions(50, prefix="warm", schema_id=known))
    run = world.detour(through(world, gate)).start()
    world.tiktok.wait_accepted(r.id for r in records)
    gate.shut()
    encode = events.Encoder(older)
    waiting = [Record(events.confluent(fresh, encode(v)), id=v["event_id"], partition=0)
               for v in events.conversions(5, f"{world.name}-wait")]
    going = world.conversions(60, prefix="going", schema_id=known)
    for index, record in enumerate(going):
        record.partition = index % 3
    records += world.produce(waiting + going)
    world.tiktok.wait_accepted(r.id for r in going if r.partition != 0)
    run.wait_log(rf"schema.waiting id={fresh}\b")
    assert not {r.id for r in waiting} & world.tiktok.accepted.keys()
    assert not world.notes("dead"), "an unknown id is not condemned while the registry is down"
    assert world.committed().get(0, 0) <= min(r.offset for r in waiting)
    gate.open()
    world.wait_settled()
    world.settle_account(records)


def test_its_definite_no_is_schema_unknown(registry_world):
    world = registry_world
    world.create_all()
    number = world.register(f"{world.name}-good", events.CONVERSION)
    records = world.conversions(30, schema_id=number)
    records += [Record(events.confluent(77_000_001, b"x"), want="schema_unknown") for _ in range(5)]
    world.produce(records)
    world.detour(world.config(schemas={"ids": ..., "registry": {"url": world.registry.url}})).start()
    world.wait_settled()
    world.settle_account(records)


def test_not_reachable_at_the_start_is_exit_3(registry_world, gate):
    world = registry_world
    world.create_all()
    gate.shut()
    result = world.detour(through(world, gate)).command("run", "-c", "detour.yaml")
    gate.open()
    assert result.returncode == 3, result.stderr
    assert str(gate.port) in result.stderr and "registry" in result.stderr


def test_the_second_url_is_used_when_the_first_is_down(registry_world, gate):
    world = registry_world
    world.create_all()
    number = world.register(f"{world.name}-good", events.CONVERSION)
    records = world.produce(world.conversions(30, schema_id=number))
    gate.shut()
    dead = f"http://127.0.0.1:{gate.port}/apis/ccompat/v7"
    config = world.config(schemas={"ids": ..., "registry": {"url": [dead, world.registry.url], "timeout": "1s"}})
    world.detour(config).start()
    world.wait_settled()
    world.settle_account(records)
    gate.open()


class Impostor:
    """What stands at a registry's URL and is none, or none just now; @mode says which."""

    BODY = b"<html>the-body-stays-out</html>"
    SAYS = {  # status, content type; None: as a registry does
        "types": (200, None), "html": (200, "text/html; charset=utf-8"), "json": (200, "application/json"),
        "moved": (302, "text/html"), "error": (500, "text/plain"), "nowhere": (404, "text/html"),
        "refused": (401, "application/json"), "hang": (0, None)}

    def __init__(self):
        outer = self
        self.mode = "types"

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, kind = outer.SAYS[outer.mode]
                if outer.mode == "hang":
                    time.sleep(3)
                    return
                body = b'{"status": "ok"}' if outer.mode == "json" else outer.BODY
                if outer.mode == "types":
                    is_types = self.path == "/schemas/types"
                    status, kind, body = (200, "application/json", b'["AVRO"]') if is_types else (500, "text/plain", b"")
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):  # utm records are registered before anything else goes wrong
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", "8")
                self.end_headers()
                self.wfile.write(b'{"id":1}')

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def impostor():
    impostor = Impostor()
    yield impostor
    impostor.stop()


@pytest.fixture
def fake():
    fake = FakeRegistry()
    yield fake
    fake.stop()


def asking(world, fake, **registry):
    """Configured for @fake; what it says is read within a second."""
    return world.config(schemas={"ids": ..., "registry": dict({"url": fake.url, "timeout": "1s"}, **registry)})


BAD_IDS = {
    101: own_error(500, 50001), 102: own_error(401, 401), 103: own_error(403, 403), 104: page(404), 105: page(200),
    106: page(502), 107: Answer(302, headers={"Location": "http://127.0.0.1:1/"}), 108: own_error(404, 404),
    109: Answer(200, b'{"schema":""}'), 110: Answer(200, b'{"schema":"\\"int\\"","id":1}'), 111: own_error(422, 42201),
    112: Answer(200, b'{"schema":"' + b" " * 3_000_000 + b'"}'), 113: Answer(200, b"{}", delay=30),
    114: Answer(200, b'{"schema":"\\"int\\""}', trickle=True), 115: Answer(200), 116: own_error(410, 410)}


def test_bad_answers_for_some_ids_hold_up_no_other_and_condemn_nobody(world, fake):
    world.create_all()
    fake.schemas = {1: events.CONVERSION}
    fake.says = dict(BAD_IDS)
    run = world.detour(asking(world, fake)).start()
    bad = [r for number in BAD_IDS for r in world.conversions(2, prefix=f"bad{number}", schema_id=number)]
    records = world.produce(list(bad))
    wait_for(lambda: all(fake.asked.get(n, 0) >= 3 for n in BAD_IDS), 60, lambda: f"all bad ids asked for: {fake.asked}")
    for number in range(2, 12):  # a good one now and then, new each time
        fake.schemas[number] = events.CONVERSION
        good = world.produce(world.conversions(1, prefix=f"good{number}", schema_id=number))
        records += good
        world.tiktok.wait_accepted([good[0].id], 10)
        time.sleep(0.5)
    assert not world.notes("dead") and not {r.id for r in bad} & world.tiktok.accepted.keys()
    assert "schema.unknown" not in run.log
    found = re.findall(r"schema.unanswered id=(\d+) status=(\d+)", run.log)
    assert found and all(BAD_IDS[int(i)].status == int(s) or int(s) in (0, BAD_IDS[int(i)].status) for i, s in found)
    assert run.log.count("schema.unanswered") < 10, "said for every id"
    for number in BAD_IDS:
        fake.schemas[number] = events.CONVERSION
    fake.says = {}
    world.wait_settled()
    world.settle_account(records)


def test_what_is_refused_for_ever_is_given_up_where_others_are_answered(world, fake):
    world.create_all()
    fake.schemas = {1: events.CONVERSION}
    fake.says = {102: own_error(422, 42201), 103: own_error(500, 50001), 104: BAD_IDS[112]}
    run = world.detour(asking(world, fake, give_up="2s")).start()
    records = [r for number in fake.says for r in world.conversions(20, prefix=f"b{number}", schema_id=number)]
    for record in records:
        record.want, record.id = "schema_unknown", None
    records += world.conversions(20)
    world.produce(records)
    world.wait_settled()
    world.settle_account(records)
    errors = {n.detour["error"] for n in world.notes("dead")}
    assert len(errors) == 3 and all("was given up" in e for e in errors), errors
    assert any("answered 422" in e for e in errors) and any("schemas.max_bytes" in e for e in errors), errors
    assert run.log.count("schema.given_up") == 3


def test_a_flood_of_unknown_ids_leaves_the_others_their_way(world, fake):
    """A broken serializer: each record has an id of its own, and each answer takes 44 ms."""
    world.create_all()
    fake.schemas = {1: events.CONVERSION}
    fake.delay = 0.044
    run = world.detour(asking(world, fake, requests=8)).start()
    run.wait_ready()
    flood = [Record(events.confluent(1_000_000 + i, b"x"), want="schema_unknown") for i in range(6000)]
    good = world.conversions(200)
    fresh = world.conversions(20, prefix="fresh", schema_id=2)  # a new schema that comes amid the flood
    fake.schemas[2] = events.CONVERSION
    world.produce(flood)
    world.produce(good + fresh)
    world.tiktok.wait_accepted([r.id for r in good + fresh], 20)
    answered = len(fake.asked)
    assert answered < len(flood) / 2, "the flood was over before the good ones came through"
    assert 2 < fake.most_at_once <= 8
    fake.delay = 0
    world.wait_settled()
    world.settle_account(flood + good + fresh)


def test_a_busy_registry_is_asked_less(world, fake):
    world.create_all()
    fake.schemas = {1: events.CONVERSION}
    fake.says = {1: Answer(429, b"{}", headers={"Retry-After": "2"})}
    world.detour(asking(world, fake)).start()
    records = world.produce(world.conversions(20))
    wait_for(lambda: fake.asked.get(1, 0) >= 1, 20, "asked once")
    time.sleep(1.5)
    assert fake.asked[1] == 1, "Retry-After is not kept"
    fake.says = {1: Answer(429, b"{}", headers={"Retry-After": "0"})}
    time.sleep(2)
    assert fake.asked[1] < 12, "a Retry-After of 0 has no floor"
    fake.says = {}
    world.wait_settled()
    world.settle_account(records)


def sloppy_writers():
    """What a registry takes of a writer, and no reader could use."""
    wrong = copy.deepcopy(events.CONVERSION)
    for field in wrong["fields"]:
        field["default"] = "null"
        field["aliases"] = "x"
    spaced = copy.deepcopy(events.CONVERSION)
    spaced["namespace"] = "com.example-shop"
    spaced["fields"].insert(0, {"name": "utm-source", "type": {
        "type": "enum", "name": "Utm-Source", "symbols": ["a-b", "c d"], "default": "e"}})
    large = copy.deepcopy(events.CONVERSION)
    large["doc"] = "x" * 900_000
    return {11: wrong, 12: spaced, 13: large}


def test_writers_schemas_are_judged_by_what_their_bytes_need(world, fake):
    world.create_all()
    tidy = copy.deepcopy(events.CONVERSION)
    tidy["fields"].insert(0, {"name": "first", "type": {"type": "enum", "name": "U", "symbols": ["a", "b"]}})
    fake.schemas = sloppy_writers() | {
        21: {"type": "record", "name": "R", "fields": [{"name": "f", "type": {"type": "fixed", "name": "F", "size": -2}}]},
        22: {"type": "record", "name": "R", "fields": [{"name": "f", "type": "R"}]}}
    fake.says = {23: Answer(200, json.dumps({"schemaType": "PROTOBUF", "schema": "syntax = 'proto3';"}).encode()),
                 24: Answer(200, json.dumps({"schemaType": "JSON", "schema": "{}"}).encode())}
    records = []
    for number in sloppy_writers():
        encode = events.Encoder(tidy if number == 12 else events.CONVERSION)
        records += [Record(events.confluent(number, encode(dict(v, first="b"))), id=v["event_id"])
                    for v in events.conversions(20, f"{world.name}-{number}")]
    records += [Record(events.confluent(n, b"x"), want="schema_incompatible") for n in (21, 22, 23, 24)]
    world.produce(records)
    world.detour(asking(world, fake)).start()
    world.wait_settled()
    world.settle_account(records)
    said = "\n".join(n.detour["error"] for n in world.notes("dead"))
    for part in ("R.f: fixed 'F': size", "'R' holds itself", "its type is PROTOBUF", "its type is JSON"):
        assert part in said, said


@pytest.mark.parametrize("mode, code, says", [
    ("types", 0, ""), ("html", 1, "answered 200 (text/html)"), ("json", 1, "answered 200 (application/json)"),
    ("moved", 1, "answered 302; redirects are not followed"), ("error", 1, "answered 500 (text/plain)"),
    ("nowhere", 1, "/apis/ccompat/v7"), ("refused", 1, "refuses the credential (401)"), ("hang", 3, "no usable answer")])
def test_check_online_tells_a_registry_from_what_is_none(world, impostor, mode, code, says):
    world.create_all()
    impostor.mode = mode
    run = world.detour(world.config(schemas={"ids": ..., "registry": {"url": impostor.url, "timeout": "1s"}}))
    result = run.check("--online", "--json")
    assert result.returncode == code, result.stdout + result.stderr
    errors = json.loads(result.stdout)["errors"]
    assert len(errors) == (code != 0) and all(says in e["message"] and e["line"] > 1 for e in errors), errors
    assert "the-body-stays-out" not in result.stdout + result.stderr


def test_what_is_wrong_with_it_is_said_once_and_again_when_it_is_something_else(world, impostor):
    world.create_all()
    run = world.detour(world.config(schemas={"ids": ..., "registry": {"url": impostor.url, "timeout": "1s"}})).start()
    run.wait_ready()
    impostor.mode = "html"
    world.produce([Record(events.confluent(number, b"x")) for number in range(9001, 9006)])
    run.wait_log(r"schema.unanswered .*answered 200 \(text/html\)")
    time.sleep(3)
    assert run.log.count("schema.unanswered") == 1, run.log
    run.wait_log(r"registry.down .*answered 200 \(text/html\)")  # eight bad answers and no good one
    impostor.mode = "hang"
    run.wait_log(r"registry.down .*[Tt]imed out|registry.down .*timeout", 90)
    impostor.mode = "refused"
    run.wait_log(r"registry.down .*refuses the credential", 90)
    time.sleep(3)
    assert run.log.count("registry.down") == 3, run.log
    assert "the-body-stays-out" not in run.log
