"""Whose fault an answer is: statuses, long answers, pages, throttles without a time, storms, strangers."""

import collections
import http.server
import json
import threading
import time

import pytest

import fake_tiktok
from services import wait_for

NOBODYS = [301, 406, 407, 410, 411, 415, 421, 423, 426]


class Collector:
    """Many collectors in one: @answers[path](count of requests there so far) is (status, body)."""

    def __init__(self, answers):
        self.taken = collections.defaultdict(collections.Counter)
        self.asked = collections.Counter()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                items = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = answers[self.path](collector.asked[self.path])
                collector.asked[self.path] += 1
                if 200 <= status < 300 and not body.startswith(b"<"):
                    collector.taken[self.path].update(i["event_id"] for i in (items if isinstance(items, list) else [items]))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *ignored):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.server.shutdown()
        self.server.server_close()


def play(world, collector, destinations, records):
    """Each event to each destination, none of which has an alternate."""
    hooks = {
        name: {"type": "http", "url": f"{collector.url}/{name}", "retry": {"attempts": 3, "backoff": "50ms..200ms"},
               **options}
        for name, options in destinations.items()
    }
    run = world.detour(world.config(destinations={**hooks, "tiktok": ...},
                                    routes=[{"name": "all", "match": {}, "legs": [[name] for name in hooks]}])).start()
    world.wait_settled(60)
    want = {r.id: 1 for r in records}
    for name in hooks:
        assert collector.taken[f"/{name}"] == want, name
    assert not world.notes("dead")
    return run


def test_what_no_event_can_cause_holds_the_destination(world):
    """Twice a status that no event can cause, then all is well: everything is delivered, nothing condemned."""
    answers = {f"/s{status}": lambda count, status=status: (status, b"") if count < 2 else (200, b"{}") for status in NOBODYS}
    world.create_all()
    records = world.produce(world.conversions(30))
    with Collector(answers) as collector:
        play(world, collector, {f"s{status}": {"concurrency": {"initial": 1, "max": 1}} for status in NOBODYS}, records)
        for status in NOBODYS:
            assert collector.asked[f"/s{status}"] <= len(records) + 2


def test_long_answers_are_read_and_longer_ones_blame_nobody(world):
    """97 KB that a rule reads, 3 MB of which the status is enough, and a login page with 200."""
    said = json.dumps({"items": [{"id": n, "note": "x" * 900} for n in range(105)], "ok": True}).encode()
    answers = {
        "/bulk": lambda count: (200, said),
        "/big": lambda count: (200, b'{"x": "' + b"y" * 3_000_000 + b'"}'),
        "/page": lambda count: (200, b"<!DOCTYPE html><html>log in</html>") if count < 2 else (200, b"{}"),
    }
    assert 64 * 1024 < len(said)
    rule = [{"status": "2xx", "json": {"/ok": True}, "is": "delivered"}]
    many = {"format": "array", "batch": {"events": 50, "linger": "20ms"}}
    world.create_all(partitions=1)
    records = world.produce(world.conversions(150, event="Purchase"))
    with Collector(answers) as collector:
        run = play(world, collector, {"bulk": {**many, "verdicts": rule}, "big": many, "page": many}, records)
        assert 'event=answer.oversized destination="big"' in run.log and "batch.answer_bytes" in run.log
        assert 'event=answer.oversized destination="bulk"' not in run.log


def test_a_result_for_each_of_a_thousand_events_is_read(world):
    """20001 with a result of 150 bytes for every second of 1,000 events: each is asked once and settled by its own."""
    def each(request):
        failed = [{"index": i, "event_id": name, "code": 40002, "message": "m" * 250}
                  for i, name in enumerate(request.ids) if i % 2]
        return fake_tiktok.Answer(body=fake_tiktok.said(20001, "partly", {"failed_events": failed}), name="each")

    world.create_all(partitions=1)
    records = world.produce(world.conversions(900, event="Purchase"))
    world.tiktok.on(each)
    run = world.detour(world.config(destinations={"tiktok": {"batch": {"events": 1000, "linger": "2s"}}})).start()
    world.wait_settled()
    asked = collections.Counter(name for request in world.tiktok.requests for name in request.ids)
    assert set(asked.values()) == {1} and len(asked) == len(records)
    assert len(world.notes("dead")) + len(world.notes("utm")) <= len(records) // 2 and "answer.oversized" not in run.log


