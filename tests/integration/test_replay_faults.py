"""Replay under faults: killed at random, brokers that go away, a ledger that takes nothing, dead letters that lie."""

import collections
import json
import os
import random
import signal
import subprocess
import time

import pytest

import books
from detour import BINARY
from services import wait_for
from test_ledger import with_ledger
from test_replay import letters, replay
from world import Record

ROUNDS = int(os.environ.get("DETOUR_KILL_ROUNDS", "3"))


def start(run, command):
    """The replay, once the group of the one that was killed is free."""
    for _ in range(40):
        child = subprocess.Popen([BINARY, *map(str, command)], cwd=run.directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        time.sleep(1)
        if child.poll() is None:
            return child
        assert b"is being run by" in child.stderr.read() and child.returncode == 1
    raise AssertionError("the group does not get free")


def test_killed_at_random_again_and_again(world):
    """Each event arrives, the books say so, and what arrives twice was on its way at a kill."""
    originals = world.conversions(140 * ROUNDS, event="Purchase")
    run = letters(world, [r.value for r in originals], "rejected", route="all", leg="tiktok", destination="tiktok")
    command = ["replay", "-c", run.file, "--from", world.topics["dead"], "--all", "--yes", "--name", "k"]
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)

    def accepted():
        return sum(world.tiktok.accepted.values())

    for _ in range(ROUNDS):
        before = accepted()
        child = start(run, [*command, "--rate", "400/s"])
        wait_for(lambda: accepted() > before or child.poll() is not None, 60, "some are sent")
        time.sleep(dice.random() * 1.5)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    start(run, command).communicate(timeout=120)
    counts = collections.Counter(world.tiktok.accepted.get(r.id, 0) for r in originals)
    twice = accepted() - len(originals)
    print(f"kill rounds {ROUNDS}, seed {seed}: {len(originals)} dead letters, lost {counts[0]}, duplicates {twice}")
    assert counts[0] == 0, (seed, counts)
    assert twice <= 400 * ROUNDS, (seed, counts)
    found = books.read(world, "ledger", f"{world.group}.replay.k", "dead")
    assert found.events() == {"delivered": len(originals)}, seed


def test_dead_letters_that_lie_harm_nothing(world):
    """Headers that are forged, huge, repeated, no text, or name places, routes and numbers that cannot be: each record is
    delivered, left out with its reason, or dead-lettered again; nothing is lost, and none is sent to another leg."""
    originals = world.conversions(12, event="Purchase")
    good = {"reason": "rejected", "route": "all", "leg": "tiktok", "destination": "tiktok", "source.topic": "elsewhere",
            "source.partition": 0, "source.offset": 1}
    lies = [
        {"source.offset": -5}, {"source.partition": 99999999999}, {"source.offset": 2**63 - 1}, {"route": "x" * 100_000},
        {"leg": "warehouse"}, {"reason": b"\xff\xfe"}, {"replays": "many"}, {"outcome": "fine"},
        {"at": "yesterday", "outcome": "ambiguous"}, {"source.topic": b"\x00\xff"}, {"part": "7/3"}, {"code": "9" * 40},
    ]
    run = letters(world, [], "rejected")
    records = []
    for original, lie in zip(originals, lies):
        told = [(f"detour.{k}", v if isinstance(v, bytes) else str(v).encode()) for k, v in {**good, **lie}.items()]
        records.append(Record(original.value, key=b"k", headers=[*told, told[0]]))
    world.produce(records, topic=world.topics["dead"])
    world.produce([Record(None, key=b"t"), Record(b"", key=b"e"), Record(b"\x00" * 300_000, key=b"z")], topic=world.topics["dead"])
    done = replay(world, run, "--all", "--yes", "--keep-going", "--name", "lies")
    settled = done["delivered"] + done["dead_lettered"] + done["diverted"] + sum(done["skipped"].values())
    assert settled == 15, done
    assert set(done["skipped"]) <= {"route_gone", "leg_gone", "in_parts"}, done
    assert done["dead_lettered"] == 3, "what has no event in it"
    taken = [world.tiktok.accepted.get(r.id, 0) for r in originals]
    assert max(taken) == 1 and sum(taken) == done["delivered"] >= 9, (taken, done)
    for turn in range(1, 6):  # its own failures are behind its end: they are for the next run, five times
        again = replay(world, run, "--all", "--yes", "--keep-going", "--name", "lies")
        assert (again["selected"], again["parked"]) == ((3, 0) if turn < 5 else (0, 3)), (turn, again)
    assert replay(world, run, "--all", "--yes", "--name", "lies", code=1)["state"] == "nothing_left"


