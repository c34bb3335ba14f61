"""Dead letters: the record as it was, our headers as the contract lists them, and topics that are not there."""

import base64
import collections
import datetime
import json
import random
import time

from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

import events
import fake_tiktok
from services import wait_for
from world import Record

SOURCE_HEADERS = {"source.topic", "source.partition", "source.offset", "source.timestamp"}
ALWAYS = {"reason", "error", "outcome", "at", "attempts", "instance", "replays"} | SOURCE_HEADERS


def test_the_record_is_kept_byte_for_byte(world):
    """Key, value and headers of whatever came; our headers after the original ones; its timestamp among them."""
    world.create_all()
    records = [
        Record(b"garbage", key=b"k", want="decode_failed"),
        Record(b"", key=b"empty", want="decode_failed"),
        Record(None, key=b"tombstone", want="decode_failed"),
        Record(b"\0\0\0\0\1", want="decode_failed"),
        Record(b"\0\0\0\0\1" + b"\xff" * 200, key=b"\xff\x00", want="decode_failed"),
        Record(events.confluent(999, b"x"), want="schema_unknown"),
        Record(b"x", headers=[("a", b"1"), ("a", b"2"), ("b", None), ("c", b""), ("d", b"\xff\xfe")],
               want="decode_failed"),
        Record(b"y", headers=[("trace", b"t"), ("detour.reason", b"forged")], want="decode_failed"),
    ]
    for index, record in enumerate(records):
        record.timestamp = int(time.time() * 1000) - 100_000 + index
    world.produce(records)
    before = time.time()
    world.detour().start()
    world.wait_settled()
    world.settle_account(records)
    notes = {n.place: n for n in world.notes("dead")}
    for record in records:
        note = notes[record.place]
        assert note.message.value() == record.value
        assert note.message.key() == record.key
        assert before - 1 <= note.message.timestamp()[1] / 1000 <= time.time() + 1, "the time of writing"
        assert note.headers == [h for h in record.headers if not h[0].startswith("detour.")]
        names = [k for k, _ in note.message.headers()]
        assert names[: len(note.headers)] == [k for k, _ in note.headers], "ours come after the original ones"
        assert ALWAYS <= note.detour.keys(), f"missing: {ALWAYS - note.detour.keys()}"
        assert note.detour["outcome"] == "never_sent" and note.detour["attempts"] == "0"
        assert note.detour["replays"] == "0"
        assert note.detour["source.timestamp"] == str(record.timestamp)
        assert "event.id" not in note.detour and "route" not in note.detour
        at = datetime.datetime.fromisoformat(note.detour["at"])
        assert before - 1 <= at.timestamp() <= time.time() + 1


def test_headers_of_a_rejected_event(world):
    world.create_all()
    (record,) = world.produce(world.conversions(1, event="Purchase"))
    record.want = "rejected"
    world.tiktok.on(fake_tiktok.refuse_ids([record.id], with_index=True))
    world.detour().start()
    world.wait_settled()
    world.settle_account([record])
    detour = world.notes("dead")[0].detour
    wanted = {
        "reason": "rejected", "destination": "tiktok", "route": "all", "leg": "tiktok",
        "event.id": record.id, "event.type": "Purchase", "outcome": "rejected", "http.status": "200",
        "code": "40002", "attempts": "1", "replays": "0", "source.topic": world.topics["source"],
        "source.partition": str(record.partition), "source.offset": str(record.offset),
    }
    assert {k: detour.get(k) for k in wanted} == wanted
    assert len(detour["request.id"]) == 34
    assert "outage" not in detour, "nothing opened"
    assert set(detour) <= set(wanted) | ALWAYS | {"request.id"}


def test_headers_of_kafka_connect_on_request(world):
    world.create_all()
    (record,) = world.produce([Record(b"garbage", want="decode_failed")])
    world.detour(world.config(destinations={"dead-letter": {"headers": "connect"}})).start()
    world.wait_settled()
    connect = dict(h for h in world.notes("dead")[0].headers if h[0].startswith("__connect.errors."))
    assert connect["__connect.errors.topic"].decode() == world.topics["source"]
    assert connect["__connect.errors.partition"].decode() == str(record.partition)
    assert connect["__connect.errors.offset"].decode() == str(record.offset)


