"""What the Kafka client cannot do is named, with the way out, and nothing is skipped for it."""

import json
import re
import shutil

import pytest
from confluent_kafka import Producer

import events
from services import Authority, free_port, wait_for
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
