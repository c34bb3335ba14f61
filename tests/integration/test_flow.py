"""Asked for less, asked for much, stopped, shifted, poisoned: the flow stays even and nothing is lost."""

import collections
import email.utils
import re
import signal
import time

import pytest

import events
import fake_tiktok
import scenes
from services import wait_for
from stage import Tail, Traffic, Watch, cpu, elsewhere, plays, wall_of
from stage_tiktok import now

MIB = 2**20
DAY = 86400


# How long it leaves a throttled destination alone, by its Retry-After

def gap_after(header):
    """@header: a text, or a function of the wall clock that gives one. One connection, so that the next request is
    the next word."""

    def play(stage):
        config = stage.config(destinations={"tiktok": {"concurrency": {"initial": 1, "max": 1},
                                                       "throttle": {"wait": "12s", "then": "divert"}}})
        stage.play(20, config=config, types=("Purchase",))
        figures = scenes.Figures(begun=now())
        value = header(time.time()) if callable(header) else header
        stage.tiktok.on(fake_tiktok.Answer(status=429, body={"error": "slow"}, headers={"Retry-After": value}, name="429"),
                        times=1)
        wait_for(lambda: any(a.answer == "429" for a in stage.tiktok.arrivals), 20, "throttled once")
        asked = next(a.at for a in stage.tiktok.arrivals if a.answer == "429")
        stage.rest(15)
        later = [a.at for a in list(stage.tiktok.arrivals) if a.at > asked]
        figures.more["gap"] = later[0] - asked if later else None
        figures.more["log"] = stage.run.log
        stage.tiktok.heal()
        figures.transitions = stage.transitions()
        figures.more["account"] = stage.account()
        return figures

    return play


def in_four_seconds(wall):
    return email.utils.formatdate(wall + 4, usegmt=True)


# Twenty times the traffic for half a minute

def burst(stage):
    stage.tiktok.on(fake_tiktok.slow(0.03))  # a destination as far away as they are
    stage.play(100)
    stage.rest(3)
    figures = scenes.Figures(begun=now())
    stage.traffic.rate = 2000
    stage.rest(30)
    stage.traffic.rate = 100
    figures.healed = now()
    stage.rest(3)
    scenes.measure(stage, figures)
    figures.account = stage.finish()
    figures.more["late"] = latest_behind(stage)
    return figures


def backlog(count):
    def play(stage):
        stage.create_all(stage.partitions)
        stage.tail = Tail(stage)
        stage.traffic = Traffic(stage, rate=1e9, limit=count)
        wait_for(lambda: stage.traffic.acknowledged == count, 300, "the backlog is produced")
        figures = scenes.Figures(begun=now())
        stage.run = stage.detour(stage.config()).start()
        stage.watch = Watch(stage)
        stage.wait_settled(1200)
        figures.healed = now()
        scenes.measure(stage, figures)
        figures.account = stage.finish()
        figures.more["late"] = latest_behind(stage)
        return figures

    return play


def latest_behind(stage):
    """The longest that an event arrived behind one of its partition and type that was produced after it, in seconds."""
    newest, worst = {}, 0
    traffic = stage.traffic
    for name in sorted(stage.tiktok.arrived, key=stage.tiktok.arrived.get):
        key, at = (traffic.partition[name], traffic.kind[name][0]), traffic.sent[name]
        worst = max(worst, newest.get(key, at) - at)
        newest[key] = max(newest.get(key, at), at)
    return worst


# The process stands still for half a minute

def stopped(stage):
    """A rate that a storm would break, and an outage of one type, whose probes must not be caught up either."""
    config = stage.config(destinations={"tiktok": {"rate": {"requests": "20/s", "burst": 5}}})
    stage.play(100, config=config)
    stage.tiktok.on(fake_tiktok.code(50000), event="Search")
    wait_for(lambda: stage.tail.first(reason="outage"), 40, lambda: f"Search is diverted\n{stage.tails()}")
    before = len(stage.transitions())
    stage.run.child.send_signal(signal.SIGSTOP)
    time.sleep(30)
    figures = scenes.Figures(begun=now())
    stage.run.child.send_signal(signal.SIGCONT)
    stage.rest(10)
    figures.healed = now()
    with stage.tiktok.lock:
        woken = [a for a in stage.tiktok.arrivals if a.at >= figures.begun]
    figures.more["per second"] = [sum(s <= a.at - figures.begun < s + 1 for a in woken) for s in range(10)]
    figures.more["probes"] = sum(a.type == "Search" for a in woken)
    figures.more["transitions"] = [t for t in stage.transitions()[before:] if t.event != "Search"]
    stage.tiktok.heal()
    figures.account = stage.finish(150)
    return figures


# The wall clock jumps