def test_giant_records_are_delivered_or_kept_whole(world):
    """Beyond a batch, beyond the dead-letter topic's record size: every byte is somewhere, and the next event is not affected."""
    world.create("source", max_message_bytes=8_000_000)
    world.create("utm")
    world.create("dead", max_message_bytes=100_000)
    encode = events.Encoder(events.CONVERSION)
    fits = events.conversion(f"{world.name}-fits", context={"note": "n" * 600_000})
    chance = random.Random(5)  # bytes that no compression makes small
    giant = Record(b"\7" + chance.randbytes(5_000_000), key=b"giant", want="decode_failed")
    middle = Record(b"\7" + chance.randbytes(90_000), key=b"middle", want="decode_failed")
    records = [giant, middle, Record(events.confluent(1, encode(fits)), id=fits["event_id"])]
    records += world.conversions(50)
    world.produce(records)
    world.detour().start()
    world.wait_settled()
    parts = [n for n in world.notes("dead") if n.place == giant.place]
    parts.sort(key=lambda n: int(n.detour["part"].split("/")[0]))
    assert b"".join(n.message.value() for n in parts) == giant.value
    assert all(n.message.key() == b"giant" for n in parts)
    (whole,) = [n for n in world.notes("dead") if n.place == middle.place]
    assert whole.message.value() == middle.value
    world.tiktok.wait_accepted(r.id for r in records if r.id)
    assert not world.tiktok.duplicates()


def whole(notes):
    """Key, value and headers of one dead letter, put together from its parts as docs/delivery.md says."""
    notes = sorted(notes, key=lambda n: int(n.detour.get("part", "1/1").split("/")[0]))
    assert [n.detour.get("part", "1/1") for n in notes] == [f"{i + 1}/{len(notes)}" for i in range(len(notes))]
    pieces = {}
    for note in notes:
        piece = note.detour.get("part.of", "value")
        value = note.message.value()
        pieces[piece] = value if piece not in pieces else pieces[piece] + value
    headers = notes[0].headers
    if "headers" in pieces:
        headers = [(h["name"], None if h["value"] is None else base64.b64decode(h["value"]))
                   for h in json.loads(pieces["headers"])]
        assert not any(n.headers for n in notes), "in the parts, or in each record"
    return pieces.get("key", notes[0].message.key()), pieces["value"], headers


