"""What happens to the process itself: killed at any moment, stopped, starved of memory and descriptors, without its
broker, in a group that does not come to rest. Nothing is lost, and what comes twice is within the bound."""

import os
import random
import resource
import signal
import subprocess
import time

import pytest

import fake_tiktok
from services import ROOT_BUILD, wait_for
from stage import cpu
from test_offsets import Traffic

SESSION_S = 6  # session.timeout.ms of the tests' configuration


def flows(world, count=300, timeout=60):
    seen = len(world.tiktok.accepted_at)
    wait_for(lambda: len(world.tiktok.accepted_at) > seen + count, timeout, lambda: f"traffic flows\n{world.tails()}")


def recent(world, seconds=2.0):
    """What was accepted within the commit interval and the commit's own way."""
    now = time.monotonic()
    with world.tiktok.lock:
        return sum(now - at < seconds for at, _ in world.tiktok.accepted_at)


def either(records):
    """One type is dark at times: what it became depends on the moment."""
    for record in records:
        record.want = "either"
    return records


def test_kill_9_at_any_moment(world):
    """While it starts, joins, takes, diverts, writes dead letters and commits: the moments are drawn at random."""
    world.create_all()
    in_flight = 300
    chance = random.Random(20271)
    config = world.config(in_flight={"events": in_flight}, kafka={"properties": {"session.timeout.ms": SESSION_S * 1000}})
    traffic = Traffic(world, per_second=300)
    world.tiktok.on(fake_tiktok.code(50000), event="Search", times=400)
    run = world.detour(config)
    bound = 0
    for turn in range(12):
        run.start()
        if turn % 4 == 3:
            flows(world, 100, 90)
        time.sleep(chance.random() * 1.2)
        run.kill()
        bound += recent(world) + in_flight
    run.start()
    flows(world, 100, 90)
    records = either(traffic.stop())
    world.wait_settled(120)
    extra = world.settle_account(records, duplicates=bound, tolerant=True)
    print(f"{len(records)} events, 12 kills, {extra} duplicates of at most {bound}")


def test_a_process_that_stood_still_sends_nothing_for_partitions_it_lost(world):
    """Stopped for longer than its session; another member has its partitions when it wakes."""
    world.create_all(partitions=4)
    in_flight = 100
    config = world.config(in_flight={"events": in_flight})
    traffic = Traffic(world, per_second=200)
    sleeper = world.detour(config, name="sleeper").start().wait_ready()
    other = world.detour(world.config(in_flight={"events": in_flight}), name="other").start().wait_ready()
    flows(world)
    sleeper.child.send_signal(signal.SIGSTOP)
    bound = recent(world) + in_flight
    time.sleep(SESSION_S + 2)
    flows(world)  # the other has taken over
    sleeper.child.send_signal(signal.SIGCONT)
    time.sleep(2)
    flows(world)
    sleeper.must_live()
    other.must_live()
    records = traffic.stop()
    world.wait_settled()
    extra = world.settle_account(records, duplicates=bound)
    print(f"{len(records)} events, {extra} duplicates of at most {bound}")


def test_a_poll_interval_that_was_exceeded_heals_by_itself(world):
    """max.poll.interval.ms passes while the whole process stands still: the assignment is lost and comes again."""
    world.create_all()
    config = world.config(kafka={"properties": {"max.poll.interval.ms": SESSION_S * 1000}}, in_flight={"events": 200})
    traffic = Traffic(world, per_second=200)
    run = world.detour(config).start().wait_ready()
    flows(world)
    bound = 0
    for _ in range(2):
        run.child.send_signal(signal.SIGSTOP)
        bound += recent(world) + 200
        time.sleep(SESSION_S + 2)
        run.child.send_signal(signal.SIGCONT)
        flows(world)
    records = traffic.stop()
    world.wait_settled()
    world.settle_account(records, duplicates=bound)
    run.stop()


def test_a_group_that_does_not_come_to_rest(world):
    """Four members join, leave and are killed every second or two: it goes on, and afterwards it drains."""
    world.create_all(partitions=6)
    in_flight = 100
    chance = random.Random(20272)
    traffic = Traffic(world, per_second=300)
    members = [world.detour(world.config(in_flight={"events": in_flight}), name=f"member{n}") for n in range(4)]
    members[0].start().wait_ready()
    bound, kills = 0, 0
    for _ in range(20):
        member = chance.choice(members[1:])
        if member.child is None or member.child.poll() is not None:
            member.start()
        elif chance.random() < 0.5:
            member.child.terminate()
        else:
            member.kill()
            bound += recent(world) + in_flight
            kills += 1
        time.sleep(chance.random() * 2)
    flows(world)
    records = traffic.stop()
    world.wait_settled(120)
    extra = world.settle_account(records, duplicates=bound)
    print(f"{len(records)} events, {kills} kills, {extra} duplicates of at most {bound}")


