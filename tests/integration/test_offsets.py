"""Stopping, dying, rebalancing, brokers that go: nothing is lost and the duplicates are bounded."""

import threading
import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewPartitions

import fake_tiktok
from detour import merge
from fake_tiktok import FakeTikTok
from services import wait_for
from world import Record


class Traffic:
    """Events produced at a steady rate until it is told to stop. A place that the library does not tell is looked up at
    the end: meanwhile brokers may be dead, and the traffic would end with the question."""

    def __init__(self, world, per_second=400, **changes):
        self.world = world
        self.records = []
        self.pause = 1 / per_second
        self.stopping = threading.Event()
        self.error = None
        self.changes = changes
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            part = 0
            while not self.stopping.is_set():
                some = self.world.conversions(100, prefix=f"live{part}", **self.changes)
                self.records += self.world.produce(some, pause=self.pause, find=False)
                part += 1
        except BaseException as error:
            self.error = error

    def must_flow(self):
        assert self.error is None, f"the traffic itself ended after {len(self.records)} events: {self.error!r}"

    def stop(self):
        self.stopping.set()
        self.thread.join(90)
        assert not self.thread.is_alive(), "the producer does not come to its end"
        self.must_flow()
        self.world.find_places([r for r in self.records if r.offset is None], self.world.topics["source"])
        return self.records


def test_a_restart_sends_nothing_again(world):
    world.create_all()
    records = world.produce(world.conversions(2000))
    run = world.detour().start()
    world.wait_settled()
    run.stop()
    run.start().wait_ready()
    records += world.produce(world.conversions(10, prefix="after"))
    world.tiktok.wait_accepted(r.id for r in records)
    world.wait_settled()
    world.settle_account(records)


def test_stopping_under_traffic_takes_seconds_and_sends_nothing_twice(world):
    world.create_all()
    traffic = Traffic(world)
    run = world.detour().start().wait_ready()
    for _ in range(3):
        time.sleep(1.5)  # traffic has to be flowing when the signal comes
        took = run.stop()
        assert took < 10, f"stopping took {took:.1f} s"
        run.start()
    records = traffic.stop()
    world.wait_settled()
    world.settle_account(records)


def test_work_beyond_an_unsettled_event_survives_a_restart(world):
    """One event type hangs; the offsets behind it are settled and kept in the commit's metadata."""
    world.create_all(partitions=1)
    first = world.produce(world.conversions(1, prefix="first", event="Purchase"))
    rule = world.tiktok.on(fake_tiktok.hang(), event="Search")
    config = world.config(shutdown={"drain": "1s"},
                          destinations={"tiktok": {"timeout": {"first_byte": "60s", "total": "60s"}}})
    run = world.detour(config).start()
    world.wait_settled()  # the destination has answered once, so it is given more than one connection
    stuck = world.conversions(1, prefix="stuck", event="Search")
    rest = world.conversions(300, prefix="rest", event="Purchase")
    records = first + world.produce(stuck + rest)
    world.tiktok.wait_accepted(r.id for r in rest)
    time.sleep(2.5)  # two commit intervals: the metadata is on the broker
    run.child.terminate()
    run.wait_exit(15)
    assert world.committed() == {0: stuck[0].offset}, "an offset past the unsettled event"
    world.tiktok.off(rule)
    run.start()
    world.wait_settled()
    world.settle_account(records)


def test_kill_9_under_traffic_loses_nothing(world):
    world.create_all()
    in_flight = 500
    traffic = Traffic(world)
    run = world.detour(world.config(in_flight={"events": in_flight})).start()
    bound = 0
    for _ in range(3):
        before = len(world.tiktok.accepted_at)
        wait_for(lambda: len(world.tiktok.accepted_at) > before + 800, 60, "traffic flows")
        run.kill()
        now = time.monotonic()
        with world.tiktok.lock:
            recent = sum(now - at < 2.0 for at, _ in world.tiktok.accepted_at)
        bound += recent + in_flight  # rate x commit interval (and the commit's own way) + in flight
        run.start()
    records = traffic.stop()
    world.wait_settled(120)
    extra = world.settle_account(records, duplicates=bound)
    print(f"{len(records)} events, 3 kills, {extra} duplicates of at most {bound}")


