"""`detour reconcile` over invented ledgers in a real Kafka."""

import json
import random
import time

import pytest
from confluent_kafka import Producer, TopicPartition

import books as independent
import fake_tiktok
from detour import Plain
from ledger_book import Ledger
from test_offsets import Traffic
from test_process_faults import either, flows
from world import Record


@pytest.fixture
def books(world):
    world.create("source", "utm", "dead", partitions=1)
    return Ledger(world)


def reconcile(world, books, *arguments, **changes):
    detour = world.detour(world.config(**({"ledger": {"topic": books.topic}} | changes)))
    result = detour.command("reconcile", "-c", detour.file, *arguments)
    return result


def account(world, books, *arguments):
    result = reconcile(world, books, "--json", *arguments)
    assert result.returncode in (0, 1), result.stderr
    return json.loads(result.stdout), result.returncode


def fill(world, count, partition=0):
    world.produce([Record(b"x", partition=partition) for _ in range(count)])


def failures(document):
    return [(f["from"], f["to"], f["count"]) for f in document["findings"] if f["is_failure"]]


def test_books_that_balance(world, books):
    fill(world, 100)
    books.tally("A", 0, 60, begin=0, first=True, delivered=50, diverted=6, dead_lettered=3, dropped=1)
    books.tally("A", 60, 90, delivered=30)
    books.commit(90)
    found, code = account(world, books)
    assert code == 0 and found["ok"] and found["findings"] == []
    assert {k: found[k] for k in ("consumed", "delivered", "diverted", "dead_lettered", "dropped", "in_flight",
                                  "unaccounted", "waiting")} == {
        "consumed": 90, "delivered": 80, "diverted": 6, "dead_lettered": 3, "dropped": 1, "in_flight": 0,
        "unaccounted": 0, "waiting": 10}
    assert found["legs"] == [{"route": "all", "leg": "tiktok", "consumed": 90, "delivered": 80, "diverted": 6,
                              "dead_lettered": 3, "dropped": 1, "in_flight": 0, "unaccounted": 0}]
    assert found["provable_since"] is None
    text = reconcile(world, books)
    assert text.returncode == 0 and "It balances." in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 80


def test_offsets_moved_forward_by_50_are_named(world, books):
    fill(world, 100)
    books.tally("A", 0, 30, begin=0, first=True, delivered=30)
    books.commit(80)
    found, code = account(world, books)
    assert code == 1 and not found["ok"]
    assert found["unaccounted"] == 50 and failures(found) == [(30, 80, 50)]
    assert found["findings"][0]["topic"] == world.topics["source"] and found["findings"][0]["partition"] == 0
    assert "moved forward by hand" in found["findings"][0]["cause"]
    assert found["consumed"] == 80
    text = reconcile(world, books)
    assert "offsets 30 to 79: 50 records" in text.stdout and "It does not balance." in text.stdout


def test_offsets_moved_forward_between_sessions(world, books):
    fill(world, 100)
    books.tally("A", 0, 30, begin=0, first=True, delivered=30)
    books.tally("B", 80, 100, begin=80, delivered=20)
    books.commit(100)
    found, code = account(world, books)
    assert code == 1 and failures(found) == [(30, 80, 50)]


def test_offsets_moved_back_are_counted_once(world, books):
    fill(world, 70)
    books.tally("A", 0, 30, begin=0, first=True, delivered=30)
    books.tally("A", 30, 60, delivered=30)
    books.tally("A", 60, 70, delivered=10)
    books.tally("B", 30, 70, begin=30, diverted=40)
    books.commit(70)
    found, code = account(world, books)
    assert code == 0 and (found["delivered"], found["diverted"], found["consumed"]) == (30, 40, 70)
    assert "moved back by hand" in found["findings"][0]["cause"]


def test_markers_of_transactions_are_no_records(world, books):
    """Offsets that hold no record are neither waiting nor unaccounted."""
    producer = Producer({"bootstrap.servers": world.kafka.brokers, "transactional.id": world.name, "log_level": 0})
    producer.init_transactions(20)
    for _ in range(3):
        producer.begin_transaction()
        for _ in range(5):
            producer.produce(world.topics["source"], b"x", partition=0)
        producer.commit_transaction(20)
    books.tally("A", 0, 5, begin=0, first=True, delivered=5)
    books.tally("B", 6, 17, begin=6, delivered=10)  # the marker at 5 is nobody's
    books.commit(17)
    found, code = account(world, books)
    assert code == 0 and found["unaccounted"] == 0 and found["waiting"] == 0 and found["delivered"] == 15


