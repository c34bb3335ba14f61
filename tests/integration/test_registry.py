"""The schema registry: evolved writers, references, being down, and its definite no."""

import copy
import http.server
import json
import threading
import time

import pytest

import events
from services import Gate
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
    impostor.mode = "hang"
    world.produce([Record(events.confluent(9006, b"x"))])
    run.wait_log(r"registry.down .*[Tt]imed out|registry.down .*timeout", 90)
    impostor.mode = "refused"
    run.wait_log(r"registry.down .*refuses the credential", 90)
    time.sleep(3)
    assert run.log.count("registry.down") == 2, run.log
    assert "the-body-stays-out" not in run.log
