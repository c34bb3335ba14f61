"""`detour dlq` on real Kafka: what it says of dead letters is compared with what was produced, by detour and by others."""

import contextlib
import json
import os
import pty
import random
import signal
import struct
import subprocess
import time

import pytest
from confluent_kafka import Producer

import events
import fake_tiktok
from detour import BINARY
from services import tied, wait_for
from world import Record

DETOUR = {"detour.reason": "rejected", "detour.error": "code 40002 (param), field user.email; read as rejected",
          "detour.destination": "tiktok", "detour.route": "all", "detour.leg": "tiktok", "detour.event.type": "Purchase",
          "detour.outcome": "rejected", "detour.code": "40002", "detour.attempts": "1", "detour.replays": "0",
          "detour.source.topic": "shop.events", "detour.source.partition": "0", "detour.source.offset": "1"}


def letter(value=b"garbage", key=b"k", partition=0, timestamp=0, before=(), **changes):
    """A dead letter as detour writes it, with some headers changed (None takes one out)."""
    headers = dict(DETOUR, **{f"detour.{k.replace('_', '.')}": v for k, v in changes.items()})
    return Record(value, key=key, partition=partition, timestamp=timestamp,
                  headers=list(before) + [(k, v.encode()) for k, v in headers.items() if v is not None])


def event(name, **changes):
    return events.confluent(1, events.avro(events.CONVERSION, events.conversion(name, **changes)))


@pytest.fixture
def dlq(world):
    """Runs a command on the world's configuration: its exit code, stdout and stderr."""
    run = world.detour()

    def ask(*words, code=0, as_json=False):
        result = run.command("dlq", words[0], "-c", run.file, *words[1:], *(["--json"] if as_json else []))
        assert result.returncode == code, f"exit {result.returncode}\n{result.stdout}\n{result.stderr}"
        return json.loads(result.stdout) if as_json else result

    ask.run = run
    return ask


def test_what_detour_wrote_is_listed_counted_and_shown(world, dlq):
    world.create_all()
    records = world.produce(world.conversions(6, event="Purchase") + world.conversions(4, prefix="a", event="AddToCart"))
    garbage = world.produce([Record(b"garbage", key=b"person@mail.example", want="decode_failed",
                                    headers=[("trace", b"t-1"), ("mail", b"person@mail.example")])])
    refused = [r.id for r in records]
    world.tiktok.on(fake_tiktok.refuse_ids(refused, with_index=True))
    dlq.run.start()
    world.wait_settled()
    notes = world.notes("dead")
    assert len(notes) == 11

    listed = dlq("ls", as_json=True)
    assert len(listed) == 11
    assert {(n["source"]["partition"], n["source"]["offset"]) for n in listed} == {r.place for r in records + garbage}
    assert [n["timestamp"] for n in listed] == sorted((n["timestamp"] for n in listed), reverse=True), "newest first"
    for found in listed:
        (note,) = [n for n in notes if (n.message.partition(), n.message.offset()) == (found["partition"], found["offset"])]
        assert found["dialect"] == "detour" and found["topic"] == world.topics["dead"] and found["odd"] is None
        assert found["reason"] == note.reason and found["event_id"] == note.detour.get("event.id")
        assert found["code"] == (int(note.detour["code"]) if "code" in note.detour else None)
        assert found["attempts"] == int(note.detour["attempts"]) and found["replays"] == 0

    stats = dlq("stats", as_json=True)
    assert stats["total"] == 11 and stats["topic"] == world.topics["dead"]
    assert stats["reason"] == {"rejected": 10, "decode_failed": 1}
    assert stats["destination"] == {"tiktok": 10, "(none)": 1}
    assert stats["event"] == {"Purchase": 6, "AddToCart": 4, "(none)": 1}
    assert stats["code"] == {"40002": 10, "(none)": 1} and stats["route"] == {"all": 10, "(none)": 1}
    assert stats["age"] == {"under 1h": 11}
    text = dlq("stats").stdout
    assert "11 in" in text and "decode_failed" in text and max(map(len, text.splitlines())) <= 80

    table = dlq("ls", "--reason", "decode_failed").stdout
    assert "1 of 1" in table and "decode_failed" in table and "person" not in table
    assert max(map(len, dlq("ls").stdout.splitlines())) <= 80

    one = [n for n in listed if n["event_id"]][0]
    for words in ([f"{one['partition']}:{one['offset']}"],
                  [f"{world.topics['dead']}:{one['partition']}:{one['offset']}"], ["--event-id", one["event_id"]]):
        (shown,) = dlq("show", *words, as_json=True)
        assert shown["event_id"] == one["event_id"] and shown["offset"] == one["offset"]