def test_a_ledger_that_is_not_there_or_off(world, books):
    missing = Ledger(world, create=False)
    missing.topic = f"{world.name}.nowhere"
    result = reconcile(world, missing)
    assert result.returncode == 1 and "there is no topic" in result.stderr and "topics --create" in result.stderr
    off = world.detour(world.config(ledger=Plain("off")))
    result = off.command("reconcile", "-c", off.file)
    assert result.returncode == 2 and "ledger: off" in result.stderr


def test_a_ledger_that_was_deleted_is_named(world, books):
    fill(world, 20)
    books.commit(20)
    found, code = account(world, books)
    assert code == 1 and failures(found) == [(0, 20, 20)]
    assert "the ledger has nothing" in found["findings"][0]["cause"]


def test_a_ledger_that_begins_amid_a_session_is_named(world, books):
    fill(world, 20)
    books.tally("A", 10, 20, delivered=10)
    books.commit(20)
    found, code = account(world, books)
    assert code == 1 and "in the middle of a session" in found["findings"][0]["cause"]


def delete_until(world, topic, offset):
    for future in world.admin.delete_records([TopicPartition(topic, 0, offset)]).values():
        future.result(20)


def test_a_ledger_that_retention_cut_is_named(world, books):
    fill(world, 30)
    books.tally("A", 0, 10, begin=0, first=True, delivered=10)
    books.tally("A", 10, 20, delivered=10)
    books.tally("A", 20, 30, delivered=10)
    books.commit(30)
    delete_until(world, books.topic, 2)
    found, code = account(world, books)
    assert code == 0 and found["consumed"] == 10 and found["ledger"]["truncated"]
    assert found["provable_since"] == books.written[2]["at"]
    assert "retention of the ledger took what was before" in reconcile(world, books).stdout
    found, code = account(world, books, "--since", "30d")
    assert code == 1 and not found["ok"]


def test_a_hole_whose_records_retention_took(world, books):
    fill(world, 100)
    books.tally("A", 0, 30, begin=0, first=True, delivered=30)
    books.tally("B", 80, 100, begin=80, delivered=20)
    books.commit(100)
    delete_until(world, world.topics["source"], 60)
    found, code = account(world, books)
    assert code == 1 and failures(found) == [(30, 80, 50)] and found["findings"][0]["is_offsets"]


def test_another_group_in_the_same_ledger(world, books):
    fill(world, 10)
    books.tally("A", 0, 10, begin=0, first=True, delivered=10)
    books.tally("B", 0, 10, begin=0, first=True, dropped=10, group="somebody")
    books.commit(10)
    found, code = account(world, books)
    assert code == 0 and found["delivered"] == 10 and found["dropped"] == 0


def test_a_time_range(world, books):
    now = time.time()
    fill(world, 30)
    books.tally("A", 0, 10, begin=0, first=True, delivered=10, at=now - 7200)
    books.tally("A", 10, 20, diverted=10, at=now - 3600)
    books.tally("A", 20, 30, dropped=10, at=now - 60)
    books.commit(30)
    found, code = account(world, books, "--since", "90m", "--until", "30m")
    assert code == 0 and (found["delivered"], found["diverted"], found["dropped"]) == (0, 10, 0)
    result = reconcile(world, books, "--since", "yesterday")
    assert result.returncode == 2 and "--since wants a time" in result.stderr


def test_what_became_of_the_diverted(world, books):
    fill(world, 20)
    books.tally("A", 0, 20, begin=0, first=True, diverted=20)
    books.commit(20)
    world.produce([Record(b"x", partition=0) for _ in range(20)], topic=world.topics["utm"])
    group = f"{world.group}.backfill.tiktok"
    books.tally("B", 0, 15, begin=0, first=True, topic=world.topics["utm"], group=group, delivered=12, skipped=3)
    books.commit(15, topic=world.topics["utm"], group=group)
    books.write("job/g/e", books.head("job") | {"job": "export", "name": "e", "state": "ended",
                                                "counts": {"exported": 4}})
    found, code = account(world, books)
    assert code == 0
    assert found["followed"] == {"backfilled": 12, "expired": 3, "skipped": 0, "exported": 4, "waiting": 5, "decided": 0}