def clock_steps(stage):
    """A day forward and two back in the middle of an outage of one type, and a throttle."""
    place, environment = elsewhere(stage.directory)
    place.write_text("offset 0\n")
    stage.play(60, environment=environment)
    stage.tiktok.on(fake_tiktok.code(50000), event="Search")
    wait_for(lambda: stage.tail.first(reason="outage"), 40, lambda: f"Search is diverted\n{stage.tails()}")
    figures = scenes.Figures(begun=now())
    marks = []
    for offset in (DAY, -DAY, 3, 0):
        place.write_text(f"offset {offset}\n")
        marks.append((offset, now(), len(stage.tiktok.arrived)))
        stage.rest(5)
    figures.healed = now()
    figures.requests = stage.tiktok.requests_between(figures.begun, figures.healed, "Search")
    figures.more["delivered in each"] = [b[2] - a[2] for a, b in zip(marks, marks[1:] + [(0, now(), len(stage.tiktok.arrived))])]
    rule = stage.tiktok.on(fake_tiktok.code(40100))
    time.sleep(1)
    place.write_text(f"offset {-DAY}\n")
    stage.rest(3)
    stage.tiktok.off(rule)
    healed = now()
    some = stage.traffic.id_of(len(stage.traffic.sent) // 5 * 5 + 50)
    wait_for(lambda: some in stage.tiktok.arrived or some in stage.tail.by_id, 30, lambda: f"it goes on\n{stage.tails()}")
    figures.back_after = now() - healed
    figures.more["transitions"] = [t for t in stage.transitions() if t.event != "Search"]
    stage.tiktok.heal()
    stage.wait_back(now())
    figures.account = stage.finish()
    figures.more["days"] = {round((wall_of(d.headers["at"]) - time.time()) / DAY) for d in stage.tail.seen}
    return figures


# Poison, and one that never ends

PILLS = 100_000


def poisoned(stage):
    """A steady flow, and among it one pill repeated, as fast as it can be produced, in two lumps."""
    stage.play(500, config=stage.config(log={"level": "warn"}))
    stage.rest(2)
    figures = scenes.Figures(begun=now())
    spent = [lump(stage, PILLS // 2), lump(stage, PILLS // 2)]
    figures.healed = now()
    figures.more["processor"] = spent
    figures.more["produced meanwhile"] = len([1 for at in stage.traffic.sent.copy().values() if figures.begun <= at < figures.healed])
    figures.more["arrived meanwhile"] = len([1 for at in stage.tiktok.arrived.copy().values() if figures.begun <= at < figures.healed])
    figures.more["longest"] = max(stage.latencies(figures.begun, figures.healed - 5, events.TYPES), default=0)
    stage.traffic.stop()
    stage.wait_settled()
    stage.tail.catch_up()
    figures.more["pills"] = collections.Counter(d.reason for d in stage.tail.by_id.pop(None))
    figures.account = stage.account()
    return figures


def lump(stage, count):
    """Produce it, wait until it is in the dead-letter topic; the processor time of that."""
    begun, before = cpu(stage.run.child.pid), stage.tail.count
    for number in range(count):
        stage.producer.produce(stage.topics["source"], b"\0\0\0\0\1\xff\xff pill", str(number).encode())
        if number % 500 == 0:
            stage.producer.poll(0)
            while len(stage.producer) > 20_000:
                stage.producer.poll(0.02)
    wait_for(lambda: stage.tail.count >= before + count, 120, lambda: f"{stage.tail.count - before} of {count} dead letters")
    return cpu(stage.run.child.pid) - begun


def head_blocking(stage):
    """One event makes every request it is in hang; everything before, beside and behind it goes on."""
    stage.play(50)
    stuck = stage.traffic.id_of(len(stage.traffic.sent) + 100)
    stage.tiktok.on(fake_tiktok.hang(), ids=[stuck])
    wait_for(lambda: stuck in stage.traffic.sent, 20, "the event is on its way")
    figures = scenes.Figures(begun=now())
    partition = wait_for(lambda: stage.traffic.partition.get(stuck) is not None and [stage.traffic.partition[stuck]], 10, "where")[0]
    standing, worst, last = now(), 0, None
    deadline = now() + 45
    while now() < deadline:
        at = stage.committed().get(partition)
        if at != last:
            worst, standing, last = max(worst, now() - standing), now(), at
        worst = max(worst, now() - standing)
        time.sleep(0.5)
    figures.more["stood still"] = worst
    figures.more["stuck went"] = [d.reason for d in stage.tail.by_id[stuck]]
    figures.transitions = stage.transitions()
    figures.account = stage.finish()
    return figures


SCENES = {
    "stopped": (stopped, 0.1),
    "clock": (clock_steps, 0.1),
    "poison": (poisoned, 0.4),
    "head": (head_blocking, 0.05),
    "throttle 40100": (scenes.throttle(fake_tiktok.code(40100)), 0.1),
    "throttle 429": (scenes.throttle(scenes.TOO_MANY), 0.1),
    "throttle 40100 of one type": (scenes.throttle(fake_tiktok.code(40100), event="Purchase"), 0.1),
    "Retry-After: 0": (gap_after("0"), 0.03),
    "Retry-After: 3": (gap_after("3"), 0.03),
    "Retry-After: -1": (gap_after("-1"), 0.03),
    "Retry-After: 1e12": (gap_after("1000000000000"), 0.03),
    "Retry-After: a date": (gap_after(in_four_seconds), 0.03),
    "Retry-After: a past date": (gap_after("Thu, 01 Jan 2015 00:00:00 GMT"), 0.03),
    "Retry-After: junk": (gap_after("soon, \x01 perhaps 5"), 0.03),
    "burst": (burst, 0.6),
    "backlog": (backlog(300_000), 1),
}


@plays("throttle 40100", "throttle 429", "throttle 40100 of one type")
def test_a_short_throttle_diverts_nothing(figures):
    account = figures.account
    assert not account.diverted and not account.dead, account
    assert not account.lost and not account.both, account
    assert not figures.transitions, "throttling is not failure"


@plays("throttle 40100", "throttle 429")
def test_a_throttled_destination_is_left_alone(figures):
    assert figures.requests <= 25


@plays("throttle 40100", "throttle 429", "throttle 40100 of one type")
def test_after_a_throttle_the_backlog_is_delivered(figures):
    assert figures.back_after <= 30


@pytest.mark.parametrize("figures, least, most", [
    ("Retry-After: 0", 0, 4),
    ("Retry-After: 3", 3, 5),
    ("Retry-After: a date", 2.5, 6.5),
    ("Retry-After: -1", 0.9, 9.5),
    ("Retry-After: junk", 0.9, 9.5),
    ("Retry-After: a past date", 0.9, 9.5),
], indirect=["figures"])
def test_retry_after_in_every_form(figures, least, most):
    """Junk is ignored: then it is left alone for one to eight seconds. The rate may add two thirds of a second."""
    assert figures.more["gap"] is not None and least <= figures.more["gap"] <= most, figures.more["gap"]
    assert not figures.transitions
    assert not figures.more["account"].diverted and not figures.more["account"].dead


@plays("Retry-After: 1e12")
def test_no_retry_after_is_longer_than_the_cap(figures):
    """Nobody is believed for more than a quarter of an hour, and events do not wait even for that."""
    waits = [int(w) for w in re.findall(r"destination\.throttled .*wait_ms=(\d+)", figures.more["log"])]
    assert waits and max(waits) <= 15 * 60 * 1000
    assert figures.more["gap"] is None or figures.more["gap"] > 10
    assert set(figures.more["account"].diverted) == {"throttled"} and not figures.more["account"].dead
    assert not figures.transitions


@plays("burst")
def test_a_burst_is_taken_evenly(figures):
    assert not figures.transitions, "our own load is no outage"
    assert not figures.account.lost and not figures.account.both, figures.account
    assert not figures.account.diverted and not figures.account.dead, figures.account
    assert figures.rss <= 200 * MIB and figures.rss_growth <= 40 * MIB, f"{figures.rss / MIB:.0f} MiB, {figures.rss_growth / MIB:.0f}"
    assert figures.more["late"] <= 5, "oldest first"


@plays("stopped")
def test_no_storm_on_waking(figures):
    """20 requests a second and a burst of 5, whatever was missed; and the probes of an open cell are a second apart."""
    assert max(figures.more["per second"]) <= 20 + 5 + 1, figures.more["per second"]
    assert figures.more["probes"] <= 11
    assert not figures.more["transitions"], "what was in flight while it stood still is no outage"
    assert not figures.account.lost, figures.account
    # What was settled and not yet committed when it stopped: its partitions went to nobody, and it sends them again.
    assert len(figures.account.both) <= 100 * 2 + 100, figures.account


@plays("clock")
def test_steps_of_the_wall_clock_change_nothing(figures):
    assert figures.more["days"] == {-1, 0, 1}, "what was diverted bears the time of the clock: it did step"
    assert not figures.more["transitions"], "the other types are as healthy as before"
    assert all(n > 0.7 * 5 * 60 * 4 / 5 for n in figures.more["delivered in each"]), figures.more["delivered in each"]
    assert figures.requests <= 20, "a dark type is probed, not hammered, whatever the clock says"
    assert figures.back_after <= 15, "a throttle ends by the monotonic clock"
    assert not figures.account.lost and not figures.account.both, figures.account


@plays("poison")
def test_poison_does_not_slow_the_rest(figures):
    """The rest keeps 80 % of its throughput while a hundred thousand pills go by in the same partitions, and the last
    pill costs no more than the first: half more is allowed, for processor time is shared out in ticks."""
    more = figures.more
    assert more["arrived meanwhile"] >= 0.8 * more["produced meanwhile"], more
    assert more["processor"][1] <= 1.5 * more["processor"][0] + 0.3, more
    assert more["pills"] == {"decode_failed": PILLS}
    assert not figures.account.lost and not figures.account.both and not figures.account.diverted, figures.account


@plays("head")
def test_one_event_that_never_completes_holds_up_no_partition(figures):
    assert figures.more["stood still"] <= 60
    assert figures.more["stuck went"] == ["retries_exhausted"]
    assert not figures.account.lost and not figures.account.both, figures.account


@pytest.mark.slow
@plays("backlog")
def test_a_backlog_is_worked_off_in_order(figures):
    assert not figures.transitions
    assert figures.rss <= 200 * MIB
    assert figures.more["late"] <= 5, "oldest first"
    assert not figures.account.lost and not figures.account.both, figures.account