def test_personal_data_is_hidden_unless_it_is_asked_for(world, dlq):
    world.create("dead", partitions=1)
    address = "x.y@mail.example"
    value = event("e-1", context={"note": "ring +49 151 1234567", "ip4": "203.0.113.9", "plain": "blue",
                                  address: "v", "site": "https://a.example/p?mail=" + address})
    world.produce([letter(value, key=address.encode(), event_id="e-1", before=[("h", address.encode())])], topic=world.topics["dead"])
    shown = dlq("show", "0:0").stdout
    for secret in list(events.CANARIES.values()) + [address, "203.0.113.7", "+49 151", "203.0.113.9", "E.C.P", "Berlin"]:
        assert secret not in shown, secret
    for known in ("49.5", "EUR", "SKU-1", "blue", "https://shop.example/done?[hidden]", "com.example.ConversionEvent",
                  '"email": "[hidden]"', "[hidden, 16 bytes]", "e-1", "Purchase"):
        assert known in shown, known
    (found,) = dlq("show", "0:0", as_json=True)
    assert address not in json.dumps(found) and found["event"]["user"]["email"] == "[hidden]"
    assert found["event"]["properties"]["value"] == 49.5 and found["event"]["event_id"] == "e-1"
    assert found["event"]["user"]["state"] is None, "what is missing is no secret"
    (open_,) = dlq("show", "0:0", "--reveal", as_json=True)
    assert open_["event"]["user"]["email"] == events.CANARIES["email"] and open_["key"]["text"] == address
    assert open_["headers"] == [{"name": "h", "value": {"bytes": len(address), "text": address}}]
    assert events.CANARIES["last_name"] in dlq("show", "0:0", "--reveal").stdout


def test_what_cannot_be_decoded_is_shown_as_far_as_it_goes(world, dlq):
    world.create("dead", partitions=1)
    world.produce([letter(b"secret garbage"), letter(None), letter(events.confluent(99, b"x"))], topic=world.topics["dead"])
    text = dlq("show", "0:0").stdout
    assert "14 bytes, not decoded" in text and "secret" not in text and "73 65" not in text
    assert "73 65 63 72 65 74" in dlq("show", "0:0", "--reveal").stdout
    assert "value         none" in dlq("show", "0:1").stdout
    assert "schema 99" in dlq("show", "0:2").stdout


def spring(topic, partition, offset, cause="org.example.Broken", message="no person@mail.example"):
    return [("kafka_dlt-original-topic", topic.encode()), ("kafka_dlt-original-partition", struct.pack(">i", partition)),
            ("kafka_dlt-original-offset", struct.pack(">q", offset)),
            ("kafka_dlt-original-timestamp", struct.pack(">q", 1773223200000)),
            ("kafka_dlt-original-timestamp-type", b"CreateTime"),
            ("kafka_dlt-exception-fqcn", b"org.springframework.kafka.listener.ListenerExecutionFailedException"),
            ("kafka_dlt-exception-cause-fqcn", cause.encode()), ("kafka_dlt-exception-message", message.encode())]


def connect(topic, partition, offset):
    return [(f"__connect.errors.{k}", v.encode()) for k, v in (
        ("topic", topic), ("partition", str(partition)), ("offset", str(offset)), ("connector.name", "sink"),
        ("task.id", "0"), ("stage", "VALUE_CONVERTER"), ("class.name", "io.confluent.AvroConverter"),
        ("exception.class.name", "org.apache.kafka.connect.errors.DataException"),
        ("exception.message", "cannot read person@mail.example"), ("exception.stacktrace", "at x"))]


def streams(topic, partition, offset):
    return [(f"__streams.errors.{k}", v.encode()) for k, v in (
        ("exception", "java.lang.IllegalStateException: person@mail.example"), ("stacktrace", "at y"),
        ("message", "person@mail.example"), ("topic", topic), ("partition", str(partition)), ("offset", str(offset)))]


