"""What the Kafka client cannot do is named, with the way out, and nothing is skipped for it."""

from confluent_kafka import Consumer, Producer

from services import wait_for
from test_metrics import status_of
from world import Record

MIB = 1024 * 1024


def bomb(world, size, codec="zstd", partition=0):
    """One record of @size bytes in a batch of a few KiB."""
    producer = Producer({"bootstrap.servers": world.kafka.brokers, "compression.type": codec, "log_level": 0,
                         "message.max.bytes": 1_000_000_000, "queue.buffering.max.kbytes": 2_000_000})
    found = []
    producer.produce(world.topics["source"], b"\0" * size, b"bomb", partition=partition,
                     on_delivery=lambda error, message: found.append((error, message.offset())))
    assert producer.flush(60) == 0 and found[0][0] is None, found
    return Record(b"\0" * size, b"bomb", want="decode_failed", partition=partition, offset=found[0][1])


def blocked(run, reason):
    return run.metric("detour_partition_blocked", reason=reason)


def on(partition, records):
    for record in records:
        record.partition = partition
    return records


def test_a_batch_that_cannot_be_unpacked_blocks_its_partition_by_name(world):
    world.create_all(partitions=2)
    before = world.produce(on(0, world.conversions(20, "before")))
    poison = bomb(world, 90 * MIB)
    behind = world.produce(on(0, world.conversions(20, "behind")))
    run = world.detour().start().wait_ready()
    wait_for(lambda: blocked(run, "unreadable") == 1, 30, lambda: f"named; {run.tail()}")
    others = world.produce(on(1, world.conversions(50, "others")))
    world.tiktok.wait_accepted(r.id for r in before + others)
    line = run.wait_log(r"event=source.unreadable .*").group()
    assert f"offset={poison.offset} reason=unreadable error=_BAD_COMPRESSION" in line
    assert "receive.message.max.bytes" in line and "--reset-offsets" in line
    # it stays named while it is tried again, and is told once
    for _ in range(20):
        assert blocked(run, "unreadable") == 1
    assert run.log.count("event=source.unreadable") == 1
    assert run.get("/readyz")[0] == 200, "the other partition is served"
    wait_for(lambda: world.committed().get(0) == poison.offset, 20, "committed up to it and no further")
    run.stop()
    config = world.config()
    config["kafka"]["properties"]["receive.message.max.bytes"] = 300_000_000
    again = world.detour(config, name="again").start()
    world.wait_settled()
    world.tiktok.wait_accepted(r.id for r in behind)
    again.stop()


def flip(kafka, topic, partition, marker):
    """Change one byte of a record in the log on disk, or change it back; the broker reads it anew."""
    path = kafka.directory / "data" / f"{topic}-{partition}" / f"{0:020}.log"
    flipped = bytes([marker[0] ^ 0xFF]) + marker[1:]
    data = path.read_bytes()
    at = data.index(flipped if flipped in data else marker)
    with open(path, "r+b") as log:
        log.seek(at)
        log.write(bytes([data[at] ^ 0xFF]))


def test_a_batch_that_fails_its_checksum_is_not_skipped(world):
    """librdkafka goes on behind it: the record in it would be lost, and the ones after it committed."""
    world.create_all(partitions=1)
    records = []
    for name in ("a", "b", "c"):  # a batch each
        records += world.produce(world.conversions(1, name))
    hole = records[1].id.encode()
    flip(world.kafka, world.topics["source"], 0, hole)
    run = world.detour().start()
    wait_for(lambda: blocked(run, "unreadable") == 1, 60, lambda: f"named; {run.tail()}")
    assert "offset=1 reason=unreadable error=_BAD_MSG" in run.wait_log(r"event=source.unreadable .*").group()
    world.tiktok.wait_accepted([records[0].id])
    wait_for(lambda: world.committed().get(0) == 1, 20, "committed up to it")
    assert records[2].id not in world.tiktok.accepted, "behind the hole"
    run.stop()
    assert world.committed() == {0: 1}
    run.start()
    wait_for(lambda: blocked(run, "unreadable") == 1, 60, lambda: f"named again; {run.tail()}")
    flip(world.kafka, world.topics["source"], 0, hole)  # whole again, as from another replica
    world.wait_settled()
    run.wait_log("event=source.readable")
    wait_for(lambda: blocked(run, "unreadable") == 0, 10, "no longer named")
    world.settle_account(records)


def group_error(run, error):
    return next((e for e in status_of(run)["kafka"]["errors"] if e["error"] == error), None)


def is_refused(world, run, error, says):
    run.start()
    wait_for(lambda: run.get("/livez")[0] == 200, 30, lambda: run.tail())
    found = wait_for(lambda: group_error(run, error), 30, lambda: f"{error}: {run.tail()}")
    assert found["resource"] == world.group and found["passes"] is False and says in found["next"]
    assert run.log.count(f"error={error}") == 1, "told once, not at each try"
    code, why = run.get("/readyz")
    assert code == 503 and error in why and says in why


def test_a_group_that_does_not_take_us_says_why(world):
    world.create_all()
    records = world.produce(world.conversions(20))
    short = world.config()
    short["kafka"]["properties"] = {"session.timeout.ms": 1000, "heartbeat.interval.ms": 300}
    run = world.detour(short, name="short")
    is_refused(world, run, "INVALID_SESSION_TIMEOUT", "group.max.session.timeout.ms")
    run.stop()
    other = Consumer({"bootstrap.servers": world.kafka.brokers, "group.id": world.group, "log_level": 0,
                      "partition.assignment.strategy": "cooperative-sticky", "enable.auto.commit": False})
    try:
        other.subscribe([world.topics["source"]])
        wait_for(lambda: other.poll(0.2) is None and other.assignment(), 30, "another kind of member is in")
        run = world.detour(name="beside")
        is_refused(world, run, "INCONSISTENT_GROUP_PROTOCOL", "kafka.group of its own")
    finally:
        other.close()
    world.wait_settled()
    world.settle_account(records)
    wait_for(lambda: run.get("/readyz")[0] == 200 and not status_of(run)["kafka"]["errors"], 20, "over")


def test_a_source_topic_that_goes_is_a_state_of_the_process(world):
    world.create_all()
    run = world.detour().start().wait_ready()
    for future in world.admin.delete_topics([world.topics["source"]]).values():
        future.result(20)
    found = wait_for(lambda: group_error(run, "UNKNOWN_TOPIC_OR_PART"), 60, lambda: run.tail())
    assert found["resource"] == world.topics["source"] and "detour topics --create" in found["next"]
    assert run.get("/readyz")[0] == 503
