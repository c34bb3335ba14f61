"""A cluster of three brokers of which one after another dies: leaders and coordinators move, nothing is lost."""

import time

import pytest

import fake_tiktok
from services import Cluster, wait_for
from test_offsets import Traffic
from world import World


@pytest.fixture
def cluster_world(tmp_path, tiktok, binary):
    cluster = Cluster(tmp_path / "cluster").start()
    world = World(tmp_path, cluster, None, tiktok)
    yield world
    world.end()
    cluster.stop()


@pytest.mark.slow
def test_brokers_that_die_one_after_another(cluster_world):
    """Each kill moves a third of the leaders, and once the group's coordinator: offsets go on, nothing is committed
    twice or back, and what was on its way to a topic is there once or within the bound."""
    world = cluster_world
    world.create("source", "utm", "dead", partitions=6, replicas=3)
    in_flight = 500
    traffic = Traffic(world, per_second=200)
    run = world.detour(world.config(in_flight={"events": in_flight})).start().wait_ready()
    dark = world.tiktok.on(fake_tiktok.code(50000), event="Search")
    for node in world.kafka.nodes:
        wait_flowing(world, traffic, f"before {node.brokers} dies")
        node.kill()
        wait_flowing(world, traffic, f"without {node.brokers}")
        run.must_live()
        node.launch()
        node.wait_up(180)
        wait_for(lambda: all_in_sync(world), 90, f"{node.brokers} has caught up")
    world.tiktok.off(dark)
    records = traffic.stop()
    for record in records:
        record.want = "either"
    world.wait_settled(120)
    extra = world.settle_account(records, duplicates=3 * in_flight, tolerant=True)
    print(f"{len(records)} events, 3 brokers killed, {extra} duplicates")
    run.stop()


def wait_flowing(world, traffic, when):
    """Until 200 more events were delivered. What stands still, the producer or detour, the failure says."""
    seen, produced = len(world.tiktok.accepted_at), len(traffic.records)

    def is_flowing():
        traffic.must_flow()
        return len(world.tiktok.accepted_at) > seen + 200

    wait_for(is_flowing, 90, lambda: f"traffic flows {when}: {len(traffic.records) - produced} produced and "
             f"{len(world.tiktok.accepted_at) - seen} delivered since\n{world.tails()}")


def all_in_sync(world):
    topics = world.admin.list_topics(timeout=10).topics
    return all(len(p.isrs) == 3 for t in world.topics.values() for p in topics[t].partitions.values())


def test_too_few_replicas_to_write_waits_and_goes_on(cluster_world):
    """NOT_ENOUGH_REPLICAS: nothing is settled before its delivery report, and nothing is dropped for the wait."""
    world = cluster_world
    world.create("source", partitions=3, replicas=3, min_insync_replicas=1)
    world.create("utm", "dead", partitions=3, replicas=3, min_insync_replicas=3)
    records = world.conversions(300)
    for record in records:
        record.want = "utm"
    world.tiktok.on(fake_tiktok.code(50000))
    node = world.kafka.nodes[2]
    node.kill()
    wait_for(lambda: not all_in_sync(world), 60, "one replica is missing")
    world.renew_producer()
    world.produce(records)
    run = world.detour().start()
    run.wait_log("record.stuck", 60)
    time.sleep(2)
    assert not any(world.committed().values()), "an offset of a record that no delivery report was for"
    assert run.metric("detour_partition_blocked") > 0
    node.start()
    world.wait_settled(120)
    world.settle_account(records)