def test_what_is_too_large_goes_in_parts_and_holds_up_nobody(world):
    """Headers, keys and values beyond the dead-letter topic's record size, all in one partition: every byte is kept, nothing waits."""
    world.create("source", partitions=1, max_message_bytes=8_000_000)
    world.create("utm")
    world.create("dead", partitions=2, max_message_bytes=20_000)
    chance = random.Random(3)  # bytes that no compression makes small
    large = chance.randbytes
    hostile = [("\u20ac\x01", b"\0\xff"), ("same", None), ("same", b""), ("detour.error", b"forged"), ('"\\', b"q")]
    bad = [
        Record(b"garbage", key=b"big", headers=[("h", large(1_000_000))] + hostile),
        Record(b"garbage", key=large(300_000), headers=hostile),
        Record(b"\7" + large(100_000), key=large(90_000), headers=[("h", large(80_000))]),
        Record(None, headers=[(f"n{i}", large(3)) for i in range(20_000)]),
        Record(b"", key=large(40_000)),
        Record(b"\7" + large(200_000), key=b"k" * 100, headers=hostile),
    ]
    small = [Record(b"garbage%d" % i, key=b"%d" % i, headers=hostile) for i in range(200)]
    for record in bad + small:
        record.want = "decode_failed"
    good = world.conversions(100)
    records = [r for i in range(100) for r in ([bad[i // 16]] if i % 16 == 0 and i // 16 < len(bad) else []) + small[2 * i:2 * i + 2] + [good[i]]]
    assert len(records) == 306
    world.produce(records)
    run = world.detour().start()
    world.wait_settled(60)
    assert "stuck" not in run.log and "dead_letter.too_large" not in run.log
    found = collections.defaultdict(list)
    for note in world.notes("dead"):
        found[note.place].append(note)
    assert set(found) == {r.place for r in bad + small}
    for record in bad + small:
        notes = found[record.place]
        kept = [h for h in record.headers if not h[0].startswith("detour.")]
        assert whole(notes) == (record.key, record.value, kept), record.place
        assert {n.reason for n in notes} == {"too_large" if record in bad else "decode_failed"}
        is_key_apart = len(record.key or b"") > 16_000
        assert {n.detour.get("mended") for n in notes} == ({"key"} if is_key_apart else {None})
    world.tiktok.wait_accepted(r.id for r in good)
    assert not world.tiktok.duplicates()


def test_a_topic_that_takes_next_to_nothing_is_waited_for(world):
    """Where not even the smallest part fits, the partition is blocked by name, the log says what to raise, and then it goes on."""
    world.create("source", partitions=1)
    world.create("utm")
    world.create("dead", partitions=1, max_message_bytes=400)
    header = random.Random(3).randbytes(100_000)
    big = Record(b"garbage", key=b"big", headers=[("h", header)], want="too_large")
    good = world.conversions(20)
    world.produce([big])
    run = world.detour().start()
    found = run.wait_log(r"dead_letter.too_large.*value_bytes=7 .*max.message.bytes of the topic to (\d+)")
    wait_for(lambda: run.metric("detour_partition_blocked", reason="dead_letter") == 1, 20, "the block has a name")
    world.produce(good)
    assert run.metric("detour_in_flight_events") == 1 and not world.committed().get(0)
    limit = ConfigEntry("max.message.bytes", found.group(1), incremental_operation=AlterConfigOpType.SET)
    wanted = ConfigResource("topic", world.topics["dead"], incremental_configs=[limit])
    for future in world.admin.incremental_alter_configs([wanted]).values():
        future.result(20)
    world.wait_settled(60)
    assert whole(world.notes("dead")) == (b"big", b"garbage", [("h", header)])
    world.tiktok.wait_accepted(r.id for r in good)
    wait_for(lambda: run.metric("detour_partition_blocked", reason="dead_letter") == 0, 20, "the block is gone")


def test_a_long_event_id_does_not_make_the_headers_long(world):
    world.create_all()
    encode = events.Encoder(events.CONVERSION)
    name = "i" * 100_000
    record = Record(events.confluent(1, encode(events.conversion(name, event="Purchase"))), id=name, want="rejected")
    world.produce([record])
    world.tiktok.on(fake_tiktok.refuse_ids([name], with_index=True))
    world.detour().start()
    world.wait_settled()
    (note,) = world.notes("dead")
    assert note.detour["event.id"] == "i" * 512


def test_a_missing_dead_letter_topic_blocks_its_partition_and_no_other(world):
    world.create("source", "utm", partitions=3)
    good = world.conversions(60)
    for index, record in enumerate(good):
        record.partition = index % 3
    bad = Record(b"garbage", partition=1, want="decode_failed")
    world.produce(good[:30] + [bad] + good[30:])
    run = world.detour().start()
    others = [r for r in good if r.partition != 1]
    world.tiktok.wait_accepted(r.id for r in others)
    run.wait_log("dead")
    end = {p: high for p, (_, high) in world.ends(world.topics["source"]).items()}

    def others_committed():
        now = world.committed()
        return all(now.get(p, -1) == end[p] for p in (0, 2))

    wait_for(others_committed, 30, lambda: f"{world.committed()} of {end}")
    assert world.committed().get(1, 0) <= bad.offset, "an offset past what was never written"
    wait_for(lambda: run.metric("detour_partition_blocked", reason="dead_letter") == 1, 20, "the block has a name")
    world.create("dead")
    world.wait_settled()
    world.settle_account(good + [bad])
    wait_for(lambda: run.metric("detour_partition_blocked", reason="dead_letter") == 0, 20, "the block is gone")


def test_a_flood_for_a_missing_topic_leaves_room_for_the_others(world):
    """More records than may be in flight wait for the dead-letter topic, all of one partition."""
    world.create("source", "utm", partitions=2)
    flood = [Record(b"garbage%d" % i, partition=0, want="decode_failed") for i in range(3000)]
    world.produce(flood)
    run = world.detour(world.config(in_flight={"events": 1000})).start()
    run.wait_log("record.crowded.*dead-letter")
    good = world.conversions(300)
    for record in good:
        record.partition = 1
    world.produce(good)
    world.tiktok.wait_accepted((r.id for r in good), 20)
    wait_for(lambda: run.metric("detour_partition_blocked", reason="dead_letter") == 1, 20, "the block has a name")
    assert run.metric("detour_partition_blocked") == 1, "nothing else is blocked"
    world.create("dead", partitions=2)
    world.wait_settled()
    world.settle_account(flood + good)
    assert "worker.full" not in run.log


def test_a_missing_alternate_topic_waits_as_well(world):
    world.create("source", "dead")
    records = world.conversions(30)
    for record in records:
        record.want = "utm"
    world.produce(records)
    world.tiktok.on(fake_tiktok.code(50000))
    run = world.detour().start()
    run.wait_log("stuck|utm", timeout=40)
    assert all(v == 0 for v in world.committed().values()) or not world.committed()
    world.create("utm")
    world.wait_settled()
    world.settle_account(records)