def test_dead_letters_of_other_programs_are_read(world, dlq):
    world.create("dead", partitions=1)
    own = [("trace", b"t")]
    world.produce([Record(event(f"o-{i}"), partition=0, headers=own + headers) for i, headers in enumerate((
        spring("orders", 258, 2**40), connect("orders", 2, 77), streams("orders", 3, 5)))], topic=world.topics["dead"])
    found = sorted(dlq("ls", as_json=True), key=lambda n: n["offset"])
    assert [(n["dialect"], n["reason"]) for n in found] == [
        ("spring", "org.example.Broken"), ("connect", "org.apache.kafka.connect.errors.DataException"),
        ("streams", "java.lang.IllegalStateException")]
    assert [n["source"] for n in found] == [
        {"topic": "orders", "partition": 258, "offset": 2**40, "timestamp": "2026-03-11T10:00:00.000Z"},
        {"topic": "orders", "partition": 2, "offset": 77, "timestamp": None},
        {"topic": "orders", "partition": 3, "offset": 5, "timestamp": None}]
    assert all(n["odd"] is None and n["error"] is None for n in found), "an exception's message may quote the event"
    assert [n["offset"] for n in dlq("ls", "--reason", "DataException", as_json=True)] == [1]
    assert [n["offset"] for n in dlq("ls", "--event-id", "o-2", as_json=True)] == [2], "their ids are in the event alone"
    for offset in range(3):
        text = dlq("show", f"0:{offset}").stdout
        assert "person@mail" not in text and "header        trace = [hidden, 1 bytes]" in text
        assert not any(line.startswith("header") and ("kafka_dlt" in line or "errors" in line) for line in text.splitlines())
        assert "person@mail" in dlq("show", f"0:{offset}", "--reveal").stdout


def test_hostile_headers_harm_nothing_and_are_said_to_be_odd(world, dlq):
    world.create("dead", partitions=1, max_message_bytes=4_000_000)
    chance = random.Random(7)
    huge = [(f"detour.{name}", chance.randbytes(chance.choice((0, 1, 8, 3000)))) for name in
            ("reason", "error", "event.id", "part", "source.offset", "at", "code") * 20]
    world.produce([
        letter(reason="because"), letter(reason=None, source_topic=None), letter(source_offset="-5", code="many", at="soon"),
        letter(before=[("detour.reason", b"contract")]), Record(b"x", partition=0, headers=huge),
        letter(error="\x1b[2J\x1b]0;owned\x07\u202e" + "e" * 2000, event_id="i" * 900_000),
        Record(b"x", partition=0, headers=[("kafka_dlt-original-topic", b"t"), ("kafka_dlt-original-offset", b"\0\1\2")]),
        Record(b"x", partition=0, headers=[("kafka_dlt-original-topic", b"\xff"), ("kafka_dlt-original-partition", None)]),
        Record(None, partition=0), letter(part="7/3"), letter(part="1/1000000", part_of="soul"),
    ], topic=world.topics["dead"])
    found = {n["offset"]: n for n in dlq("ls", as_json=True)}
    assert set(found) == set(range(10)), "the last one is a part of a set that is not there"
    assert "detour.reason is none of detour's" in found[0]["odd"] and found[0]["reason"] == "because"
    assert "detour.source.offset is no number" in found[2]["odd"] and found[2]["code"] is None
    assert "more than once" in found[3]["odd"] and found[3]["reason"] == "rejected", "the last counts"
    assert "longer than 512 bytes" in found[5]["odd"] and len(found[5]["event_id"]) == 512
    assert "has not 8 bytes" in found[6]["odd"] and "no UTF-8" in found[7]["odd"]
    assert found[8]["dialect"] == "none"
    for command in ("ls", "stats", "show"):
        words = [command, "--limit", "50"] if command != "stats" else [command]
        result = dlq(*words)
        assert not set(result.stdout) & {"\x1b", "\x07", "\u202e"}, "a terminal would obey"
    assert "1 dead letters in parts are not complete" in dlq("ls").stderr


