"""A stage for outages: steady traffic onto Kafka, a fake TikTok that can be broken, and everything timed.

Nothing here is taken from what detour says of itself: where an event went is read from the fake and
from the topics, and when, by the tests' own clock. Only what cannot be seen from outside is asked of
it (requests to a port where nobody listens, states of breakers) or of the system (memory).
"""

import bisect
import collections
import concurrent.futures
import contextlib
import dataclasses
import datetime
import os
import pathlib
import re
import subprocess
import threading
import time

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

import events
import machine
from detour import base_config, merge
from services import ROOT_BUILD, wait_for
from stage_tiktok import StageTikTok, now
from world import World

TICK = 0.01
LOOK_EVERY = 0.25
PLACE = "EVENT-ID-TAKES-THIS-PLACE-00000000"
TRANSITION = re.compile(r"^time=(\S+) .*event=health\.transition destination=(\S+) event=(\S*) state=(\w+) cause=(\w+) "
                        r"scope=(\w+)")


class Traffic:
    """Events of the given types at a rate that may change, each with its own id, until it is told to stop."""

    def __init__(self, stage, rate, types=events.TYPES, variants=({},), limit=float("inf")):
        self.stage = stage
        self.rate = rate
        self.limit = limit
        encode = events.Encoder(events.CONVERSION)
        self.kinds = [(t, v) for v in variants for t in types]
        self.templates = [events.confluent(1, encode(events.conversion(PLACE, t, **v))) for t, v in self.kinds]
        self.sent = {}  # event id: when it was produced
        self.kind = {}  # event id: type and variant
        self.partition = {}
        self.failed = []
        self.acknowledged = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def reported(self, error, message):
        if error is not None:
            self.failed.append(error)
        self.partition[message.key().decode()] = message.partition()
        self.acknowledged += 1

    def id_of(self, number):
        name = self.stage.name
        return f"{name}-{number:0{len(PLACE) - len(name) - 1}d}"

    def run(self):
        producer, topic = self.stage.producer, self.stage.topics["source"]
        due, last = 0.0, now()
        while not self.stopping.is_set():
            at = now()
            due += (at - last) * self.rate
            last = at
            while due >= 1 and len(self.sent) < self.limit:
                due -= 1
                which = len(self.sent) % len(self.kinds)
                event_id = self.id_of(len(self.sent))
                value = self.templates[which].replace(PLACE.encode(), event_id.encode())
                self.kind[event_id] = self.kinds[which]
                self.sent[event_id] = now()
                producer.produce(topic, value, event_id.encode(), on_delivery=self.reported)
                while len(producer) > 50_000:
                    producer.poll(0.05)
            producer.poll(0)
            time.sleep(TICK)

    def stop(self):
        self.stopping.set()
        self.thread.join(60)
        assert self.stage.producer.flush(60) == 0, "not everything was produced"
        assert not self.failed, self.failed[:3]
        assert self.acknowledged == len(self.sent)
        return self.sent


@dataclasses.dataclass
class Diverted:
    """A record of a Kafka destination when it was seen there."""

    at: float
    topic: str
    reason: str
    outage: str
    leg: str
    outcome: str
    headers: dict


class Tail:
    """Reads the alternate and the dead-letter topic while detour writes them."""

    def __init__(self, stage):
        self.stage = stage
        self.by_id = collections.defaultdict(list)
        self.seen = []  # Diverted, as they came
        self.count = 0
        self.read_to = {}
        self.stopping = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        consumer = Consumer({"bootstrap.servers": self.stage.kafka.brokers, "group.id": f"tail-{self.stage.name}",
                             "enable.auto.commit": False, "log_level": 0, "fetch.wait.max.ms": 20,
                             "fetch.message.max.bytes": 8_000_000})
        names = {self.stage.topics[n]: n for n in ("utm", "dead")}
        try:
            consumer.assign([TopicPartition(t, p, OFFSET_BEGINNING) for t in names for p in range(self.stage.partitions)])
            while not self.stopping.is_set():
                for message in consumer.consume(2000, 0.02):
                    assert message.error() is None, message.error()
                    self.note(names[message.topic()], message)
        except Exception as error:
            self.error = error
        finally:
            consumer.close()

    def note(self, topic, message):
        headers = {k.removeprefix("detour."): (v or b"").decode() for k, v in message.headers() or []}
        diverted = Diverted(now(), topic, headers.get("reason"), headers.get("outage", ""), headers.get("leg"),
                            headers.get("outcome"), headers)
        self.by_id[headers.get("event.id")].append(diverted)
        self.seen.append(diverted)
        self.read_to[message.topic(), message.partition()] = message.offset() + 1
        self.count += 1

    def catch_up(self, timeout=60):
        """Until everything that is in the topics now has been read."""
        wanted = {}
        for name in ("utm", "dead"):
            topic = self.stage.topics[name]
            wanted |= {(topic, p): high for p, (low, high) in self.stage.ends(topic).items() if high > low}

        def has_read():
            assert self.error is None, self.error
            return all(self.read_to.get(k, 0) >= high for k, high in wanted.items())

        wait_for(has_read, timeout, "the alternate and dead-letter topics are read")

    def stop(self):
        self.stopping.set()
        self.thread.join(20)
        assert self.error is None, self.error

    def first(self, since=0, reason=None, topic="utm"):
        found = [d.at for d in list(self.seen) if d.at >= since and d.topic == topic and reason in (None, d.reason)]
        return min(found) if found else None

    def last(self, topic="utm"):
        return max((d.at for d in list(self.seen) if d.topic == topic), default=0)