def test_two_processes_share_and_hand_over_under_traffic(world):
    world.create_all(partitions=6)
    traffic = Traffic(world)
    first = world.detour(name="first").start().wait_ready()
    config = world.config()
    second = world.detour(config, name="second")
    for _ in range(2):
        second.start().wait_ready()
        begun = len(world.tiktok.accepted_at)
        wait_for(lambda: len(world.tiktok.accepted_at) > begun + 300, 60, "both deliver")
        second.stop()
    second.start().wait_ready()
    first.stop()
    begun = len(world.tiktok.accepted_at)
    wait_for(lambda: len(world.tiktok.accepted_at) > begun + 300, 60, "the second goes on alone")
    records = traffic.stop()
    world.wait_settled()
    world.settle_account(records)


def fan_out(world, url, leg, **changes):
    """A second leg to @url, which shares nothing with the first; @changes: of its destination."""
    base = world.config()
    second = merge(base["destinations"]["tiktok"], {"url": url, **changes})
    return merge(base, {"destinations": {"second": second}, "shutdown": {"drain": "4s"},
                        "routes": [{"name": "all", "match": {}, "legs": [["tiktok"], leg]}]})


@pytest.fixture
def second():
    fake = FakeTikTok()
    yield fake
    fake.stop()


LINGERS = {"batch": {"events": 1000, "linger": "10s"}}  # everything is still queued when the time comes


def test_a_stop_finishes_what_one_leg_has_delivered(world, second):
    world.create_all()
    records = world.produce(world.conversions(200))
    run = world.detour(fan_out(world, second.url, ["second"], **LINGERS)).start()
    world.tiktok.wait_accepted(r.id for r in records)
    took = run.stop()
    assert took < 4, f"stopping took {took:.1f} s, though nothing hangs"
    world.wait_settled(5)
    run.start().wait_ready()
    time.sleep(1)
    for fake in (world.tiktok, second):
        fake.wait_accepted(r.id for r in records)
        assert not fake.duplicates()


def test_a_rebalance_finishes_what_one_leg_has_delivered(world, second):
    world.create_all()
    records = world.produce(world.conversions(200))
    world.detour(fan_out(world, second.url, ["second"], **LINGERS), name="one").start()
    world.tiktok.wait_accepted(r.id for r in records)
    world.detour(fan_out(world, second.url, ["second"], **LINGERS), name="two").start().wait_ready()
    world.wait_settled(20)
    for fake in (world.tiktok, second):
        fake.wait_accepted(r.id for r in records)
        assert not fake.duplicates()


def test_a_stop_diverts_what_would_be_late(world, second):
    """The second leg is throttled for longer than the stop may take: its alternate has it, and the first leg no copy."""
    world.create_all()
    second.on(fake_tiktok.code(40100, Retry_After=60))
    records = world.produce(world.conversions(200))
    config = fan_out(world, second.url, ["second", "utm"], throttle={"wait": "10m", "then": "divert"})
    run = world.detour(config).start()
    world.tiktok.wait_accepted(r.id for r in records)
    wait_for(lambda: second.seen > 0, 20, "the second is asked")
    took = run.stop()
    assert took < 6, f"stopping took {took:.1f} s"
    notes = world.notes("utm")
    assert {n.place for n in notes} == {r.place for r in records} and len(notes) == len(records)
    assert {n.reason for n in notes} == {"throttled"} and all(n.detour["error"] for n in notes)
    world.wait_settled(5)
    run.start().wait_ready()
    time.sleep(1)
    assert not world.tiktok.duplicates()