def test_parts_are_the_one_record_they_are(world, dlq):
    world.create("source", partitions=1, max_message_bytes=8_000_000)
    world.create("utm")
    world.create("dead", partitions=3, max_message_bytes=20_000)
    large = random.Random(3).randbytes
    headers = [("h", large(50_000)), ("\u20ac\x01", b"\0\xff"), ("null", None)]
    note = large(60_000).hex()
    encode = events.Encoder(events.CONVERSION)
    fits = events.conversion(f"{world.name}-large", context={"plain": note})
    records = [Record(b"\7" + large(100_000), headers=headers), Record(b"\7" + large(90_000), key=large(40_000)),
               Record(events.confluent(1, encode(fits)), key=b"kk", id=fits["event_id"]), Record(b"small")]
    world.produce(records)
    world.tiktok.on(fake_tiktok.refuse_ids([fits["event_id"]], with_index=True))
    dlq.run.start()
    world.wait_settled()
    assert sum(high for _, high in world.ends(world.topics["dead"]).values()) > 10
    listed = dlq("ls", as_json=True)
    assert len(listed) == 4 and dlq("stats", as_json=True)["total"] == 4
    by_source = {n["source"]["offset"]: n for n in listed}
    for record in records:
        found = by_source[record.offset]
        (shown,) = dlq("show", "--reveal", f"{found['partition']}:{found['offset']}", as_json=True)
        assert shown["value"]["bytes"] == len(record.value), shown["why"]
        assert (shown["key"] or {}).get("bytes") == (None if record.key is None else len(record.key))
        assert len(shown["headers"]) == len(record.headers)
    (shown,) = dlq("show", "--event-id", fits["event_id"], "--reveal", as_json=True)
    assert shown["event"]["context"]["plain"] == note, "put together, it decodes"


def test_a_selection_takes_what_fits_and_nothing_else(world, dlq):
    world.create("dead", partitions=2)
    now = int(time.time() * 1000)
    records = [letter(event(f"e-{i}", properties={**events.conversion("x")["properties"], "value": float(i)}),
                      key=b"k%d" % (i % 3), partition=i % 2, timestamp=now - (20 - i) * 3600_000,
                      reason=("rejected", "contract", "too_large")[i % 3], event_type=("Purchase", "Search")[i % 2],
                      event_id=f"e-{i}", outage="o-1" if i < 5 else None, route="all" if i < 10 else "other",
                      destination="tiktok" if i % 4 else "utm") for i in range(20)]
    world.produce(records, topic=world.topics["dead"])

    def ids(*words):
        return {int(n["event_id"][2:]) for n in dlq("ls", *words, as_json=True)}

    def iso(ms):
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03}Z"

    everything = set(range(20))
    assert ids() == everything
    assert ids("--reason", "rejected,contract") == {i for i in everything if i % 3 < 2}
    assert ids("--reason", "rejected", "--event", "Search") == {i for i in everything if i % 3 == 0 and i % 2}
    assert ids("--destination", "utm") == {0, 4, 8, 12, 16}
    assert ids("--outage", "o-1", "--key", "k1") == {1, 4}
    assert ids("--route", "other", "--event-id", "e-11", "--event-id", "e-3") == {11}
    assert ids("--since", "150m") == {18, 19}
    assert ids("--since", iso(records[7].timestamp), "--until", iso(records[9].timestamp)) == {7, 8}
    assert ids("--where", "{properties.value: '>= 17', topic: exists}") == {17, 18, 19}
    assert ids("--where", "{any: [{properties.value: '< 2'}, {key: k2, properties.value: between 7..9}]}") == {0, 1, 8}
    assert ids("--where", "{headers.detour.outage: missing, age: '< 2h'}") == set(range(5, 20))
    page = [[n["event_id"] for n in dlq("ls", "--limit", "8", "--page", str(i), as_json=True)] for i in (1, 2, 3)]
    assert sum(page, []) == [f"e-{i}" for i in range(19, -1, -1)], "pages, newest first, each record once"
    assert dlq("ls", "--limit", "8", "--page", "4", code=1, as_json=True) == []
    assert "8 of 20" in dlq("ls", "--limit", "8").stdout and "--page 2" in dlq("ls", "--limit", "8").stdout
    assert dlq("stats", "--reason", "rejected", as_json=True)["total"] == 7
    assert dlq("stats", "--outage", "nobody", code=1, as_json=True)["total"] == 0


