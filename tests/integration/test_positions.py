"""An offset that means another record than before: the log under a committed position has changed, or the metadata of a
commit speaks of another offset. Nothing of the log that is there may be missed, and nothing of it is trusted unseen."""

import pathlib
import re
import struct
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import NewTopic

import fake_tiktok
from detour import merge
from services import wait_for

QUICK = {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}


def config(world, on_gap, **kafka):
    return world.config(kafka={"on_gap": on_gap, "properties": QUICK} | kafka)


def recreate(world, partitions=1, topic=None):
    """Delete the source topic and make it anew, as fast as the broker allows."""
    topic = topic or world.topics["source"]
    world.admin.delete_topics([topic])[topic].result(20)

    def is_made():
        try:
            world.admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(20)
        except Exception as error:
            assert "exist" in str(error).lower() or "deletion" in str(error).lower(), error
            return False
        return True

    wait_for(is_made, 20, "the topic is there again")
    wait_for(lambda: world.has_leaders(topic, partitions), 20, "it has leaders")
    world.renew_producer()


def in_transactions(world, topic, *parts):
    producer = Producer({"bootstrap.servers": world.kafka.brokers, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(30)
    for part in parts:
        producer.begin_transaction()
        for record in part:
            producer.produce(topic, record.value, record.key)
        producer.commit_transaction(30)


def accepted_of(world, records):
    with world.tiktok.lock:
        return sum(1 for r in records if world.tiktok.accepted.get(r.id, 0) > 0)


def copies_of(world, records):
    with world.tiktok.lock:
        return sum(max(0, world.tiktok.accepted.get(r.id, 0) - 1) for r in records)


def set_offset(world, offset, metadata=None, group=None, topic=None):
    """As an operator's tool, or a replicator's checkpoint, sets it: from outside, while nobody is in the group."""
    consumer = Consumer({"bootstrap.servers": world.kafka.brokers, "group.id": group or world.group, "log_level": 0})
    place = TopicPartition(topic or world.topics["source"], 0, offset, metadata) if metadata else \
        TopicPartition(topic or world.topics["source"], 0, offset)
    wait_for(lambda: not consumer.commit(offsets=[place], asynchronous=False)[0].error, 20, "the offset is set")
    consumer.close()


def test_a_topic_made_anew_is_read_from_its_beginning(world):
    """Topics with more, fewer and as many records as before, one after the other, while detour runs."""
    counts = {"more": (50, 120), "far more": (500, 2000), "fewer": (120, 50), "as many": (40, 40), "transactions": (50, 120)}
    topics = {name: f"{world.name}.{name.replace(' ', '-')}" for name in counts}
    world.create("utm", "dead", *topics.values(), partitions=1)
    old, new = {}, {}
    for name, topic in topics.items():
        old[name] = world.produce(world.conversions(counts[name][0], prefix=f"old-{name}"), topic=topic)
    run = world.detour(config(world, "skip", topics=list(topics.values()))).start()
    for topic in topics.values():
        world.wait_settled(topic=topic)
    for name, topic in topics.items():
        recreate(world, topic=topic)
        new[name] = world.conversions(counts[name][1], prefix=f"new-{name}")
        if name == "transactions":  # with the mark of its end where the record that is looked at was
            in_transactions(world, topic, new[name][:49], new[name][49:])
        else:
            world.produce(new[name], topic=topic)
    for name, topic in topics.items():
        world.tiktok.wait_accepted((r.id for r in old[name] + new[name]), timeout=60)
        assert copies_of(world, new[name]) == 0, name
        later = world.produce(world.conversions(10, prefix=f"later-{name}"), topic=topic)
        world.tiktok.wait_accepted(r.id for r in later)
        world.wait_settled(topic=topic)
    run.must_live()


def test_a_topic_made_anew_halts_by_name_and_skip_reads_all_of_it(world):
    world.create_all(partitions=1)
    world.produce(world.conversions(50, prefix="old"))
    run = world.detour(config(world, "halt")).start()
    world.wait_settled()
    recreate(world)
    new = world.produce(world.conversions(120, prefix="new"))
    run.wait_log("source.gap.*action=halt.*next=", timeout=60)
    wait_for(lambda: run.metric("detour_partition_blocked", reason="gap") == 1, 20, "the block has a name")
    time.sleep(2)  # and stays
    assert accepted_of(world, new) == 0
    assert world.committed().get(0, 0) == 0, "an offset of the new log is committed, though nothing of it was read"
    run.stop()
    run.start()  # a restart alone is nobody's decision
    wait_for(lambda: run.log.count("action=halt") >= 2, 60, "it halts again")
    assert accepted_of(world, new) == 0
    run.stop()
    run.write(config(world, "skip"))
    run.start()
    world.tiktok.wait_accepted((r.id for r in new), timeout=60)
    world.wait_settled()
    assert copies_of(world, new) == 0


def test_a_topic_made_anew_with_other_partitions_while_latest(world):
    """`start_from: latest` is about the group's first start, not about a topic that was made anew under it. A fetch at
    the end takes nearly as long as it is between two looks at the metadata: the comparison still comes to its end."""
    world.create_all(partitions=3)
    quick = {**QUICK, "topic.metadata.refresh.interval.ms": 1000, "fetch.wait.max.ms": 900}
    run = world.detour(config(world, "skip", start_from="latest", properties=quick)).start().wait_ready()
    wait_for(lambda: len(world.committed()) == 3, 20, "its places are committed")
    old = world.produce(world.conversions(90, prefix="old"))
    world.tiktok.wait_accepted(r.id for r in old)
    world.wait_settled()
    for partitions in (1, 4):
        recreate(world, partitions)
        new = world.produce(world.conversions(300, prefix=f"new{partitions}"))
        world.tiktok.wait_accepted((r.id for r in new), timeout=60)
        world.wait_settled()
        assert copies_of(world, new) == 0
    run.must_live()


def test_what_latest_leaves_out_is_said(world):
    """Deleted and made anew while no process ran: the group's offsets are gone, and `latest` begins behind what came."""
    world.create_all(partitions=1)
    run = world.detour(config(world, "skip", start_from="latest")).start().wait_ready()
    run.wait_log('level=info event=source.fresh.*from=latest unread=0 next=""')
    world.produce(world.conversions(30, prefix="old"))
    world.wait_settled()
    run.stop()
    recreate(world)
    world.produce(world.conversions(20, prefix="passed over"))
    run.start().wait_ready()
    run.wait_log("level=warn event=source.fresh.*offset=20 from=latest unread=20 next=.*set the group's offset")
    after = world.produce(world.conversions(10, prefix="after"))
    world.tiktok.wait_accepted(r.id for r in after)
    run.stop()


def test_a_topic_made_anew_while_nobody_looked(world):
    """Between two runs, and the group's offset is still there, or is set again, with what detour had noted."""
    world.create_all(partitions=1)
    old = world.produce(world.conversions(60, prefix="old"))
    run = world.detour(config(world, "skip")).start()
    world.wait_settled()
    world.tiktok.wait_accepted(r.id for r in old)
    run.stop()
    noted = metadata_of(world)
    recreate(world)
    new = world.produce(world.conversions(150, prefix="new"))
    set_offset(world, 60, noted)
    run.start()
    world.tiktok.wait_accepted((r.id for r in new), timeout=60)
    world.wait_settled()
    assert copies_of(world, new) == 0
    run.wait_log("source.gap.*action=skip")


def remove_before(world, offset):
    place = TopicPartition(world.topics["source"], 0, offset)
    for future in world.admin.delete_records([place]).values():
        future.result(20)


def test_an_idle_partition_whose_records_were_all_removed_has_no_gap(world):
    """What was noted of it is gone, but nothing that is wanted: as after a quiet week. Both at a start and while it runs."""
    world.create_all(partitions=1)
    records = world.produce(world.conversions(20, prefix="old"))
    quick = {**QUICK, "topic.metadata.refresh.interval.ms": 1000}
    run = world.detour(config(world, "halt", properties=quick)).start()
    world.wait_settled()
    run.stop()
    for part in range(3):
        remove_before(world, len(records))
        if part == 0:
            run.start().wait_ready()
        time.sleep(2.5)  # the library looks at the topic meanwhile
        fresh = world.produce(world.conversions(10, prefix=f"fresh{part}"))
        world.tiktok.wait_accepted(r.id for r in fresh)
        world.wait_settled()
        records += fresh
    assert "source.gap" not in run.log
    assert not world.tiktok.duplicates()


def test_what_transactions_leave_at_the_end_of_a_log_is_no_gap(world):
    """Markers and aborted records are read as soon as the end is: retention takes nothing that anybody wanted."""
    world.create_all(partitions=1)
    topic = world.topics["source"]
    quick = {**QUICK, "topic.metadata.refresh.interval.ms": 1000}
    run = world.detour(config(world, "halt", properties=quick)).start()
    producer = Producer({"bootstrap.servers": world.kafka.brokers, "transactional.id": world.name, "log_level": 0})
    producer.init_transactions(30)
    for part in range(3):
        fresh = world.conversions(10, prefix=f"fresh{part}")
        in_transactions(world, topic, fresh)
        producer.begin_transaction()
        for record in world.conversions(5, prefix=f"aborted{part}"):
            producer.produce(topic, record.value, record.key)
        producer.flush(30)
        producer.abort_transaction(30)
        world.tiktok.wait_accepted(r.id for r in fresh)
        world.wait_settled()  # up to the very end: 10 records, a marker, 5 aborted ones, a marker
        if part == 1:
            run.stop()
        remove_before(world, 17 * (part + 1))
        time.sleep(2.5)  # the library looks at the topic meanwhile
        if part == 1:
            run.start()
    last = world.produce(world.conversions(10, prefix="last"))
    world.tiktok.wait_accepted(r.id for r in last)
    assert "source.gap" not in run.log
    assert len(world.tiktok.accepted) == 40 and not world.tiktok.duplicates()


def test_records_removed_while_their_partition_is_paused_are_named(world):
    world.create_all(partitions=1)
    rule = world.tiktok.on(fake_tiktok.code(40100, Retry_After=1))
    records = world.produce(world.conversions(2000))
    run = world.detour(merge(config(world, "skip"), {"in_flight": {"events": 200}})).start()
    wait_for(lambda: run.metric("detour_partition_blocked", reason="in_flight_events") > 0, 30, "it pauses")
    time.sleep(1.5)
    remove_before(world, 1500)
    world.tiktok.off(rule)
    world.wait_settled()
    run.wait_log("source.gap.*cause=removed.*first=1500.*action=skip")
    world.tiktok.wait_accepted(r.id for r in records[1500:])
    gone = len(records) - accepted_of(world, records)
    wait_for(lambda: run.metric("detour_gap_events_total") == gone, 10, "as many as are counted")
    assert gone > 1000 and run.metric("detour_gaps_total") == 1
    assert not world.tiktok.duplicates()


def metadata_of(world, group=None):
    found = world.asking(group or world.group).committed([TopicPartition(world.topics["source"], 0)], timeout=20)[0]
    assert found.offset >= 0
    return found.metadata


def cut_log(kafka, topic, keep):
    """What an unclean election leaves of a partition: its first @keep records. The broker is down."""
    folder = pathlib.Path(kafka.directory) / "data" / f"{topic}-0"
    segments = sorted(folder.glob("*.log"))
    assert len(segments) == 1, segments
    data = segments[0].read_bytes()
    at = end = 0
    while at < len(data):
        base, length = struct.unpack(">qi", data[at : at + 12])
        count = struct.unpack(">i", data[at + 57 : at + 61])[0]
        if base + count > keep:
            break
        at += 12 + length
        end = base + count
    segments[0].write_bytes(data[:at])
    for name in ("*.index", "*.timeindex", "*.snapshot"):
        for file in folder.glob(name):
            file.unlink()
    (pathlib.Path(kafka.directory) / "data" / ".kafka_cleanshutdown").unlink(missing_ok=True)
    return end


def test_a_log_cut_by_an_unclean_election_goes_on_where_it_is_the_same(own_world, own_kafka):
    """1,000 settled, the last 37 lost by the cluster, others in their place: those are read, and hardly anything again.
    First while detour runs, then between two runs and with fewer records than there were."""
    world = own_world
    world.create_all(partitions=1)
    records = []
    for part in range(100):  # many small batches, as producers write them
        records += world.produce(world.conversions(10, prefix=f"old{part}"))
    run = world.detour(config(world, "skip")).start()
    for is_running, keep, count in ((True, 963, 200), (False, 1123, 15)):
        world.wait_settled()
        world.tiktok.wait_accepted(r.id for r in records)
        before = copies_of(world, records)
        if not is_running:
            run.stop()
        own_kafka.kill()
        end = cut_log(own_kafka, world.topics["source"], keep)
        own_kafka.start()
        world.renew_producer()
        new = world.produce(world.conversions(10, prefix=f"new{is_running}"))
        assert new[0].offset == end and keep - 10 < end <= keep
        for part in range((count - 10) // 5):
            new += world.produce(world.conversions(5, prefix=f"more{is_running}{part}"))
        if not is_running:
            run.start()
        world.tiktok.wait_accepted((r.id for r in new), timeout=90)
        world.wait_settled()
        wait_for(lambda: len(re.findall("source.gap.*cause=truncated.*action=skip", run.log)) == (1 if is_running else 2),
                 20, "it is named")
        again = copies_of(world, records) - before
        print(f"{again} of {len(records)} delivered again")
        assert copies_of(world, new) == 0
        assert again <= 16 * 50, "more than lies between two records that are noted"
        records = [r for r in records if r.offset < end] + new


def stuck_run(world, count=250):
    """One event hangs, all behind it are settled: the commit's metadata says so."""
    first = world.produce(world.conversions(1, prefix="first"))
    rule = world.tiktok.on(fake_tiktok.hang(), event="Search")
    settings = world.config(shutdown={"drain": "1s"},
                            destinations={"tiktok": {"timeout": {"first_byte": "60s", "total": "60s"}}})
    run = world.detour(settings).start()
    world.wait_settled()
    stuck = world.conversions(1, prefix="stuck", event="Search")
    rest = world.conversions(count, prefix="rest", event="Purchase")
    world.produce(stuck + rest)
    world.tiktok.wait_accepted(r.id for r in rest)
    time.sleep(2.5)  # two commit intervals
    run.child.terminate()
    run.wait_exit(15)
    world.tiktok.off(rule)
    return first + stuck + rest


def test_metadata_of_another_offset_topic_or_program_is_never_trusted(world):
    world.create_all(partitions=1)
    records = stuck_run(world)
    noted = metadata_of(world)
    assert noted and noted.isprintable() and noted.isascii()
    other = f"{world.name}.other"
    world.topics["other"] = other
    world.create("other", partitions=1)
    fresh = world.conversions(250, prefix="fresh", event="Purchase")
    world.produce(fresh, topic=other)
    cases = {
        "translated": (other, 40, noted),
        "the same offset of another topic": (other, 1, noted),
        "another program's": (other, 3, '{"node":"a","ts":1}'),
        "an older version's": (other, 5, "d1:AQE"),
        "cut": (other, 1, noted[:-5]),
        "garbage": (other, 1, "d2:" + "A" * 60),
        "with a NUL": (other, 1, noted[:20] + "\0" + noted[20:]),
        "translated within the topic": (world.topics["source"], 30, noted),
    }
    runs = {}
    for number, (name, (topic, offset, text)) in enumerate(cases.items()):
        group = f"{world.group}-{number}"
        try:
            set_offset(world, offset, text, group=group, topic=topic)
        except (TypeError, ValueError):
            continue  # this client cannot write it
        tiktok = fake_tiktok.FakeTikTok()
        settings = world.config(kafka={"group": group, "topics": [topic]}, destinations={"tiktok": {"url": tiktok.url}})
        runs[name] = (world.detour(settings, name=f"case{number}").start(), tiktok, topic, offset)
    for name, (run, tiktok, topic, offset) in runs.items():
        all_of_it = fresh if topic == other else records
        wanted = [r.id for r in all_of_it if r.offset >= offset]
        try:
            tiktok.wait_accepted(wanted, timeout=60)
            run.wait_log("source.metadata_ignored")
            assert run.log.count("source.metadata_ignored") == 1, name
            run.stop()
        finally:
            tiktok.stop()