def test_records_that_wait_for_their_topic_go_with_their_partition(world):
    """The dead-letter topic is missing while partitions move and a process stops: who had them before writes none."""
    world.create("source", "utm", partitions=2)
    bad = [Record(b"garbage%d" % i, partition=i % 2, want="decode_failed") for i in range(200)]
    world.produce(bad)
    one = world.detour(name="one").start()
    one.wait_log("record.stuck")
    two = world.detour(world.config(), name="two").start().wait_ready()
    two.wait_log("record.stuck")
    took = two.stop()
    assert took < 4, f"stopping took {took:.1f} s, though nothing was sent"
    world.create("dead", partitions=2)
    world.wait_settled()
    world.settle_account(bad)


def test_a_broker_that_restarts(own_world, own_kafka):
    world = own_world
    world.create_all()
    records = world.produce(world.conversions(500, prefix="before"))
    run = world.detour().start().wait_ready()
    world.wait_settled()  # what is settled and not yet committed would be within the bound, but sent again
    own_kafka.stop()
    time.sleep(3)
    run.must_live()
    own_kafka.start()
    records += world.produce(world.conversions(500, prefix="after"))
    world.tiktok.wait_accepted((r.id for r in records), timeout=90)
    world.wait_settled()
    world.settle_account(records)
    run.stop()


def test_a_broker_that_goes_while_dead_letters_are_written(own_world, own_kafka):
    world = own_world
    world.create_all()
    records = world.conversions(400)
    for record in records:
        record.want = "utm"
    world.produce(records)
    world.tiktok.on(fake_tiktok.code(50000))
    run = world.detour(world.config(destinations={"tiktok": {"batch": {"events": 10}, "concurrency": {"initial": 1, "max": 1}}}))
    run.start()
    wait_for(lambda: sum(h for _, h in world.ends(world.topics["utm"]).values()) > 20, 60, "diverting began")
    own_kafka.kill()
    time.sleep(2)
    own_kafka.start()
    world.wait_settled(120)
    world.settle_account(records, duplicates=len(records))


def test_sigterm_while_tiktok_hangs(world):
    world.create_all()
    world.produce(world.conversions(100))
    rule = world.tiktok.on(fake_tiktok.hang())
    config = world.config(shutdown={"drain": "2s"},
                          destinations={"tiktok": {"timeout": {"first_byte": "60s", "total": "60s"}}})
    run = world.detour(config).start()
    wait_for(lambda: world.tiktok.seen > 0, 30, "a request hangs")
    began = time.monotonic()
    run.child.terminate()
    run.wait_exit(15)
    assert time.monotonic() - began < 10
    assert not any(world.committed().values()), "an offset of what was never answered"
    world.tiktok.off(rule)


def test_a_second_signal_ends_it_at_once(world):
    world.create_all()
    world.produce(world.conversions(100))
    world.tiktok.on(fake_tiktok.hang())
    config = world.config(shutdown={"drain": "60s"},
                          destinations={"tiktok": {"timeout": {"first_byte": "60s", "total": "60s"}}})
    run = world.detour(config).start()
    wait_for(lambda: world.tiktok.seen > 0, 30, "a request hangs")
    run.child.terminate()
    time.sleep(1)
    assert run.child.poll() is None, "it waits for what was sent"
    began = time.monotonic()
    run.child.terminate()
    run.wait_exit(10)
    assert time.monotonic() - began < 5


def test_a_signal_during_the_start_ends_it_at_once(world):
    """The brokers do not answer, and the start would wait for them."""
    run = world.detour(world.config(kafka={"brokers": "127.0.0.1:1"})).start()
    time.sleep(1)
    began = time.monotonic()
    run.child.terminate()
    assert run.wait_exit(10) == 0
    assert time.monotonic() - began < 2


def delete_before(world, offsets):
    wanted = [TopicPartition(world.topics["source"], p, o) for p, o in offsets.items()]
    for future in world.admin.delete_records(wanted).values():
        future.result(20)


