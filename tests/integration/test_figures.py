"""What detour says of itself against what others saw: the fake's account, the topics, the broker."""

import collections
import datetime
import http.server
import re
import threading
import time

import pytest

import events
import fake_tiktok
from services import wait_for
from world import Record
from test_metrics import destination_of, produce_steadily, state_of, status_of

DARK, REFUSED, FINE = events.TYPES[:3]
SAMPLE = re.compile(r"([a-z_]+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def series(run, name, *labels):
    """Every sample of @name that is not zero, by the values of @labels."""
    out = collections.Counter()
    for line in run.get("/metrics")[1].splitlines():
        match = SAMPLE.fullmatch(line)
        if match and match.group(1) == name and float(match.group(3)):
            found = dict(LABEL.findall(match.group(2) or ""))
            out[tuple(found[label] for label in labels)] += float(match.group(3))
    return dict(out)


def lines(run, event):
    """The log's lines of that name, as mappings."""
    out = []
    for line in run.log.splitlines():
        if f"event={event} " in line:
            pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line.split(f"event={event} ", 1)[1])
            out.append({k: v.strip('"') for k, v in pairs})
    return out


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def code_of(answer):
    return {"ok": "0", "40002 index": "40002"}.get(answer, answer)


@pytest.fixture
def eventful(world):
    """One type dark, one event of another refused, records that are none, and much that is fine."""
    world.create_all()
    encode = events.Encoder(events.CONVERSION)
    run = world.detour().start().wait_ready()
    records = world.produce(world.conversions(60, "calm"))
    world.wait_settled()
    refused = [f"{world.name}-no-{i}" for i in range(3)]
    rules = [world.tiktok.on(fake_tiktok.refuse_ids(refused, with_index=True)),
             world.tiktok.on(fake_tiktok.code(50000, "internal"), event=DARK)]
    world.dark_since = time.time()
    for name in refused:
        value = events.conversion(name, REFUSED)
        records += world.produce([Record(events.confluent(1, encode(value)), id=name, want="rejected")])
    records += world.produce([Record(b"garbage %d" % i, want="decode_failed") for i in range(40)])
    records += produce_steadily(world, lambda: state_of(run, DARK) != 0)
    opened_at = len(records)
    records += world.produce(world.conversions(200, "late"))
    wait_for(lambda: run.metric("detour_diverted_total") >= 20, 60, run.tail)
    world.wait_settled()
    assert opened_at < len(records)
    return world, run, records, rules


def metrics_agree_with_the_account(world, run, records, rules):
    tiktok = world.tiktok
    dead, utm = world.notes("dead"), world.notes("utm")
    kept = collections.Counter(("tiktok", tiktok.items[i]["event"], "delivered") for i in tiktok.accepted)
    kept.update(("utm", n.detour["event.type"], "delivered") for n in utm)
    kept.update(("dead-letter", n.detour.get("event.type", ""), "delivered") for n in dead)
    said = series(run, "detour_deliveries_total", "destination", "event", "verdict")
    assert {k: v for k, v in said.items() if k[2] == "delivered"} == dict(kept)
    assert said[("tiktok", REFUSED, "rejected")] == 3
    asked = sum(len(r.ids) for r in tiktok.requests if r.answer == "50000")
    assert said[("tiktok", DARK, "retry")] == asked
    assert series(run, "detour_diverted_total", "destination", "event", "alternate", "reason") == \
        dict(collections.Counter(("tiktok", n.detour["event.type"], "utm", n.reason) for n in utm))
    assert series(run, "detour_dead_letters_total", "destination", "event", "reason") == dict(collections.Counter(
        (n.detour.get("destination", ""), n.detour.get("event.type", ""), n.reason) for n in dead))
    answers = collections.Counter(("tiktok", code_of(r.answer)) for r in tiktok.requests)
    answers[("utm", "NO_ERROR")] = len(utm)
    answers[("dead-letter", "NO_ERROR")] = len(dead)
    assert series(run, "detour_answers_total", "destination", "code") == dict(answers)
    by_place = {r.place: r for r in records}
    worth = sum(49.5 for n in utm if by_place[n.place].id)
    assert series(run, "detour_value_diverted_total", "currency") == {("EUR",): worth}
    totals = status_of(run)["totals"]
    assert totals == {"consumed": len(records), "delivered": sum(tiktok.accepted.values()), "diverted": len(utm),
                      "dead_lettered": len(dead), "dropped": 0}


