"""What can go wrong with the ledger's topic while detour runs: it is named within seconds, nothing is committed that is
not on the ledger, and detour goes on by itself when the topic takes records again."""

import json
import time

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

import books
from services import wait_for
from test_offsets import Traffic
from test_process_faults import either, flows

NAMED_S = 2 + 3  # after 2 s without an answer; what is more is the machine's


def change(world, **settings):
    entries = [ConfigEntry(k.replace("_", "."), str(v), incremental_operation=AlterConfigOpType.SET)
               for k, v in settings.items()]
    resource = ConfigResource(ConfigResource.Type.TOPIC, world.topics["ledger"], incremental_configs=entries)
    world.admin.incremental_alter_configs([resource])[resource].result(20)


def delete(world):
    for future in world.admin.delete_topics([world.topics["ledger"]]).values():
        future.result(20)


def begin(world, **settings):
    world.create_all()
    world.topics["ledger"] = f"{world.name}.ledger"
    world.create("ledger", partitions=1, **settings)
    return world.detour(world.config(ledger={"topic": world.topics["ledger"]}))


def told(world):
    """Of each partition of the source: up to where tallies go."""
    ends = {}
    for record in (json.loads(m.value()) for m in world.read("ledger")):
        if record["kind"] == "tally":
            ends[record["partition"]] = max(ends.get(record["partition"], 0), record["to"])
    return ends


def blocked(run):
    return run.metric("detour_partition_blocked", reason="ledger") > 0


def reconciled(run, *options):
    result = run.command("reconcile", "-c", run.file, "--json", *options)
    return result.returncode, json.loads(result.stdout)


def test_a_topic_that_takes_no_records_for_a_while(world):
    run = begin(world).start()
    traffic = Traffic(world, per_second=200)
    flows(world, 100)
    change(world, max_message_bytes=100)
    began = time.monotonic()
    wait_for(lambda: blocked(run), 60, lambda: run.tail(), 0.1)
    assert time.monotonic() - began < NAMED_S + 1, "a commit a second, and its patience"
    before = world.committed()
    time.sleep(3)
    assert world.committed() == before and all(told(world)[p] >= o for p, o in before.items())
    change(world, max_message_bytes=1_000_000)
    run.wait_log("event=ledger.written", 60)
    flows(world, 100)
    records = either(traffic.stop())
    world.wait_settled(90)
    run.stop()
    assert sum(books.read(world, "ledger").events().values()) == len(records)
    code, found = reconciled(run)
    assert code == 0 and found["consumed"] == len(records), found
    world.settle_account(records, tolerant=True)


def test_a_topic_that_is_deleted_while_detour_runs(world):
    """Nothing is committed until somebody makes it again. What it held is gone, and reconcile says so."""
    run = begin(world).start()
    traffic = Traffic(world, per_second=200)
    flows(world, 100)
    wait_for(lambda: len([o for o in world.committed().values() if o > 0]) == 3, 30, "all are committed, beyond 0")
    delete(world)
    wait_for(lambda: blocked(run), 60, lambda: run.tail(), 0.1)
    before = world.committed()
    time.sleep(3)
    assert world.committed() == before
    world.create("ledger", partitions=1)
    run.wait_log("event=ledger.written", 90)
    flows(world, 100)
    records = either(traffic.stop())
    world.wait_settled(90)
    run.stop()
    assert world.committed() == told(world)
    code, found = reconciled(run)
    assert code == 1 and all("in the middle of a session" in f["cause"] for f in found["findings"]), found
    assert 0 < found["consumed"] < len(records)
    world.settle_account(records, tolerant=True)


def test_records_of_the_ledger_that_are_deleted(world):
    """Nobody waits for them. The books begin later, which is said, and what is left balances."""
    run = begin(world).start()
    traffic = Traffic(world, per_second=200)
    flows(world, 300)
    wait_for(lambda: sum(told(world).values()) > 300, 30, "tallies")
    end = world.ends(world.topics["ledger"])[0][1]
    for future in world.admin.delete_records([TopicPartition(world.topics["ledger"], 0, end)]).values():
        future.result(20)
    flows(world, 300)
    records = either(traffic.stop())
    world.wait_settled()
    run.stop()
    code, found = reconciled(run)
    assert code == 0 and found["ledger"]["truncated"] and 0 < found["consumed"] < len(records), found
    assert found["provable_since"] is not None and not blocked_in_log(run)


def blocked_in_log(run):
    return "event=ledger.unwritable" in run.log


def test_check_names_settings_that_lose_the_ledger(world):
    """Compaction keeps the last tally of a partition alone, and retention may end before that of the source."""
    run = begin(world, cleanup_policy="compact", retention_ms=3_600_000)
    result = run.check("--online")
    text = result.stdout + result.stderr
    assert "cleanup.policy" in text and "retention.ms" in text and world.topics["ledger"] in text, text
    assert run.check("--online", "--strict").returncode == 1
