"""What happens to the books behind detour's back: its own ledger, written by real processes, and then somebody's hand,
retention, or an instance without a ledger. `detour reconcile` names the place and the number, and guesses nothing."""

import json

from confluent_kafka import Consumer, TopicPartition

from detour import Plain
from services import wait_for
from test_ledger import with_ledger


def reconcile(run, *words):
    done = run.command("reconcile", "-c", run.file, "--json", *words)
    assert done.returncode in (0, 1), done.stderr
    told = json.loads(done.stdout)
    assert done.returncode == (0 if told["ok"] else 1)
    return told


def failures(told):
    return [(f["partition"], f["from"], f["to"], f["count"]) for f in told["findings"] if f["is_failure"]]


def settle(world, run):
    run.start()
    world.wait_settled()
    run.stop()


def one_partition(world, count, **config):
    """A group that has delivered @count events of one partition, and stopped."""
    world.create("source", "utm", "dead", partitions=1)
    world.produce(world.conversions(count))
    run = world.detour(with_ledger(world, **config))
    settle(world, run)
    told = reconcile(run)
    assert told["ok"] and told["consumed"] == told["delivered"] == count
    return run


def commit(world, offset):
    """As kafka-consumer-groups --reset-offsets does it, while the group is empty."""
    hand = Consumer({"bootstrap.servers": world.kafka.brokers, "group.id": world.group, "enable.auto.commit": False})
    hand.commit(offsets=[TopicPartition(world.topics["source"], 0, offset)], asynchronous=False)
    hand.close()


def remove_before(world, topic, offset):
    """As retention does it."""
    at = TopicPartition(world.topics.get(topic, topic), 0, offset)
    for future in world.admin.delete_records([at]).values():
        future.result(20)


def test_offsets_moved_forward_by_50(world):
    run = one_partition(world, 100)
    world.produce(world.conversions(80, prefix="more"))
    commit(world, 150)
    told = reconcile(run)
    assert told["unaccounted"] == 50 and failures(told) == [(0, 100, 150, 50)] and told["waiting"] == 30
    settle(world, run)
    told = reconcile(run, "--deep")
    assert told["unaccounted"] == 50 and failures(told) == [(0, 100, 150, 50)], "also when the group went on"
    assert (told["consumed"], told["delivered"]) == (180, 130) and len(world.tiktok.accepted) == 130
    text = run.command("reconcile", "-c", run.file)
    assert text.returncode == 1 and "offsets 100 to 149: 50 records" in text.stdout and "It does not balance." in text.stdout


def test_an_instance_without_a_ledger(world):
    run = one_partition(world, 60)
    world.produce(world.conversions(40, prefix="silent"))
    run.write(with_ledger(world, ledger=Plain("off")))
    settle(world, run)
    run.write(with_ledger(world))
    told = reconcile(run)
    assert told["unaccounted"] == 40 and failures(told) == [(0, 60, 100, 40)]
    assert "without ledger" in told["findings"][0]["cause"], told["findings"]
    world.produce(world.conversions(20, prefix="again"))
    settle(world, run)
    told = reconcile(run)
    assert failures(told) == [(0, 60, 100, 40)] and told["delivered"] == 80


def test_a_ledger_that_was_deleted(world):
    run = one_partition(world, 60)
    for future in world.admin.delete_topics([world.topics["ledger"]]).values():
        future.result(20)
    wait_for(lambda: world.topics["ledger"] not in world.admin.list_topics(timeout=5).topics, 20, "the ledger is gone")
    done = run.command("reconcile", "-c", run.file)
    assert done.returncode == 1 and f"there is no topic {world.topics['ledger']}" in done.stderr, done
    world.produce(world.conversions(20, prefix="after"))
    settle(world, run)  # makes it anew
    told = reconcile(run)
    assert told["delivered"] == told["consumed"] == 20 and told["provable_since"] is not None, "nothing is said of before"
    assert "The books reach back to " in run.command("reconcile", "-c", run.file).stdout
    done = run.command("reconcile", "-c", run.file, "--since", "2h")
    assert done.returncode == 1 and "It does not balance" in done.stdout, done


def test_a_ledger_that_was_truncated(world):
    run = one_partition(world, 60)
    world.produce(world.conversions(30, prefix="more"))
    settle(world, run)
    ledger = world.read("ledger")
    tallies = [(m.offset(), json.loads(m.value())) for m in ledger if json.loads(m.value())["kind"] == "tally"]
    last = [offset for offset, tally in tallies if "start" in tally][-1]
    remove_before(world, "ledger", last)
    told = reconcile(run)
    assert told["delivered"] == 30 and told["provable_since"] is not None, "what is left is still counted"
    assert told["consumed"] == 30, "nothing is said of before"


def test_retention_outran_it(world):
    run = one_partition(world, 60, kafka={"on_gap": "skip"})
    world.produce(world.conversions(50, prefix="late"))
    remove_before(world, "source", 90)
    settle(world, run)
    told = reconcile(run)
    assert failures(told) == [(0, 60, 90, 30)] and "retention" in told["findings"][0]["cause"], told
    assert told["delivered"] == 80 and told["unaccounted"] == 30