def records_say_what_was_answered_and_to_whom(world, run, records, rules):
    request_ids = {}
    for note in world.notes("utm"):
        detour = note.detour
        assert (detour["code"], detour["http.status"]) == ("50000", "200")
        assert len(detour["request.id"]) == 34 and "read as retry" in detour["error"]
        request_ids.setdefault(detour["outcome"], set()).add(detour["request.id"])
        own = detour["outcome"] != "never_sent"
        assert own == (int(detour["attempts"]) > 0)
        assert own != detour["error"].startswith(f"outage {detour.get('outage')}: "), detour
        assert own or "to another event" in detour["error"]
    assert set(request_ids) >= {"never_sent", "ambiguous"}
    refused = [n.detour for n in world.notes("dead") if n.reason == "rejected"]
    assert len(refused) == 3 and all("properties.contents.0.content_id" in d["error"] for d in refused)


def an_outage_tells_its_start_its_cause_and_its_cost(world, run, records, rules):
    utm = world.notes("utm")
    (cell,) = [c for c in destination_of(status_of(run), "tiktok")["cells"] if c["event"] == DARK]
    error = cell["last_error"]
    assert (error["verdict"], error["code"], error["status"]) == ("retry", 50000, 200)
    assert len(error["request_id"]) == 34 and moment(error["at"]) >= world.dark_since
    (outage,) = [o for o in status_of(run)["outages"] if o["event"] == DARK]
    assert outage["id"] == cell["outage"] and outage["destination"] == "tiktok" and outage["closed"] is None
    first = min(r.at for r in world.tiktok.requests if r.answer == "50000") + time.time() - time.monotonic()
    assert world.dark_since - 0.01 <= moment(outage["began"]) <= first + 0.01, "the first call that failed"
    assert moment(outage["began"]) < moment(outage["opened"])
    assert outage["diverted"] == sum(n.detour.get("outage") == outage["id"] for n in utm) > 0
    shown = run.command("status", "-c", run.file).stdout
    assert max(map(len, shown.splitlines())) <= 80, shown
    for part in (outage["id"], "retry, code 50000, HTTP 200", error["request_id"], f"{outage['diverted']} diverted", "probe"):
        assert part in shown, shown
    opened = [t for t in lines(run, "health.transition") if t["state"] == "open" and t["event"] == DARK]
    assert (opened[0]["verdict"], opened[0]["status"], opened[0]["code"]) == ("retry", "200", "50000")
    assert len(opened[0]["request_id"]) == 34 and opened[0]["outage"] == outage["id"]
    assert int(opened[0]["next_probe_in_ms"]) > 0 and opened[0]["began"] == outage["began"]
    for rule in rules:
        world.tiktok.off(rule)
    records += produce_steadily(world, lambda: state_of(run, DARK) == 0, 90)
    world.wait_settled()
    (outage,) = [o for o in status_of(run)["outages"] if o["id"] == outage["id"]]
    assert moment(outage["closed"]) > moment(outage["opened"])
    assert outage["diverted"] == sum(n.detour.get("outage") == outage["id"] for n in world.notes("utm"))
    (closed,) = [t for t in lines(run, "health.transition") if t["state"] == "closed" and t["event"] == DARK]
    assert closed["outage"] == outage["id"] and 0 < int(closed["diverted"]) <= outage["diverted"]
    assert (closed["verdict"], closed["code"], closed["began"]) == ("delivered", "0", outage["began"])


def dead_letters_are_told_but_not_one_by_one(world, run, records, rules):
    dead = lines(run, "dead_letter.written")
    refused = [d for d in dead if d["reason"] == "rejected"]
    assert len(refused) == 3
    for line in refused:
        assert (line["destination"], line["event"], line["code"]) == ("tiktok", REFUSED, "40002")
        assert line["field"] == "properties.contents.0.content_id" and len(line["request_id"]) == 34
    broken = [d for d in dead if d["reason"] == "decode_failed"]
    assert 1 <= len(broken) <= 8, "forty that are alike are not forty lines"
    assert all((d["destination"], d["event"], d["code"], d["field"]) == ("", "", "none", "") for d in broken)
    for text in events.CANARIES.values():
        assert text not in run.log


