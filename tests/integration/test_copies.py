"""Copies in Kafka: their age is their own, and what a topic refuses of one record stops no other."""

import json
import time

import pytest

import events
from services import Kafka, wait_for
from stage import elsewhere
from world import Record, World

DAY = 86_400_000
OLD = 20 * DAY


class TidyKafka(Kafka):
    """Deletes what is past its retention within a second, not within five minutes."""

    def settings(self):
        return super().settings() + "log.initial.task.delay.ms=500\nlog.retention.check.interval.ms=500\n"


@pytest.fixture
def tidy_world(tmp_path, tiktok, binary):
    kafka = TidyKafka(tmp_path / "kafka").start()
    world = World(tmp_path, kafka, None, tiktok)
    yield world
    world.end()
    kafka.stop()


def now_ms():
    return int(time.time() * 1000)


def aged(records, ages):
    for record, age in zip(records, ages, strict=True):
        record.timestamp = now_ms() - age
    return records


def source_of(note):
    return {k: note.detour.get(f"source.{k}") for k in ("topic", "partition", "offset", "timestamp")}


def test_no_copy_is_born_expired(tidy_world):
    """Events of 20 days ago, topics of 7 days: every copy is there when the broker has tidied up, unless it was asked to keep the time."""
    world = tidy_world
    names = {n: f"{world.name}.{n}" for n in ("archive", "kept", "stamped", "canary")}
    week = {"retention_ms": 7 * DAY}
    world.create("source", retention_ms=-1)
    world.create("utm", "dead", names["archive"], names["canary"], **week)
    world.create(names["kept"], retention_ms=-1)
    world.create(names["stamped"], message_timestamp_type="LogAppendTime", **week)
    garbage = aged([Record(b"garbage", key=b"g", headers=[("a", b"1")], want="decode_failed"),
                    Record(None, key=b"null", want="decode_failed")], [OLD, OLD + 1])
    old = aged(world.conversions(20, timestamp=now_ms() - OLD), [OLD + i for i in range(20)])
    for record in old:
        record.want = "utm"  # older than TikTok's max_age
        record.headers = [("trace", b"t"), ("detour.source.timestamp", b"forged")]
    world.produce(garbage + old)
    kafka = {"type": "kafka", "format": "original"}
    destinations = {"archive": {**kafka, "topic": names["archive"]}, "stamped": {**kafka, "topic": names["stamped"], "keep_timestamp": True},
                    "kept": {**kafka, "topic": names["kept"], "keep_timestamp": True}}
    routes = [{"name": "all", "match": {}, "legs": [["tiktok", "utm"], ["archive"], ["kept"], ["stamped"]]}]
    world.detour(world.config(destinations=destinations, routes=routes)).start()
    began = now_ms()
    world.wait_settled()
    world.produce([Record(b"old", timestamp=now_ms() - OLD, partition=p) for p in range(3)], topic=names["canary"])
    wait_for(lambda: all(low == 1 for low, _ in world.ends(names["canary"]).values()), 60, "the broker tidied up", 0.2)
    time.sleep(1.5)  # and the other topics in the same turn, or in the next
    world.settle_account(garbage + old)

    by_place = {r.place: r for r in garbage + old}
    for topic, count in (("utm", 20), ("dead", 2), (names["archive"], 20), (names["kept"], 20), (names["stamped"], 20)):
        notes = world.notes(topic)
        assert len(notes) == count, topic
        for note in notes:
            record = by_place[note.place]
            stamp = note.message.timestamp()[1]
            if topic == names["kept"]:
                assert stamp == record.timestamp
            else:
                assert began - 2000 <= stamp <= now_ms() + 2000, (topic, stamp)
            assert source_of(note) == {"topic": world.topics["source"], "partition": str(record.partition),
                                       "offset": str(record.offset), "timestamp": str(record.timestamp)}
            assert note.headers == [h for h in record.headers if not h[0].startswith("detour.")]
            assert note.message.key() == record.key and "mended" not in note.detour
            if topic != "utm":
                assert note.message.value() == record.value