def test_what_cannot_be_decoded_is_left_out_of_a_condition_and_counted(world, dlq):
    world.create("dead", partitions=1)
    world.produce([letter(b"garbage"), letter(event("e-1"), event_id="e-1")], topic=world.topics["dead"])
    result = dlq("ls", "--where", "{properties.value: 49.5}")
    assert "1 of 1" in result.stdout and "1 records could not be decoded" in result.stderr


def test_wrong_words_name_the_right_ones(world, dlq):
    world.create("dead", partitions=1)
    for words, code, wants in (
            (["ls", "--reason", "regected"], 2, "did you mean rejected?; there are schema_unknown"),
            (["stats", "--destination", "tictok"], 2, "there are tiktok, utm, dead-letter"),
            (["ls", "--since", "yesterday"], 2, "2026-03-11T10:00:00Z"),
            (["ls", "--where", "{prize: 1}"], 2, "prize"),
            (["ls", "--from", "no.such"], 2, f"there is no topic no.such; the configuration has {world.topics['utm']}, "
                                             f"{world.topics['dead']} (dead_letter)"),
            (["show"], 2, "which one? PARTITION:OFFSET, or --event-id ID"),
            (["show", "first"], 2, "a place is PARTITION:OFFSET"),
            (["show", "5:0"], 2, "has no partition 5: it has 0 to 0"),
            (["show", "0:9"], 1, "the partition is empty"),
            (["show", "--event-id", "nobody"], 1, "nothing found"),
            (["ls"], 1, ""), (["ls", "--page", "0"], 2, "--page wants a number from 1 on")):
        result = dlq(*words, code=code)
        assert wants in result.stderr, result.stderr


def test_a_broker_that_is_not_there_is_exit_code_3(world, dlq):
    config = world.config(kafka={"brokers": "127.0.0.1:1"})
    dlq.run.write(config)
    for command in (["ls"], ["tail"]):
        assert "Kafka does not answer within 10 s: " in dlq(*command, code=3).stderr


def test_aborted_transactions_and_compaction_end_properly(world, dlq):
    """Their offsets hold nothing, also at the very end of a partition."""
    world.create("dead", partitions=2, cleanup_policy="compact", segment_ms=100, min_cleanable_dirty_ratio=0.01,
                 delete_retention_ms=100)
    producer = Producer({"bootstrap.servers": world.kafka.brokers, "transactional.id": f"{world.name}-tx", "log_level": 0})
    producer.init_transactions(20)

    def transact(count, partition, commits):
        producer.begin_transaction()
        for i in range(count):
            producer.produce(world.topics["dead"], b"x", b"key-%d" % i, partition=partition,
                             headers=list(DETOUR.items()))
        producer.flush(20)
        (producer.commit_transaction if commits else producer.abort_transaction)(20)

    transact(5, 0, True)
    transact(3, 0, False)
    transact(2, 1, False)
    began = time.monotonic()
    assert len(dlq("ls", as_json=True)) == 5
    assert time.monotonic() - began < 12, "it does not wait for offsets that never come"
    result = dlq("show", "0:6", code=1)
    assert "it was compacted away, or belongs to a transaction" in result.stderr


def test_tail_prints_what_comes(world, dlq):
    world.create("dead", partitions=2)
    world.produce([letter(event_id="before")], topic=world.topics["dead"])
    out = open(world.directory / "tail", "w+")
    child = subprocess.Popen(tied([BINARY, "dlq", "tail", "-c", dlq.run.file, "--reason", "rejected", "--limit", "3"]),
                             cwd=world.directory, stdout=out, stderr=subprocess.PIPE)
    try:
        def grown():
            world.produce([letter(event_id="after", partition=1), letter(reason="contract", event_id="other")], topic=world.topics["dead"])
            return child.poll() is not None

        wait_for(grown, 40, "three lines", 0.5)
        assert child.returncode == 0
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
            child.wait(10)
    lines = (world.directory / "tail").read_text().splitlines()
    assert len(lines) == 3 and all(" reason=rejected destination=tiktok event=Purchase id=after" in line for line in lines)
    since = dlq("tail", "--since", "1h", "--limit", "1", "--event-id", "before").stdout
    assert " id=before" in since