def test_the_textfile_of_the_node_exporter(world, books, tmp_path):
    fill(world, 10)
    books.tally("A", 0, 10, begin=0, first=True, delivered=10)
    books.commit(10)
    file = tmp_path / "detour.prom"
    assert reconcile(world, books, "--metrics", file).returncode == 0
    lines = file.read_text().splitlines()
    assert "detour_reconcile_ok 1" in lines and "detour_reconcile_delivered 10" in lines
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("detour.prom")] == ["detour.prom"]
    assert reconcile(world, books, "--metrics", tmp_path / "no" / "file").returncode == 1


def test_odd_records_are_named_and_harm_nothing(world, books):
    fill(world, 10)
    for value in (b"nonsense", b"{}", b'{"v": 99}', b'{"v": 1, "kind": "tally"}', None):
        world.producer.produce(books.topic, value=value)
    books.tally("A", 0, 10, begin=0, first=True, delivered=10)
    books.commit(10)
    found, code = account(world, books)
    assert code == 0 and found["ledger"]["unusable"] == 5
    text = reconcile(world, books).stdout
    assert "newer version" in text and "cannot be used" in text


def test_deep_finds_a_diverted_record_that_is_not_there(world, books):
    fill(world, 10)
    books.tally("A", 0, 10, begin=0, first=True, delivered=7, diverted=3)
    books.commit(10)

    def diverted(offsets, outage="20261130T140158-7f3a"):
        for offset in offsets:
            headers = {"reason": "outage", "source.topic": world.topics["source"], "source.partition": "0",
                       "source.offset": str(offset), "leg": "tiktok", "route": "all", "outage": outage}
            world.producer.produce(world.topics["utm"], b"x", headers=[("detour." + k, v) for k, v in headers.items()])
        assert world.producer.flush(20) == 0

    diverted([1, 2, 2])
    found, code = account(world, books, "--deep")
    assert code == 1 and found["findings"][0]["count"] == 1
    assert (found["findings"][0]["topic"], found["findings"][0]["outage"]) == ("outage", "20261130T140158-7f3a")
    assert "outage of outage 20261130T140158-7f3a: 1" in reconcile(world, books, "--deep").stdout
    diverted([3], outage="another")
    assert account(world, books, "--deep")[1] == 1, "a record of another outage is not the one that is missing"
    diverted([3])
    assert account(world, books, "--deep")[1] == 0


def test_kafka_that_does_not_answer(world, books):
    result = reconcile(world, books, kafka={"brokers": "127.0.0.1:1"})
    assert result.returncode == 3 and "Kafka does not answer" in result.stderr


def test_kill_9_and_the_books_balance(world):
    """The processor's own ledger, killed at random while one type is dark: reconcile and outages against an
    independent count."""
    world.create_all()
    world.topics["ledger"] = f"{world.name}.ledger"
    config = world.config(ledger={"topic": world.topics["ledger"]}, in_flight={"events": 400})
    chance = random.Random(5)
    traffic = Traffic(world, per_second=300)
    world.tiktok.on(fake_tiktok.code(50000), event="Search", times=200)
    run = world.detour(config)
    for turn in range(6):
        run.start()
        if turn == 2:
            flows(world, 100, 90)
        time.sleep(chance.random() * 2.5)
        run.kill()
        result = run.command("reconcile", "-c", run.file, "--json")  # whatever it was doing
        assert result.returncode in (0, 1) and '"is_failure": true' not in result.stdout, result.stdout + result.stderr
    run.start()
    flows(world, 100, 90)
    records = either(traffic.stop())
    world.wait_settled(120)
    run.stop()
    result = run.command("reconcile", "-c", run.file, "--json", "--deep")
    found = json.loads(result.stdout)
    assert result.returncode == 0, result.stdout
    told = independent.read(world, "ledger")
    assert found["consumed"] == len(records) and found["unaccounted"] == found["waiting"] == 0
    events = told.events()
    assert [found[k] for k in ("delivered", "diverted", "dead_lettered", "dropped")] == [
        events.get(k, 0) for k in ("delivered", "diverted", "dead_lettered", "dropped")]
    assert found["delivered"] + found["diverted"] == len(records)
    if found["diverted"]:
        listed = json.loads(run.command("outages", "-c", run.file, "--json").stdout or "[]")
        assert sum(o["diverted"] for o in listed) <= found["diverted"]