def test_what_it_says_is_what_happened(eventful):
    """One world, four things that are said of it; the last ends the outage."""
    metrics_agree_with_the_account(*eventful)
    records_say_what_was_answered_and_to_whom(*eventful)
    dead_letters_are_told_but_not_one_by_one(*eventful)
    an_outage_tells_its_start_its_cause_and_its_cost(*eventful)


def test_junk_types_hide_no_real_one(world):
    world.create_all()
    run = world.detour(world.config(destinations={"tiktok": {"events": {REFUSED: REFUSED}}})).start().wait_ready()
    encode = events.Encoder(events.CONVERSION)

    def of_type(name, count):
        values = [events.conversion(f"{world.name}-{name}-{i}", name) for i in range(count)]
        return world.produce([Record(events.confluent(1, encode(v)), id=v["event_id"]) for v in values])

    for i in range(300):
        of_type(f"junk {i}", 1)
    world.wait_settled()
    of_type("Real", 200)
    of_type(REFUSED, 5)
    world.wait_settled()
    said = series(run, "detour_deliveries_total", "destination", "event", "verdict")
    assert said[("tiktok", REFUSED, "delivered")] == 5, "the configuration names it"
    assert 200 - 16 <= said[("tiktok", "Real", "delivered")] <= 200
    assert sum(v for k, v in said.items() if k[0] == "tiktok") == 505
    assert len({event for _, event, _ in said}) <= 258


def test_held_and_throttled_say_when_they_ask_again(world):
    world.create_all()
    run = world.detour().start().wait_ready()
    rule = world.tiktok.on(fake_tiktok.code(40105, "Access token is incorrect or has been revoked."))
    records = world.produce(world.conversions(30))
    wait_for(lambda: run.metric("detour_destination_held", destination="tiktok") == 1, 30, "held")
    held = destination_of(status_of(run), "tiktok")["held"]
    assert 0 < held["next_probe_in_ms"] <= 60_000
    assert (held["last_answer"]["verdict"], held["last_answer"]["code"]) == ("hold", 40105)
    shown = run.command("status", "-c", run.file).stdout
    assert "next probe in " in shown and "hold, code 40105, HTTP 200" in shown, shown
    assert max(map(len, shown.splitlines())) <= 80, shown
    (line,) = lines(run, "destination.held")
    assert 0 < int(line["next_probe_in_ms"]) <= 60_000 and len(line["request_id"]) == 34
    wait_for(lambda: lines(run, "destination.still"), 60, "the probe that failed")
    still = lines(run, "destination.still")[0]
    assert (still["was"], still["code"]) == ("held", "40105") and int(still["next_probe_in_ms"]) > 0
    world.tiktok.off(rule)
    rule = world.tiktok.on(fake_tiktok.code(40100, "Requests too frequent", Retry_After=3))
    wait_for(lambda: destination_of(status_of(run), "tiktok")["throttle"], 60, "throttled")
    throttle = destination_of(status_of(run), "tiktok")["throttle"]
    assert throttle["next_probe_in_ms"] <= 3000 and throttle["last_answer"]["code"] == 40100
    world.tiktok.off(rule)
    world.wait_settled()
    world.settle_account(records)


def test_a_source_id_held_alone_is_told_with_its_next_probe(world):
    world.create_all()
    config = world.config(destinations={"tiktok": {"event_source_id": {"path": "context.pixel"}}})
    run = world.detour(config).start().wait_ready()
    refusal = fake_tiktok.code(40001, "No permission to operate this pixel.")
    rule = world.tiktok.on(lambda r: refusal if r.body.get("event_source_id") == "CLOSTPIXEL" else None)
    records = world.produce(world.conversions(20, "good", context={"pixel": "CGOODPIXEL"}))
    records += world.produce(world.conversions(5, "lost", context={"pixel": "CLOSTPIXEL"}))
    wait_for(lambda: destination_of(status_of(run), "tiktok")["held_sources"], 30, run.tail)
    tiktok = destination_of(status_of(run), "tiktok")
    (held,) = tiktok["held_sources"]
    assert held["source_id"] == "CLOSTPIXEL" and 0 <= held["next_probe_in_ms"] <= 60_000 and tiktok["held"] is None
    shown = run.command("status", "-c", run.file).stdout
    assert "source CLOSTPIXEL held for" in shown and "probe" in shown, shown
    world.tiktok.off(rule)
    wait_for(lambda: not destination_of(status_of(run), "tiktok")["held_sources"], 90, run.tail)
    world.wait_settled()
    world.settle_account(records)