def test_without_its_broker_it_waits_quietly_and_ends_when_told(own_world, own_kafka):
    """The broker is gone: the process lives, costs next to nothing, sends nothing twice and stops in time."""
    world = own_world
    world.create_all()
    records = world.produce(world.conversions(300, prefix="before"))
    run = world.detour(world.config(shutdown={"drain": "4s"})).start().wait_ready()
    world.wait_settled()
    own_kafka.stop()
    time.sleep(3)
    began, spent = time.monotonic(), cpu(run.child.pid)
    time.sleep(12)
    share = (cpu(run.child.pid) - spent) / (time.monotonic() - began)
    print(f"{100 * share:.2f} % of a processor while there is no broker")
    assert share < 0.05, f"{100 * share:.1f} % of a processor while there is no broker"
    run.must_live()
    began = time.monotonic()
    run.child.terminate()
    code = run.wait_exit(20)
    assert time.monotonic() - began < 10, "it takes longer than it may to stop without a broker"
    assert code in (0, 1), run.tail()
    own_kafka.start()
    records += world.produce(world.conversions(300, prefix="after"))
    run.start()
    world.wait_settled()
    world.settle_account(records)


def test_a_broker_that_stands_still_with_its_connections_open(own_world, own_kafka):
    """SIGSTOP: it answers nothing and closes nothing. The process lives, stops in time meanwhile, and when the broker
    goes on nothing was lost, and at most what was under way at the stop came twice."""
    world = own_world
    in_flight = 100
    world.create_all()
    records = world.produce(world.conversions(300, prefix="before"))
    run = world.detour(world.config(shutdown={"drain": "4s"}, in_flight={"events": in_flight})).start().wait_ready()
    world.wait_settled()
    broker = own_kafka.process.child
    broker.send_signal(signal.SIGSTOP)
    try:
        time.sleep(15)
        run.must_live()
        assert run.get("/livez")[0] == 200, "a broker that is silent is no reason to restart the process"
    finally:
        broker.send_signal(signal.SIGCONT)
    records += world.produce(world.conversions(300, prefix="after"))
    world.tiktok.wait_accepted((r.id for r in records), timeout=90)
    world.wait_settled()  # what is delivered and not yet committed would be sent again
    broker.send_signal(signal.SIGSTOP)
    try:
        time.sleep(2)
        began = time.monotonic()
        run.child.terminate()
        code = run.wait_exit(20)
        took = time.monotonic() - began
    finally:
        broker.send_signal(signal.SIGCONT)
    assert took < 10, f"it took {took:.1f} s to stop beside a broker that is silent"
    assert code in (0, 1), run.tail()
    own_kafka.wait_up()
    run.start()
    world.wait_settled()
    world.settle_account(records, duplicates=in_flight)
    run.stop()


def test_no_descriptor_left_is_no_fault_of_the_destination(world):
    """The limit falls to what is open: no breaker opens, nothing is diverted, and it goes on when there are more."""
    world.create_all()
    close = fake_tiktok.ok()
    close.headers = {"Connection": "close"}  # so that each request needs a connection, and so a descriptor, of its own
    world.tiktok.on(close)
    records = world.produce(world.conversions(200, prefix="before"))
    run = world.detour().start().wait_ready()
    world.wait_settled()
    pid = run.child.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) - 5, hard))
    records += world.produce(world.conversions(200, prefix="without"))
    run.wait_log("ulimit -n")
    time.sleep(4)
    run.must_live()
    committed = sum(world.committed().values())
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    world.wait_settled()
    assert committed < len(records), "it had descriptors left, and this test tested nothing"
    assert run.metric("detour_diverted_total") == 0 and run.metric("detour_cell_state") == 0, run.tail()
    world.settle_account(records)


@pytest.fixture(scope="module")
def nomem(tmp_path_factory):
    library = tmp_path_factory.mktemp("nomem") / "nomem.so"
    source = ROOT_BUILD.parent / "tests" / "tools" / "nomem.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return library


def test_no_memory_left_ends_it_and_costs_no_event(world, nomem):
    """Allocations fail from the n-th on, further along each time, as at a container's limit: it ends (it must not go
    on half done), and the next process has every event."""
    world.create_all()
    in_flight = 200
    traffic = Traffic(world, per_second=300)
    config = world.config(in_flight={"events": in_flight})
    run = world.detour(config, environment={"LD_PRELOAD": str(nomem)})
    bound = 0
    for after in (500, 10_000, 14_000, 17_000, 20_000, 40_000):
        run.environment["NOMEM_AFTER"] = str(after)
        run.start()
        try:
            code = run.child.wait(30)
            print(f"after {after} allocations: exit {code}")
            assert code not in (0, None), run.tail()
        except subprocess.TimeoutExpired:
            run.kill()  # it stands still instead: the supervisor's probe would end it
            print(f"after {after} allocations: stands still")
        bound += recent(world, 3) + in_flight
    run.environment.clear()
    run.start()
    flows(world)
    records = traffic.stop()
    world.wait_settled()
    extra = world.settle_account(records, duplicates=bound)
    print(f"{len(records)} events, {extra} duplicates of at most {bound}")