@dataclasses.dataclass
class Look:
    """The stage at one moment."""

    at: float
    in_flight: float
    waiting: int  # produced, and neither accepted nor on a topic: wherever it may be
    rss: int
    cpu: float
    committed: dict = None


class Watch:
    """Looks at the process and the account a few times a second."""

    def __init__(self, stage):
        self.stage = stage
        self.looks = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.wait(LOOK_EVERY):
            run, traffic = self.stage.run, self.stage.traffic
            if run is None or run.child.poll() is not None or traffic is None:
                continue
            with contextlib.suppress(OSError, ValueError, IndexError, StopIteration):  # it may end meanwhile
                pid = run.child.pid
                self.looks.append(Look(now(), run.metric("detour_in_flight_events"), self.stage.waiting(), rss(pid), cpu(pid)))

    def stop(self):
        self.stopping.set()
        self.thread.join(20)

    def between(self, begin, end):
        return [look for look in self.looks if begin <= look.at < end]


def rss(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def cpu(pid):
    """Seconds of processor time, of all threads."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Transition:
    at: float  # on the tests' clock
    destination: str
    event: str  # "" for the destination itself
    state: str
    cause: str
    scope: str


@dataclasses.dataclass
class Account:
    """Where every produced event went."""

    produced: int
    delivered: int
    diverted: collections.Counter  # by reason
    dead: collections.Counter
    lost: list
    twice: list  # accepted by the destination more than once
    both: list  # more than one copy, wherever

    def __str__(self):
        return (f"{self.produced} produced, {self.delivered} delivered, diverted {dict(self.diverted)}, dead "
                f"{dict(self.dead)}, lost {len(self.lost)} {self.lost[:3]}, twice {len(self.twice)}, both {len(self.both)} {self.both[:3]}")


class Stage(World):
    """A world whose destination is a StageTikTok, with the configuration's defaults unless told otherwise."""

    partitions = 3

    def __init__(self, directory, kafka, tiktok=None):
        directory.mkdir(parents=True, exist_ok=True)
        super().__init__(directory, kafka, None, tiktok or StageTikTok())
        self.traffic = self.tail = self.watch = self.run = None

    def config(self, **changes):
        """What a person gets who writes down only what has to be: no time-outs, no limits of the tests' own."""
        base = base_config(self.directory, self.kafka, self.tiktok, self.topics, self.group)
        plain = {"destinations": {"tiktok": dict.fromkeys(("batch", "timeout", "retry", "throttle", "max_age"), ...)}}
        return merge(merge(base, plain), changes)

    def play(self, rate=0, config=None, environment=None, **traffic):
        """Topics, detour, and traffic that has begun to arrive."""
        self.create_all(self.partitions)
        self.tail = Tail(self)
        self.run = self.detour(config or self.config(), environment=environment).start().wait_ready()
        self.watch = Watch(self)
        if rate:
            self.traffic = Traffic(self, rate, **traffic)
            wait_for(lambda: len(self.tiktok.accepted) >= min(rate, 50), 60, lambda: f"traffic flows\n{self.tails()}")
        return self

    def waiting(self):
        """Produced and not yet anywhere; an event with two copies would hide one, so the account is what counts."""
        return len(self.traffic.sent) - len(self.tiktok.accepted) - self.tail.count

    def rest(self, seconds):
        deadline = now() + seconds
        while (left := deadline - now()) > 0:
            self.run.must_live()
            time.sleep(min(left, 0.5))

    def requests_made(self):
        """Requests as detour counts them: where nobody listens there is no other witness."""
        return self.run.metric("detour_request_duration_seconds_count", destination="tiktok")

    def wait_back(self, healed_at, timeout=75, quiet=5):
        """Until nothing has been diverted for @quiet seconds; how long after @healed_at the last one was."""
        wait_for(lambda: now() - max(self.tail.last(), healed_at) > quiet, timeout,
                 lambda: f"all traffic is back\n{self.tails()}")
        return max(self.tail.last() - healed_at, 0)

    def finish(self, timeout=90):
        """Stop the traffic, let everything settle, and add it up."""
        self.traffic.stop()
        self.wait_settled(timeout)
        self.tail.catch_up()
        return self.account()

    def account(self):
        with self.tiktok.lock:
            accepted = dict(self.tiktok.accepted)
        sent = list(self.traffic.sent.copy())
        strangers = (accepted.keys() | set(self.tail.by_id.copy())) - set(sent)
        assert not strangers, f"events nobody produced: {sorted(map(str, strangers))[:3]}"
        account = Account(len(sent), 0, collections.Counter(), collections.Counter(), [], [], [])
        for name in sent:
            copies = accepted.get(name, 0)
            notes = self.tail.by_id.get(name, [])
            account.delivered += copies > 0
            for note in notes:
                (account.diverted if note.topic == "utm" else account.dead)[note.reason] += 1
            if copies + len(notes) == 0:
                account.lost.append(name)
            if copies > 1:
                account.twice.append(name)
            if copies + len(notes) > 1:
                account.both.append(name)
        return account

    def transitions(self, destination=None):
        """The transitions of the log, on the tests' clock."""
        offset = now() - time.time()
        out = []
        for line in self.run.log.splitlines():
            match = TRANSITION.match(line)
            if match:
                at, where, event, state, cause, scope = match.groups()
                out.append(Transition(wall_of(at) + offset, where.strip('"'), event.strip('"'), state, cause, scope))
        return [t for t in out if destination in (None, t.destination)]

    def latencies(self, begin, end, types):
        """From producing to the destination, of the events produced in that time, in order.

        One that has not arrived has taken until now: left out, a stage where everything stands still would look quick.
        """
        arrived, asked = self.tiktok.arrived, now()
        return sorted(arrived.get(i, asked) - at for i, at in self.traffic.sent.copy().items()
                      if begin <= at < end and self.traffic.kind[i][0] in types)

    def seconds_without_arrival(self, begin, end):
        """Which of the whole seconds from @begin to @end passed without an event at the destination."""
        busy = {int(at - begin) for at in self.tiktok.arrived.copy().values() if begin <= at < end}
        return sorted(set(range(int(end - begin))) - busy)

    def end(self):
        for part in (self.traffic, self.watch, self.tail):
            if part:
                part.stopping.set()
        super().end()
        self.tiktok.stop()


def wall_of(text):
    """A time in ISO 8601 as seconds of the wall clock."""
    return datetime.datetime.fromisoformat(text).timestamp()


def quantile(ordered, share):
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def way_changes(transitions, event):
    """When the way of an event type closed or opened: past its own breaker and the destination's."""
    states = {"": "closed", event: "closed"}
    is_open, out = True, []
    for t in transitions:
        if t.event in states:
            states[t.event] = t.state
            if is_open != all(s == "closed" for s in states.values()):
                is_open = not is_open
                out.append(t.at)
    return out


def most_within(times, seconds):
    """The most of @times that lie in any stretch of @seconds."""
    return max((bisect.bisect_left(times, t + seconds) - i for i, t in enumerate(times)), default=0)


def elsewhere(directory):
    """A file that says what the wall clock and names shall be (tests/tools/elsewhere.c), and the environment for it."""
    library = directory / "elsewhere.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, ROOT_BUILD.parent / "tests" / "tools" / "elsewhere.c"], check=True)
    place = directory / "elsewhere"
    place.touch()
    return place, {"LD_PRELOAD": str(library), "ELSEWHERE": str(place)}


def plays(*names):
    """Marks a test that reads the figures of a scene of its module's SCENES; once for each name."""
    return pytest.mark.parametrize("figures", names, indirect=True)


class Programme:
    """Scenes that are played beside each other, as many as the machine can carry; each test waits for its own.

    A scene's weight is the share of the machine it takes; one of weight 1 is alone.
    """

    def __init__(self, directory, kafka):
        self.directory = pathlib.Path(directory)
        self.kafka = kafka
        self.room = threading.Condition()
        self.load = 0.0
        self.turn = 0
        self.futures = {}
        self.told = set()
        self.pool = concurrent.futures.ThreadPoolExecutor(64)

    def begin(self, scenes):
        """@scenes: name, function of a stage, weight. They start in this order."""
        for place, (name, function, weight) in enumerate(scenes):
            self.futures[name] = self.pool.submit(self.perform, place, name, function, weight)

    def perform(self, place, name, function, weight):
        with self.room:
            self.room.wait_for(lambda: self.turn == place and self.load + weight <= 1.001)
            self.load += weight
            self.turn += 1
            self.room.notify_all()
        stage = None
        try:
            with machine.taken(weight):
                stage = Stage(self.directory / re.sub(r"\W+", "-", name), self.kafka)
                return function(stage)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}\n{stage.tails() if stage else ''}") from error
        finally:
            if stage:
                stage.end()
            with self.room:
                self.load -= weight
                self.room.notify_all()

    def result(self, name):
        error = self.futures[name].exception()
        if error is not None and name in self.told:
            raise AssertionError(f"the scene {name} came to nothing; why, says the first of its tests")
        self.told.add(name)
        return self.futures[name].result()

    def end(self):
        self.pool.shutdown(wait=True, cancel_futures=True)
