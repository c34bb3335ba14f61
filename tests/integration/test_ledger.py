"""The ledger: every event that was committed is on it, once, with what became of it and its value."""

import collections
import decimal
import json
import random
import time

from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

import books
import fake_tiktok
from detour import Plain
from services import wait_for
from test_offsets import Traffic
from test_process_faults import either, flows


def with_ledger(world, **changes):
    world.topics["ledger"] = f"{world.name}.ledger"
    return world.config(**{"ledger": {"topic": world.topics["ledger"]}, **changes})


def test_what_became_of_each_event(world):
    """Delivered, diverted, dead-lettered for three reasons, dropped; two legs; the value in each currency."""
    world.create_all()
    routes = [
        {"name": "no-carts", "match": {"event": "AddToCart"}, "drop": "carts"},
        {"name": "views", "match": {"event": "ViewContent"}, "legs": [["tiktok", "utm"], ["utm"]]},
        {"name": "rest", "match": {}, "legs": [["tiktok", "utm"]]},
    ]
    records = []
    for count, event, value, currency in ((40, "Purchase", 19.99, "EUR"), (30, "ViewContent", 0.1, "USD"),
                                          (20, "AddToCart", 5.0, "EUR"), (10, "Search", None, None)):
        properties = {"value": value, "currency": currency}
        records += world.conversions(count, prefix=event, event=event, properties=properties)
    world.produce(records)
    refused = [r.id for r in records[:4]]
    world.tiktok.on(fake_tiktok.refuse_ids(refused, with_index=True))
    run = world.detour(with_ledger(world, routes=routes)).start()
    world.wait_settled()
    run.stop()
    found = books.read(world, "ledger")
    assert found.events() == {"delivered": 36 + 30 + 10, "dead_lettered": 4, "dropped": 20}
    legs = found.legs()
    assert legs["rest", "tiktok", "dead_lettered", "rejected"] == 4
    assert legs["no-carts", None, "dropped", "carts"] == 20
    assert legs["views", "tiktok", "delivered", None] == 30 and legs["views", "utm", "delivered", None] == 30
    assert found.values("delivered")["USD"] == decimal.Decimal("6.00"), "two legs of 30 at 0.10"
    assert found.values("dead_lettered") == {"EUR": decimal.Decimal("79.96")}
    assert found.values("dropped") == {"EUR": decimal.Decimal("100.00")}


def test_kill_9_and_restarts_count_nothing_twice(world):
    """The process is killed at random moments while one type is dark and another is slow: the books hold each offset
    once, and say of each whether it was delivered, diverted or dead-lettered."""
    world.create_all()
    chance = random.Random(99)
    config = with_ledger(world, in_flight={"events": 400})
    traffic = Traffic(world, per_second=400)
    world.tiktok.on(fake_tiktok.code(50000), event="Search", times=300)
    run = world.detour(config)
    for turn in range(10):
        run.start()
        if turn % 3 == 2:
            flows(world, 100, 90)
        time.sleep(chance.random() * 2.5)
        run.kill() if turn % 4 else run.stop()
    run.start()
    flows(world, 100, 90)
    records = either(traffic.stop())
    world.wait_settled(120)
    run.stop()
    found = books.read(world, "ledger")
    assert sum(found.events().values()) == len(records)
    places = collections.Counter(r.partition for r in records)
    for number, partition in found.partitions.items():
        assert len(partition.cover) == places[number], f"partition {number} has holes"
    diverted = {n.place for n in world.notes("utm")}
    assert found.events().get("diverted", 0) <= len(diverted)
    assert found.events().get("dead_lettered", 0) == 0
    world.settle_account(records, duplicates=10_000, tolerant=True)


def test_nothing_is_committed_while_the_ledger_takes_no_records(world):
    world.create_all()
    world.produce(world.conversions(50))
    world.topics["ledger"] = f"{world.name}.ledger"
    world.create("ledger", partitions=1, max_message_bytes=100)
    config = with_ledger(world)
    run = world.detour(config).start()
    run.wait_log("ledger.unwritable", 30)
    assert world.committed() == {}
    wait_for(lambda: run.metric("detour_partition_blocked", reason="ledger") > 0, 10, "the block has its name")
    change = ConfigEntry("max.message.bytes", "1000000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, world.topics["ledger"], incremental_configs=[change])
    world.admin.incremental_alter_configs([resource])[resource].result(20)
    world.wait_settled(60)
    run.wait_log("ledger.written", 10)
    assert sum(books.read(world, "ledger").events().values()) == 50


def test_without_a_ledger_nothing_is_written(world):
    world.create_all()
    records = world.produce(world.conversions(10))
    world.detour(world.config(ledger=Plain("off"))).start()
    world.wait_settled()
    world.settle_account(records)


def test_an_outage_is_on_the_ledger(world):
    """Opened with its true start and what was answered, closed with its end; tallies name it with what it cost."""
    world.create_all()
    config = with_ledger(world, destinations={"tiktok": {"health": {"open": "1s..2s"}}})
    config["destinations"]["tiktok"]["health"] |= {"minimum": 10, "window": "10s"}
    world.tiktok.on(fake_tiktok.code(50000), event="Purchase", times=14)
    traffic = Traffic(world, per_second=200, event="Purchase")
    run = world.detour(config).start()

    def outages():
        return [r for r in map(json.loads, (m.value() for m in world.read("ledger"))) if r["kind"] == "outage"]

    wait_for(lambda: any(r["state"] == "closed" for r in outages()), 60, lambda: f"closed\n{world.tails()}", 0.5)
    either(traffic.stop())
    world.wait_settled()
    run.stop()
    found = outages()
    first = found[0]
    assert first["state"] == "opened" and first["cause"] == "ratio" and first["ended"] is None
    assert first["started"] <= first["detected"] <= first["at"]
    assert first["last"]["code"] == 50000 and first["last"]["status"] == 200
    assert first["destination"] == "tiktok" and first["event"] in ("Purchase", None)
    closed = [r for r in found if r["state"] == "closed"][-1]
    assert closed["ended"] > closed["detected"]
    named = collections.Counter()
    for counts in books.read(world, "ledger").counts:
        for leg in counts["legs"]:
            if leg["fate"] == "diverted":
                assert leg["to"] == "utm" and leg["event"] == "Purchase"
                named[leg.get("outage")] += leg["count"]
    assert sum(named.values()) == len(world.notes("utm")) > 0
    assert set(named) - {None} <= {r["id"] for r in found}
    for record in {r["id"]: r for r in found}.values():
        assert record["diverted"] == named[record["id"]]