@pytest.mark.parametrize("value", ["0", "-3", "Thu, 01 Jan 1970 00:00:00 GMT"], ids=["nothing", "negative", "past"])
def test_a_throttle_without_a_usable_time_is_no_loop(world, value):
    world.create_all()
    records = world.produce(world.conversions(40))
    rule = world.tiktok.on(fake_tiktok.Answer(status=429, body={"error": "slow"}, headers={"Retry-After": value}, name="429"))
    world.detour().start()
    world.tiktok.wait_requests(1)
    time.sleep(5)
    assert len(world.tiktok.requests) <= 16, "one request a second at most, beside those under way at first"
    world.tiktok.off(rule)
    world.wait_settled()
    world.settle_account(records)


def test_few_are_condemned_before_a_storm_is_seen(world):
    """One type is served, then all of it is refused one by one: some fifty dead letters, the rest goes the other way."""
    world.create_all()
    world.produce(world.conversions(200, event="Purchase"))
    world.detour(world.config(destinations={"tiktok": {"batch": {"events": 1}}})).start()
    world.wait_settled()
    world.tiktok.on(fake_tiktok.Answer(status=400, body={"error": "no"}, name="400"))
    world.produce(world.conversions(3000, prefix="s", event="Purchase"))
    world.wait_settled()
    dead = len(world.notes("dead"))
    assert 1 <= dead <= 150, f"{dead} condemned"
    assert collections.Counter(n.reason for n in world.notes("utm")).most_common(1)[0][0] == "reject_storm"


def test_a_type_that_goes_dark_is_seen_behind_three_hundred_strangers(world):
    world.create_all()
    for n in range(300):
        world.produce(world.conversions(1, prefix=f"j{n}", event=f"Junk {n}"))
    run = world.detour().start()
    world.wait_settled()
    world.tiktok.on(fake_tiktok.code(50000), event="Purchase")
    end = time.monotonic() + 30
    while time.monotonic() < end and 'event="Purchase" state=open' not in run.log:
        batch = f"p{int(time.monotonic() * 1000)}"
        world.produce(world.conversions(20, prefix=batch, event="Purchase") + world.conversions(5, prefix=batch + "v", event="AddToCart"))
        time.sleep(0.5)
    assert 'event="Purchase" state=open' in run.log, "the type's own outage"
    assert 'event="other" state=open' not in run.log
    wait_for(lambda: any(n.reason == "outage" for n in world.notes("utm")), 20, "nothing was diverted by the outage")
    world.wait_settled()


def test_a_hang_just_after_a_recovery_is_seen(world):
    """Closed again for a second after an outage, it hangs: seen within twelve seconds, while events come and wait."""
    world.create_all()
    stop = threading.Event()

    def traffic():
        part = 0
        while not stop.is_set():
            world.produce(world.conversions(15, prefix=f"a{part}", event="Purchase") + world.conversions(15, prefix=f"b{part}", event="AddToCart"))
            part += 1
            stop.wait(0.5)

    producer = threading.Thread(target=traffic)
    run = world.detour(world.config(destinations={"tiktok": {"timeout": {"connect": "2s", "first_byte": "5s", "total": "10s"}}})).start()
    producer.start()
    try:
        time.sleep(3)
        broken = world.tiktok.on(fake_tiktok.code(50000))
        run.wait_log("event=health.transition .*state=open", 20)
        world.tiktok.off(broken)
        run.wait_log("event=health.transition .*state=closed .*scope=none", 90)
        time.sleep(1)
        seen = run.log.count("state=open")
        world.tiktok.on(fake_tiktok.hang(60))
        wait_for(lambda: run.log.count("state=open") > seen, 12, "the hang was not seen")
    finally:
        stop.set()
        producer.join()
    world.tiktok.heal()
    world.wait_settled(120)
