"""`detour outages` over invented ledgers in a real Kafka."""

import json
import time

import pytest

from ledger_book import Ledger, iso
from world import Record

ID = "20261130T140158-7f3a"


@pytest.fixture
def books(world):
    world.create("source", "utm", "dead", partitions=1)
    return Ledger(world)


def outages(world, books, *words):
    detour = world.detour(world.config(ledger={"topic": books.topic}))
    return detour.command("outages", *words, "-c", detour.file)


def listed(world, books, *words):
    result = outages(world, books, *words, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def outage(books, state, id=ID, *, at=None, instance="host-7", **more):
    now = time.time()
    books.write(f"outage/{id}", books.head("outage", at or now) | {
        "instance": instance, "id": id, "state": state, "destination": "tiktok", "event": "Purchase", "scope": "cell",
        "cause": "faults", "started": iso(now - 3600), "detected": iso(now - 3590), "ended": None,
        "last": {"status": 200, "code": 50000, "request_id": "r-1", "text": "internal error"},
        "diverted": 0, "dead_lettered": 0} | more)


def test_an_outage_from_opened_to_backfilled(world, books):
    world.produce([Record(b"x", partition=0) for _ in range(30)])
    ended = iso(time.time() - 1800)
    outage(books, "opened")
    outage(books, "changed", diverted=5)
    books.tally("A", 0, 30, begin=0, first=True, delivered=10, diverted=20)
    books.commit(30)
    found = listed(world, books)
    assert len(found) == 1 and found[0]["ended"] is None and found[0]["diverted"] == 20
    assert found[0]["value"] == {"EUR": "30.00"} and found[0]["event"] == "Purchase"
    assert (found[0]["id"], found[0]["destination"], found[0]["cause"], found[0]["scope"]) == (ID, "tiktok", "faults", "cell")
    assert (found[0]["backfilled"], found[0]["expired"], found[0]["waiting"]) == (0, 0, 20)

    outage(books, "closed", ended=ended, diverted=20)
    world.produce([Record(b"x", partition=0) for _ in range(20)], topic=world.topics["utm"])
    group = f"{world.group}.backfill.tiktok"
    leg = {"route": "all", "leg": "tiktok", "outage": ID, "value": {}}
    books.tally("B", 0, 15, begin=0, first=True, topic=world.topics["utm"], group=group, delivered=12, skipped=3,
                legs=[leg | {"fate": "delivered", "count": 12}, leg | {"fate": "skipped", "reason": "too_old", "count": 3}])
    books.commit(15, topic=world.topics["utm"], group=group)
    books.write("job/g/e", books.head("job") | {"job": "export", "name": "e", "state": "ended",
                                                "selection": {"outage": [ID]}, "counts": {"exported": 4}})
    found = listed(world, books)[0]
    assert found["ended"] == ended
    assert {k: found[k] for k in ("diverted", "dead_lettered", "backfilled", "expired", "exported", "waiting")} == {
        "diverted": 20, "dead_lettered": 0, "backfilled": 12, "expired": 3, "exported": 4, "waiting": 5}
    shown = listed(world, books, "show", ID)
    assert shown["events"] == [{"event": "Purchase", "diverted": 20, "dead_lettered": 0, "value": {"EUR": "30.00"}}]
    text = outages(world, books, "show", ID).stdout
    assert found["backfill_until"] is None and found["expires_from"] > found["started"]
    assert "30.00 EUR" in text and "internal error" in text and "expire from" in text
    table = outages(world, books).stdout
    assert "faults: 30.00 EUR" in table
    assert ID in table and max(map(len, table.splitlines())) <= 80 and max(map(len, text.splitlines())) <= 80


def test_several_instances_see_one_outage(world, books):
    now = time.time()
    outage(books, "opened", "o-1", instance="a", started=iso(now - 600))
    outage(books, "opened", "o-2", instance="b", started=iso(now - 598))
    outage(books, "closed", "o-1", instance="a", started=iso(now - 600), ended=iso(now - 100), diverted=3)
    outage(books, "closed", "o-2", instance="b", started=iso(now - 598), ended=iso(now - 90), diverted=4)
    outage(books, "closed", "o-3", instance="b", started=iso(now - 50), ended=iso(now - 40))
    outage(books, "closed", "o-4", instance="b", started=iso(now - 500), ended=iso(now - 40), event=None)
    found = listed(world, books)
    assert [(o["ids"], o["event"], o["ended"]) for o in found] == [
        (["o-1", "o-2"], "Purchase", iso(now - 90)), (["o-4"], None, iso(now - 40)), (["o-3"], "Purchase", iso(now - 40))]
    shown = listed(world, books, "show", "o-2")
    assert shown["id"] == "o-1" and [(i["instance"], i["diverted"]) for i in shown["instances"]] == [("a", 3), ("b", 4)]


def test_an_outage_that_was_left_open(world, books):
    """Its instance was killed: it ends where it was last told of, unless it goes on."""
    now = time.time()
    world.produce([Record(b"x", partition=0) for _ in range(10)])
    outage(books, "changed", "o-1", at=now - 500, instance="a", started=iso(now - 600))
    assert listed(world, books)[0]["ended"] is None  # nothing says that it is over
    outage(books, "changed", "o-2", at=now - 300, instance="b", started=iso(now - 450))
    found = listed(world, books)
    assert len(found) == 1 and found[0]["ids"] == ["o-1", "o-2"] and found[0]["ended"] is None
    books.tally("A", 0, 10, begin=0, first=True, delivered=10, group="another")
    assert listed(world, books)[0]["ended"] is None
    books.tally("A", 0, 10, begin=0, first=True, delivered=10)
    found = listed(world, books)
    assert found[0]["ended"] == iso(now - 300) and found[0]["is_end_assumed"]


def test_an_id_that_is_not_there(world, books):
    assert outages(world, books).returncode == 1
    outage(books, "opened")
    result = outages(world, books, "show", "nothing")
    assert result.returncode == 1 and ID in result.stderr and result.stdout == ""
    result = outages(world, books, "show")
    assert result.returncode == 2 and "which outage?" in result.stderr