class Collector(http.server.ThreadingHTTPServer):
    """Answers with a status and a request id; counts what it answered."""

    daemon_threads = True
    status = 204

    def __init__(self):
        super().__init__(("127.0.0.1", 0), CollectorHandler)
        self.answered = collections.Counter()
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class CollectorHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            status = self.server.status
            self.server.answered[status] += 1
        self.send_response(status)
        self.send_header("X-Request-Id", f'gw-{status}" level=error event=forged')
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def collector():
    server = Collector()
    yield server
    server.shutdown()
    server.server_close()


def test_http_and_kafka_destinations_count_and_tell_as_well(world, collector):
    """Three legs, two workers: TikTok hangs, the collector refuses the credential and then fails, a topic takes all."""
    world.create_all()
    world.topics["copy"] = f"{world.name}.copy"
    world.topics["kept"] = f"{world.name}.kept"
    world.create("copy", "kept")
    url = f"http://127.0.0.1:{collector.server_address[1]}/in"
    run = world.detour(world.config(
        workers=2,
        destinations={
            "hook": {"type": "http", "url": url, "allow_private": True, "batch": {"events": 1, "linger": "1ms"},
                     "retry": {"attempts": 2, "backoff": "50ms..200ms", "deadline": "20s"}},
            "copy": {"type": "kafka", "topic": world.topics["copy"], "format": "original"},
            "kept": {"type": "kafka", "topic": world.topics["kept"], "format": "original"},
            "tiktok": {"timeout": {"connect": "1s", "first_byte": "1s", "total": "2s"}}},
        routes=[{"name": "all", "match": {}, "legs": [["tiktok", "utm"], ["hook", "kept"], ["copy"]]}],
    )).start().wait_ready()
    records = world.produce(world.conversions(60, "calm"))
    world.wait_settled()
    collector.status = 503
    world.tiktok.on(fake_tiktok.hang(2))

    def both_are_dark():
        return all(run.metric("detour_destination_state", destination=n) for n in ("tiktok", "hook"))

    records += produce_steadily(world, both_are_dark)
    world.wait_settled()
    kept, utm = world.notes("kept"), world.notes("utm")
    said = series(run, "detour_deliveries_total", "destination", "verdict")
    assert said[("copy", "delivered")] == len(records) == len(world.read("copy"))
    assert (said[("utm", "delivered")], said[("kept", "delivered")]) == (len(utm), len(kept))
    answers = series(run, "detour_answers_total", "destination", "code")
    assert {int(c): n for (d, c), n in answers.items() if d == "hook"} == dict(collector.answered)
    assert answers[("copy", "NO_ERROR")] == len(records) and answers[("tiktok", "timeout")] > 0
    assert series(run, "detour_diverted_total", "destination", "alternate", "reason") == dict(collections.Counter(
        [("tiktok", "utm", n.reason) for n in utm] + [("hook", "kept", n.reason) for n in kept]))
    for note in utm:
        assert "code" not in note.detour and "http.status" not in note.detour, "nobody answered"
        assert "no answer: " in note.detour["error"], note.detour["error"]
    assert {n.detour["http.status"] for n in kept} == {"503"}
    assert {n.detour["request.id"] for n in kept} == {'gw-503"level=errorevent=forged'}, "no blanks"
    outages = {o["destination"]: o for o in status_of(run)["outages"] if o["event"] is None}
    assert outages["hook"]["diverted"] == sum(n.detour.get("outage") == outages["hook"]["id"] for n in kept)
    hung = min(r.at for r in world.tiktok.requests if r.answer == "hang") + time.time() - time.monotonic()
    assert moment(outages["tiktok"]["began"]) <= hung + 0.01, "when the first that hung was sent, not when it was given up"
    assert outages["tiktok"]["last_error"]["status"] is None and "no answer" in outages["tiktok"]["last_error"]["text"]
    assert not [line for line in run.log.splitlines() if " event=forged" in re.sub(r'"(?:[^"\\]|\\.)*"', "", line)]
    shown = run.command("status", "-c", run.file).stdout
    assert "retry, HTTP 503" in shown and max(map(len, shown.splitlines())) <= 80, shown