def test_the_utm_topic_is_read_as_the_events_inside_it(world, dlq):
    world.create_all()
    records = world.produce(world.conversions(3, event="Purchase"))
    world.tiktok.on(fake_tiktok.refuse_ids([r.id for r in records], with_index=True))
    dlq.run.write(world.config(destinations={"tiktok": {"max_age": "1ms"}}))
    dlq.run.start()
    world.wait_settled()
    listed = dlq("ls", "--from", world.topics["utm"], as_json=True)
    assert {n["event_id"] for n in listed} == {r.id for r in records} and {n["reason"] for n in listed} == {"too_old"}
    (shown,) = dlq("show", "--from", world.topics["utm"], "--event-id", records[0].id, as_json=True)
    assert shown["event"]["event_id"] == records[0].id and shown["record"] == "com.example.ConversionEvent"
    assert len(dlq("ls", "--from", world.topics["utm"], "--where", "{event: Purchase}", as_json=True)) == 3


def test_nothing_is_joined_committed_or_changed(world, dlq):
    world.create("dead", partitions=1)
    world.produce([letter() for _ in range(3)], topic=world.topics["dead"])
    dlq("ls"), dlq("stats"), dlq("show", "0:0")
    assert world.committed(topic=world.topics["dead"]) == {} and world.ends(world.topics["dead"]) == {0: (0, 3)}


def test_purge_removes_an_event_and_no_other_record(world, dlq):
    """Where only its records stand before it; of the rest it says where they are and when retention removes them."""
    world.create("dead", partitions=2, retention_ms=7 * 86_400_000)
    hidden = event("gone", properties={**events.conversion("x")["properties"]})
    world.produce([letter(event_id="gone"), Record(hidden, partition=0), letter(event_id="kept"), letter(event_id="gone"),
                   letter(event_id="kept", partition=1), letter(event_id="gone", partition=1), letter(b"?", event_id=None)],
                  topic=world.topics["dead"])
    plan = dlq("purge", "--event-id", "gone", code=1, as_json=True)
    assert [(n["partition"], n["offset"], n["how"]) for n in sorted(plan["records"], key=lambda n: (n["partition"], n["offset"]))] == [
        (0, 0, "delete"), (0, 1, "delete"), (0, 3, "retention"), (1, 1, "retention")]
    assert plan["done"] is False and plan["left"] == 2 and plan["undecoded"] == 1
    assert world.ends(world.topics["dead"]) == {0: (0, 5), 1: (0, 2)}, "nothing is done without --yes"
    text = dlq("purge", "--event-id", "gone", "--yes", code=1)
    assert "0:0           deleted" in text.stdout and "stays: deleting it would delete other records, from 0:2 on" in text.stdout
    assert "1 records name no event and cannot be decoded" in text.stderr
    assert world.ends(world.topics["dead"]) == {0: (2, 5), 1: (0, 2)}
    assert len(world.read("dead")) == 5
    assert dlq("purge", "--event-id", "nobody", "--yes").stdout.startswith("nothing found")


def test_purge_on_a_compacted_topic_writes_tombstones(world, dlq):
    world.create("dead", partitions=1, cleanup_policy="compact")
    world.produce([letter(key=b"own", event_id="gone"), letter(key=b"shared", event_id="gone"),
                   letter(key=b"shared", event_id="kept"), letter(key=b"own", event_id="gone")], topic=world.topics["dead"])
    done = dlq("purge", "--event-id", "gone", "--yes", as_json=True)
    assert [n["how"] for n in done["records"]] == ["tombstone", "superseded", "tombstone"] and done["left"] == 0
    assert [(m.key(), m.value()) for m in world.read("dead")][4:] == [(b"own", None)], "one tombstone, for its own key"
    again = dlq("purge", "--event-id", "gone", "--yes", as_json=True)
    assert {n["how"] for n in again["records"]} == {"superseded"}, "compaction does the rest"
    assert len(world.read("dead")) == 5
    assert "whose records? --event-id ID" in dlq("purge", code=2).stderr