@pytest.mark.parametrize("on_gap", ["halt", "skip"])
def test_a_gap_is_never_silent(world, on_gap):
    world.create_all(partitions=2)

    def some(count, prefix, partition):
        out = world.conversions(count, prefix)
        for record in out:
            record.partition = partition
        return world.produce(out)

    settled = some(20, "a0", 0) + some(20, "a1", 1)
    config = world.config(kafka={"on_gap": on_gap})
    run = world.detour(config).start()
    world.wait_settled()
    run.stop()
    lost = some(30, "lost", 0)
    kept = some(15, "kept", 0)
    fine = some(25, "fine", 1)
    delete_before(world, {0: kept[0].offset})
    run.start()
    world.tiktok.wait_accepted(r.id for r in fine)
    run.wait_log("gap")
    if on_gap == "skip":
        world.wait_settled()
        world.settle_account(settled + kept + fine)
        assert "30" in run.log, "how many events were skipped"
    else:
        wait_for(lambda: run.metric("detour_partition_blocked", reason="gap") == 1, 20, "the block has a name")
        time.sleep(2)  # and stays
        assert not {r.id for r in kept} & world.tiktok.accepted.keys()
        assert world.committed()[0] == 20
        run.must_live()
    assert not {r.id for r in lost} & world.tiktok.accepted.keys()


def test_start_from_latest_begins_at_the_end(world):
    world.create_all()
    world.produce(world.conversions(100, prefix="old"))
    run = world.detour(world.config(kafka={"start_from": "latest"})).start().wait_ready()
    time.sleep(2)
    fresh = world.produce(world.conversions(50, prefix="new"))
    world.tiktok.wait_accepted(r.id for r in fresh)
    assert set(world.tiktok.accepted) == {r.id for r in fresh}
    run.stop()


def test_a_partition_added_later_is_read_from_its_first_record(world):
    """`latest` is about the group's first start: nothing of what comes afterwards may be skipped."""
    world.create("utm", "dead")
    world.create("source", partitions=1)
    world.produce(world.conversions(5, prefix="old"))
    quick = {"topic.metadata.refresh.interval.ms": 1000}
    config = world.config(kafka={"start_from": "latest", "properties": quick})
    run = world.detour(config).start()
    run.wait_log("source.fresh.*offset=5 from=latest")
    wait_for(lambda: world.committed() == {0: 5}, 20, "its place is committed")
    topic = world.topics["source"]
    world.admin.create_partitions([NewPartitions(topic, 2)])[topic].result(20)
    wait_for(lambda: world.has_leaders(topic, 2), 20, "the second partition has a leader")
    added = world.conversions(50, prefix="added")
    for record in added:
        record.partition = 1
    world.renew_producer()  # one that knows of the second partition
    world.produce(added)
    world.tiktok.wait_accepted(r.id for r in added)
    assert set(world.tiktok.accepted) == {r.id for r in added}
    run.wait_log("source.fresh.*partition=1 offset=0 from=earliest")


def test_in_flight_is_bounded_and_has_a_name(world):
    world.create_all()
    records = world.produce(world.conversions(2000))
    rule = world.tiktok.on(fake_tiktok.code(40100, Retry_After=1))
    run = world.detour(world.config(in_flight={"events": 200})).start()
    wait_for(lambda: run.metric("detour_partition_blocked", reason="in_flight_events") > 0, 30, "it pauses")
    assert run.metric("detour_in_flight_events") <= 200
    world.tiktok.off(rule)
    world.wait_settled()
    world.settle_account(records)


def test_headers_count_in_what_is_in_flight(world):
    """Large headers on small values, and nobody who takes them: memory stays bounded."""
    world.create("source", partitions=2, compression_type="lz4")
    world.create("utm", "dead")
    world.tiktok.on(fake_tiktok.code(40105))
    records = world.conversions(500)
    for record in records:
        record.headers = [("trace", b"t" * 50_000)]
    world.produce(records)
    routes = [{"name": "all", "match": {}, "legs": [["tiktok"]]}]
    run = world.detour(world.config(in_flight={"bytes": "4MiB"}, routes=routes)).start()
    wait_for(lambda: run.metric("detour_partition_blocked", reason="in_flight_bytes") > 0, 30, "it pauses")
    assert run.metric("detour_in_flight_events") <= 4 * 2**20 / 100_000 + 1
