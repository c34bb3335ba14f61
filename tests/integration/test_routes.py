"""Routing: first match, continue, several legs, chains, drops, what no route takes."""

import time

import events
import fake_tiktok
from world import Record


def with_route(world, routes, **more):
    return world.config(routes=routes, **more)


def test_the_first_match_wins_and_drops_are_counted(world):
    world.create_all()
    encode = events.Encoder(events.CONVERSION)
    records = []
    for i, value in enumerate(events.conversions(400, world.name)):
        want = "tiktok"
        if i % 4 == 0:
            value["consent"] = {"ads": False}
            want = "dropped"
        elif value["event"] == "Search":
            want = "utm"
        records.append(Record(events.confluent(1, encode(value)), id=value["event_id"], want=want))
    world.produce(records)
    run = world.detour(with_route(world, [
        {"name": "consent-missing", "match": {"consent.ads": False}, "drop": "no_consent"},
        {"name": "searches", "match": {"event": "Search"}, "legs": [["utm"]]},
        {"name": "rest", "match": {}, "legs": [["tiktok", "utm"]]},
    ])).start()
    world.wait_settled()
    world.settle_account(records)
    assert run.metric("detour_dropped_total") == sum(r.want == "dropped" for r in records)


def test_unmatched_is_a_dead_letter_or_dropped(world):
    world.create_all()
    encode = events.Encoder(events.CONVERSION)

    def some(count, prefix, want):
        values = events.conversions(count, f"{world.name}-{prefix}")
        return [Record(events.confluent(1, encode(v)), id=v["event_id"],
                       want="tiktok" if v["event"] == "Purchase" else want) for v in values]

    routes = [{"name": "purchases", "match": {"event": ["Purchase", "CompletePayment"]}, "legs": [["tiktok"]]}]
    first = world.produce(some(200, "a", "unmatched"))
    run = world.detour(with_route(world, routes)).start()
    world.wait_settled()
    run.stop()
    world.settle_account(first)
    dead = world.notes("dead")
    assert {n.detour["event.type"] for n in dead} == {"AddToCart", "ViewContent", "Search", "Subscribe"}
    assert all("route" not in n.detour for n in dead)

    second = world.produce(some(200, "b", "dropped"))
    world.detour(with_route(world, routes, unmatched="drop")).start()
    world.wait_settled()
    world.settle_account(first + second)


def test_legs_are_independent_and_continue_goes_on(world):
    """A leg that TikTok refuses is a dead letter of that leg; the other leg is delivered all the same."""
    world.create_all()
    archive = f"{world.name}.archive"
    audit = f"{world.name}.audit"
    world.create(archive, audit)
    records = world.conversions(300)
    refused = {r.id for r in records[::30]}
    world.produce(records)
    world.tiktok.on(fake_tiktok.refuse_ids(refused, with_index=True))
    config = with_route(world, [
        {"name": "audit", "match": {"properties.value": ">= 10"}, "continue": True, "legs": [["audit"]]},
        {"name": "both", "match": {}, "legs": [["tiktok", "utm"], ["archive"]]},
    ], destinations={"archive": {"type": "kafka", "topic": archive, "format": "original"},
                     "audit": {"type": "kafka", "topic": audit, "format": "original"}})
    world.detour(config).start()
    world.wait_settled()
    for topic in (archive, audit):
        copies = world.notes(topic)
        assert sorted(n.message.value() for n in copies) == sorted(r.value for r in records)
        assert sorted(n.message.key() for n in copies) == sorted(r.key for r in records)
    for record in records:
        record.want = "rejected" if record.id in refused else "tiktok"
    world.settle_account(records)
    assert {n.detour["leg"] for n in world.notes("dead")} == {"tiktok"}


def test_matching_reaches_the_kafka_side_and_the_types(world):
    world.create_all()
    encode = events.Encoder(events.CONVERSION)
    cases = [
        ("by key", {"key": b"vip-1"}, {}, "utm"),
        ("by header", {"headers": [("tenant", b"acme")]}, {}, "utm"),
        ("by text", {}, {"properties": {"value": 1.0, "currency": "USD", "products": []}}, "utm"),
        ("by range", {}, {"properties": {"value": 250.0, "currency": "EUR", "products": []}}, "utm"),
        ("by null", {}, {"page": None}, "utm"),
        ("by none", {}, {}, "tiktok"),
    ]
    records = []
    for index, (name, kafka_side, changes, want) in enumerate(cases):
        value = events.conversion(f"{world.name}-{index}", **changes)
        records.append(Record(events.confluent(1, encode(value)), id=value["event_id"], want=want, **kafka_side))
    world.produce(records)
    world.detour(with_route(world, [
        {"name": "special", "match": {"any": [
            {"key": "=~ ^vip-"}, {"headers.tenant": "acme"}, {"properties.currency": ["USD", "CAD"]},
            {"properties.value": "between 200..300"}, {"page": "missing"}]}, "legs": [["utm"]]},
        {"name": "rest", "match": {}, "legs": [["tiktok"]]},
    ])).start()
    world.wait_settled()
    world.settle_account(records)


def test_events_too_old_for_a_destination_take_the_next(world):
    world.create_all()
    encode = events.Encoder(events.CONVERSION)
    records = []
    for i in range(40):
        old = i % 4 == 0
        value = events.conversion(f"{world.name}-{i}", now=time.time() - (7 * 86400 if old else 60))
        records.append(Record(events.confluent(1, encode(value)), id=value["event_id"], want="utm" if old else "tiktok"))
    world.produce(records)
    world.detour().start()
    world.wait_settled()
    world.settle_account(records)
    assert {n.reason for n in world.notes("utm")} == {"too_old"}
    assert {n.detour["error"] for n in world.notes("utm")} == {"older than max_age of its destination"}