def test_skip_puts_a_decision_on_the_ledger(world, dlq):
    """Who, when, why and which records: twice, before and after. The topic stays as it is."""
    world.create("dead", partitions=2)
    ledger = f"{world.name}.ledger"
    world.create(ledger, partitions=1)
    dlq.run.write(world.config(ledger={"topic": ledger}))
    world.produce([letter(reason=("rejected", "contract", "rejected")[i % 3], event_id=f"e-{i}", partition=i % 2,
                          key=b"person@mail.example") for i in range(12)], topic=world.topics["dead"])
    done = dlq("skip", "--reason", "rejected", "--key", "person@mail.example", "--because", "test data of the shop", as_json=True)
    assert done["skipped"] == 8 and done["reasons"] == {"rejected": 8}
    taken = {(int(p), o) for p, runs in done["records"].items() for first, end in runs for o in range(first, end)}
    listed = {(n["partition"], n["offset"]) for n in dlq("ls", "--reason", "rejected", as_json=True)}
    assert taken == listed
    notes = [json.loads(m.value()) for m in world.read(ledger)]
    assert [n["state"] for n in notes] == ["started", "ended"]
    for note in notes:
        assert (note["v"], note["kind"], note["job"], note["group"]) == (1, "job", "skip", world.group)
        assert note["name"] == done["name"] and note["because"] == "test data of the shop" and "@" in note["by"]
        assert note["topic"] == world.topics["dead"] and note["records"] == done["records"]
        assert note["selection"] == {"reason": ["rejected"], "keys": 1} and note["counts"]["skipped"] == 8
        assert "person@mail" not in json.dumps(note)
    assert {m.key() for m in world.read(ledger)} == {f"job/{world.group}/{done['name']}".encode()}
    decided = {(n["partition"], n["offset"]): n["decided"] for n in dlq("ls", as_json=True)}
    assert len(decided) == 12 and {p for p, n in decided.items() if n} == taken, "it is read back"
    place = min(taken)
    assert decided[place] == {"how": "skipped", "by": notes[1]["by"], "at": notes[1]["at"], "because": "test data of the shop",
                              "job": done["name"]}
    assert dlq("show", "%d:%d" % place, as_json=True)[0]["decided"] == decided[place]
    assert f"decided       skipped by {notes[1]['by']} at " in dlq("show", "%d:%d" % place).stdout
    table = dlq("ls").stdout
    assert table.count(f"skipped by {notes[1]['by']} ") == 8 and max(map(len, table.splitlines())) <= 80
    assert dlq("stats", as_json=True)["decided"] == {"skipped": 8, "(none)": 4}
    more = dlq("skip", "--all", "--because", "the rest", as_json=True)
    assert more["skipped"] == 4 and more["reasons"] == {"contract": 4}, "none is skipped twice"
    assert "8 more are skipped by an earlier decision" in dlq("skip", "--reason", "rejected", "--because", "x", code=1).stderr
    assert len(world.read(ledger)) == 4
    assert sum(high for _, high in world.ends(world.topics["dead"]).values()) == 12
    for words, code, wants in ((["--because", "x"], 2, "which ones? a selection such as --reason, or --all"),
                               (["--all"], 2, "why? --because TEXT"),
                               (["--reason", "expired", "--because", "x"], 1, "nothing found, so nothing is decided")):
        assert wants in dlq("skip", *words, code=code).stderr
    dlq.run.write(world.config())
    assert "ledger: off" in dlq("skip", "--all", "--because", "x", code=2).stderr
    assert len(world.read(ledger)) == 4


def test_a_terminal_sees_how_far_it_is(world, dlq):
    """On stderr alone, and the line is gone when the answer comes."""
    world.create("dead", partitions=1)
    world.produce([letter() for _ in range(3)], topic=world.topics["dead"])
    ours, theirs = pty.openpty()
    child = subprocess.Popen(tied([BINARY, "dlq", "ls", "-c", dlq.run.file, "--json"]), cwd=world.directory, stderr=theirs,
                             stdout=subprocess.PIPE, env=dict(os.environ, TERM="xterm"))
    out = child.communicate(timeout=60)[0]
    os.close(theirs)
    drawn = b""
    with contextlib.suppress(OSError):  # its other end is closed and everything is read
        while True:
            drawn += os.read(ours, 65536)
    os.close(ours)
    assert child.returncode == 0 and len(json.loads(out)) == 3
    assert b"reading [" in drawn and b" of 3" in drawn and drawn.endswith(b"\r\033[K")