@pytest.mark.parametrize("fault", ["killed", "suspended"])
def test_a_broker_that_goes_in_the_middle(own_world, own_kafka, fault):
    """The replay waits for it, and ends with everything there and in the books."""
    world = own_world
    originals = world.conversions(400, event="Purchase")
    run = letters(world, [r.value for r in originals], "rejected", route="all", leg="tiktok", destination="tiktok")
    child = subprocess.Popen([BINARY, "replay", "-c", str(run.file), "--from", world.topics["dead"], "--all", "--yes", "--json",
                              "--name", "b", "--rate", "100/s"], cwd=run.directory, stdout=subprocess.PIPE)
    wait_for(lambda: sum(world.tiktok.accepted.values()) > 30, 60, "some are sent")
    if fault == "killed":
        own_kafka.kill()
        time.sleep(3)
        own_kafka.start()
    else:
        own_kafka.process.child.send_signal(signal.SIGSTOP)
        time.sleep(10)
        own_kafka.process.child.send_signal(signal.SIGCONT)
    out, _ = child.communicate(timeout=180)
    done = json.loads(out)
    assert (child.returncode, done["state"]) == (0, "done"), done
    counts = collections.Counter(world.tiktok.accepted.get(r.id, 0) for r in originals)
    twice = sum(world.tiktok.accepted.values()) - 400
    assert counts[0] == 0 and twice <= 250, counts  # sent before the partitions were blocked for the ledger: 2 s, and a commit
    found = books.read(world, "ledger", f"{world.group}.replay.b", "dead")
    assert found.events() == {"delivered": 400}


def test_a_ledger_that_takes_nothing_lets_nothing_go(world):
    originals = world.conversions(5, event="Purchase")
    run = letters(world, [r.value for r in originals], "rejected", route="all", leg="tiktok", destination="tiktok")
    world.create("tiny", partitions=1, **{"max.message.bytes": "10"})
    run.write(dict(with_ledger(world), ledger={"topic": "tiny"}))
    said = replay(world, run, "--all", "--yes", code=3)
    assert "does not take the record" in said
    assert not any(world.tiktok.accepted.get(r.id) for r in originals), "nothing was sent"


BAD = [
    (["--reason", "rejectd"], 2, "did you mean rejected?"),
    (["--destination", "tiktik"], 2, "tiktok"),
    (["--since", "whenever"], 2, "--since"),
    (["--until", "2026-13-01"], 2, "--until"),
    (["--limit", "0"], 2, "--limit"),
    (["--rate", "fast", "--all"], 2, "50/s"),
    (["--name", "a/b", "--all"], 2, "--name"),
    (["--from", "no.such", "--all", "--yes"], 2, "there is no topic no.such; the configuration has"),
    (["--all", "--yes", "--to-topic", "no.such"], 2, "there is no topic no.such"),
    (["--where", "{nonsense: 1}"], 2, "nonsense"),
    (["--outage", "20260101T000000-none"], 1, ""),
    (["--event", "NoSuch"], 1, ""),
]


def test_wrong_words_name_the_right_ones(world):
    originals = world.conversions(3, event="Purchase")
    run = letters(world, [r.value for r in originals], "rejected", route="all", leg="tiktok", destination="tiktok")
    for words, code, wants in BAD:
        done = run.command("replay", "-c", run.file, *words, timeout=60)
        assert done.returncode == code and wants in done.stderr + done.stdout, (words, done)
    assert not world.tiktok.accepted