def test_what_a_topic_refuses_of_a_record_is_mended(world):
    """Timestamps out of bounds and keys that are missing, each in a batch of innocents, on topics that
    are full of limits: all is written once, the innocents as they were, and nothing stands still."""
    names = {n: f"{world.name}.{n}" for n in ("bounded", "compacted")}
    world.create("source", partitions=1, message_timestamp_after_max_ms=400 * DAY)
    world.create("utm")
    world.create(names["bounded"], partitions=2, message_timestamp_before_max_ms=10 * DAY, message_timestamp_after_max_ms=DAY)
    world.create(names["compacted"], partitions=2, cleanup_policy="compact,delete", message_timestamp_before_max_ms=10 * DAY)
    world.create("dead", partitions=2, cleanup_policy="compact", message_timestamp_after_max_ms=3_600_000)
    good = world.conversions(300)
    ages = {10: OLD, 50: OLD, 51: -40 * DAY, 52: 3 * DAY, 53: -DAY // 2, 199: 11 * DAY, 250: 9 * DAY}
    for index, record in enumerate(good):
        record.timestamp = now_ms() - ages.get(index, index)
        if index in (20, 50, 120, 121, 299):
            record.key = None
    garbage = [Record(b"garbage%d" % i, key=None if i % 7 == 3 else b"%d" % i, want="decode_failed",
                      headers=[("detour.mended", b"forged"), ("detour.source.offset", b"-1"), ("\xff", None), ("", b"\0\xff")])
               for i in range(60)]
    for record in garbage[::5]:
        record.timestamp = now_ms() + 40 * DAY
    world.produce(good + garbage)
    kafka = {"type": "kafka", "format": "original", "keep_timestamp": True}
    destinations = {n: {**kafka, "topic": t} for n, t in names.items()}
    routes = [{"name": "all", "match": {}, "legs": [["tiktok"], ["bounded"], ["compacted"]]}]
    run = world.detour(world.config(destinations=destinations, routes=routes)).start()
    began = now_ms()
    world.wait_settled(60)
    world.settle_account(good + garbage)
    assert "stuck" not in run.log and run.metric("detour_partition_blocked") == 0
    assert run.log.count("record.mended") <= 6, "one line for each kind and topic"

    by_place = {r.place: r for r in good + garbage}

    def check(topic, count, too_old, too_new, needs_key):
        notes = world.notes(topic)
        assert sorted(n.place for n in notes) == sorted({n.place for n in notes}) and len(notes) == count
        for note in notes:
            record = by_place[note.place]
            age = began - record.timestamp
            changed = ["key"] * (needs_key and record.key is None) + ["timestamp"] * (age > too_old or -age > too_new)
            assert note.detour.get("mended") == (",".join(changed) or None), (topic, record, age)
            assert note.message.key() == (f"{world.topics['source']}-{record.partition}-{record.offset}".encode()
                                          if "key" in changed else record.key)
            stamp = note.message.timestamp()[1]
            is_now = topic == "dead" or "timestamp" in changed
            assert began - 2000 <= stamp <= now_ms() + 2000 if is_now else stamp == record.timestamp
            assert note.message.value() == record.value
            assert note.headers == [h for h in record.headers if not h[0].startswith("detour.")]
            assert note.detour["source.timestamp"] == str(record.timestamp)

    check(names["bounded"], 300, 10 * DAY, DAY, False)
    check(names["compacted"], 300, 10 * DAY, 3_600_000, True)
    check("dead", 60, 1e18, 1e18, True)


# topic, settings of it, what is said of it: each deletes, replaces or refuses copies in a way of its own
UNFIT = [
    ("dead", {"retention_ms": 20 * DAY}, ["retention.ms should be at least 2592000000", "as long as the source keeps"]),
    ("utm", {"retention_ms": DAY // 24}, ["retention.ms should be at least 777600000", "max_age"]),
    ("sized", {"retention_bytes": 1_000_000}, ["retention.bytes is 1000000"]),
    ("compacted", {"cleanup_policy": "compact"}, ["cleanup.policy must be delete", "same key", "without a value"]),
    ("kept", {"retention_ms": 7 * DAY}, ["keep_timestamp", "older than retention.ms (7 d)", "retention.ms to -1"]),
    ("before", {"retention_ms": -1, "message_timestamp_before_max_ms": DAY}, ["older than that is written with the time of writing"]),
    ("stamped", {"message_timestamp_type": "LogAppendTime"}, ["keep_timestamp has no effect"]),
    ("clock", {"message_timestamp_after_max_ms": 1000}, ["message.timestamp.after.max.ms is 1 s", "clocks"]),
    ("small", {"max_message_bytes": 50_000}, ["max.message.bytes should be at least"]),
    ("segment", {"segment_bytes": 1_048_576, "max_message_bytes": 2_000_000}, ["segment.bytes is 1048576"]),
    ("fine", {"max_message_bytes": 2_000_000}, None),
]


def test_what_settings_do_to_copies_is_said(world):
    """topics, check --online and the start of run say of each alternate and dead-letter topic what would become of its records."""
    world.create("source", retention_ms=30 * DAY, max_message_bytes=1_048_588)
    names = {n: world.topics.get(n) or f"{world.name}.{n}" for n, _, _ in UNFIT}
    for name, settings, _ in UNFIT:
        world.create(names[name], partitions=1, **{"max_message_bytes": 2_000_000, **settings})
    destinations = {n: {"type": "kafka", "topic": t, "format": "original", **({"keep_timestamp": True} if n in ("kept", "before", "stamped") else {})}
                    for n, t in names.items() if n not in ("utm", "dead")}
    destinations["tiktok"] = {"max_age": "9d"}
    chain = [n for n in names if n not in ("utm", "dead")]
    routes = [{"name": "all", "match": {}, "legs": [["tiktok", "utm"]] + [[n] for n in chain]}]
    run = world.detour(world.config(destinations=destinations, routes=routes))
    answer = json.loads(run.check("--online", "--json").stdout)
    said = [e["message"] for e in answer["errors"] + answer["warnings"]]
    shown = json.loads(run.command("topics", "-c", "detour.yaml", "--json").stdout)["topics"]
    remarks = {t["name"]: t["remark"] for t in shown}
    run.start()
    run.wait_log("topic.unfit.*" + names["segment"])
    for name, _, words in UNFIT:
        topic = names[name]
        about = [m for m in said if m.startswith(f"topic {topic}: ")]
        if words is None:
            assert not about and remarks[topic] is None and f'topic.unfit topic="{topic}"' not in run.log
            continue
        assert len(about) == 1 and f'topic.unfit topic="{topic}"' in run.log, topic
        for word in words:
            assert word in about[0] and word in remarks[topic], (word, about)
    assert not answer["ok"] and [e["message"].split(":")[0] for e in answer["errors"]] == [f"topic {names['compacted']}"]
    assert {t["name"]: t["timestamp_type"] for t in shown}[names["stamped"]] == "LogAppendTime"


def test_topics_are_made_to_keep_what_is_written_there(tmp_path, tiktok, binary):
    """On a broker whose defaults keep little, made topics need no advice."""

    class Forgetful(Kafka):
        def settings(self):
            return super().settings() + "log.retention.ms=600000\nlog.retention.bytes=1000000\nlog.cleanup.policy=compact\n"

    kafka = Forgetful(tmp_path / "kafka").start()
    world = World(tmp_path, kafka, None, tiktok)
    try:
        kept = {"type": "kafka", "topic": f"{world.name}.kept", "format": "original", "keep_timestamp": True}
        routes = [{"name": "all", "match": {}, "legs": [["tiktok", "utm"], ["kept"]]}]
        run = world.detour(world.config(destinations={"kept": kept, "tiktok": {"max_age": "20d"}}, routes=routes))
        made = run.command("topics", "-c", "detour.yaml", "--create", "--json")
        assert made.returncode == 0, made.stderr
        topics = {t["name"]: t for t in json.loads(made.stdout)["topics"] if t["role"] != "source"}
        assert {t["remark"] for t in topics.values()} == {None}
        assert {n: t["retention_ms"] for n, t in topics.items()} == {
            world.topics["utm"]: 20 * DAY, world.topics["dead"]: 14 * DAY, kept["topic"]: -1}
        assert {t["retention_bytes"] for t in topics.values()} == {None}
    finally:
        world.end()
        kafka.stop()


@pytest.mark.parametrize("offset", [3 * 3600, -3 * 3600], ids=["ahead", "behind"])
def test_a_clock_that_is_wrong_stops_nothing(world, offset):
    """Three hours off: the topics refuse the time of writing, and the records are there with the original's."""
    archive = f"{world.name}.archive"
    hour = {"message_timestamp_before_max_ms": 3_600_000, "message_timestamp_after_max_ms": 3_600_000}
    world.create("source")
    world.create("utm")
    world.create("dead", archive, **hour)
    garbage = [Record(b"garbage%d" % i, key=b"g", want="decode_failed") for i in range(50)]
    good = world.conversions(100)
    world.produce(garbage[:20] + good + garbage[20:])
    place, environment = elsewhere(world.directory)
    place.write_text(f"offset {offset}\n")
    routes = [{"name": "all", "match": {}, "legs": [["archive"]]}]
    kafka = {"type": "kafka", "topic": archive, "format": "original"}
    run = world.detour(world.config(destinations={"archive": kafka}, routes=routes), environment=environment).start()
    world.wait_settled(60)
    assert "stuck" not in run.log
    by_place = {r.place: r for r in garbage + good}
    notes = world.notes("dead") + world.notes(archive)
    assert sorted(n.place for n in notes) == sorted(by_place)
    for note in notes:
        assert note.message.timestamp()[1] == by_place[note.place].timestamp and note.detour["mended"] == "timestamp"
