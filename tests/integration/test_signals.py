"""Signals as supervisors, shells and terminals send them: twice, mixed, early, and to whole groups."""

import os
import pathlib
import re
import select
import signal
import subprocess
import time

import pytest

import fake_tiktok
from detour import BINARY
from services import tied, wait_for

TERM, INT, HUP = signal.SIGTERM, signal.SIGINT, signal.SIGHUP

# What is sent when the first request is under way: (signal, seconds before it).
BURSTS = {
    "SIGTERM twice": [(TERM, 0), (TERM, 0.002)],
    "SIGINT, then SIGTERM": [(INT, 0), (TERM, 0.002)],
    "a burst of both over half a second": [(s, 0.05) for s in (TERM, INT) * 5],
    "SIGHUP before, between and behind": [(HUP, 0), (HUP, 0.05), (TERM, 0.3), (HUP, 0.01), (TERM, 0.002), (HUP, 0.1)],
}


def send(child, burst):
    for number, pause in burst:
        time.sleep(pause)
        child.send_signal(number)


def under_way(world, run):
    """Records whose request is at the destination and waits for its answer."""
    run.wait_ready()
    records = world.produce(world.conversions(5))
    wait_for(lambda: world.tiktok.seen, 20, "a request is under way")
    return records


def slow_world(world, answer):
    """The drain takes as long as an answer of the destination."""
    world.create_all()
    world.tiktok.on(answer)
    return world.detour(world.config(shutdown={"drain": "20s"})).start()


def nothing_is_sent_again(world, run, records):
    """What was under way was finished and committed: who comes next delivers the rest, and nothing twice."""
    world.tiktok.heal()
    run.start().wait_ready()
    world.wait_settled(30)
    world.settle_account(records)


@pytest.mark.parametrize("name", BURSTS)
def test_signals_that_come_together_are_one(world, name):
    run = slow_world(world, fake_tiktok.slow(2.0))
    records = under_way(world, run)
    send(run.child, BURSTS[name])
    assert run.wait_exit() == 0, run.tail()
    assert "run.hard_exit" not in run.log and "run.stopped" in run.log
    assert run.log.count("event=run.stopping") == 1
    nothing_is_sent_again(world, run, records)
    assert ("run.reload_unsupported" in run.log) == any(number == HUP for number, _ in BURSTS[name])


def test_a_signal_a_second_later_ends_it_at_once(world):
    run = slow_world(world, fake_tiktok.hang())
    under_way(world, run)
    run.child.send_signal(TERM)
    run.wait_log("run.stopping")
    time.sleep(1.2)
    run.child.send_signal(INT)
    assert run.wait_exit(5) == 1
    assert re.search('run.hard_exit why="a second signal"', run.log)


def test_timeout_of_coreutils_stops_it_well(world):
    """`timeout` signals its child and then its whole group: the same signal twice within microseconds."""
    world.create_all()
    world.tiktok.on(fake_tiktok.slow(2.0))
    run = world.detour(world.config(shutdown={"drain": "20s"}))
    with open(run.log_file, "ab") as log:
        run.child = subprocess.Popen(["timeout", "600", *tied([BINARY, "run", "-c", run.file])], stdout=log, stderr=log,
                                     cwd=run.directory, start_new_session=True)
    records = under_way(world, run)
    run.child.send_signal(TERM)  # `timeout` passes it on
    run.wait_exit()
    wait_for(lambda: "run.stopped" in run.log or "run.hard_exit" in run.log, 20, "the end of the log")
    assert "run.hard_exit" not in run.log
    nothing_is_sent_again(world, run, records)


def is_listening_to_signals(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return any(int(re.search(rf"{which}:\s*(\w+)", status).group(1), 16) >> (TERM - 1) & 1
               for which in ("SigBlk", "SigCgt"))


def test_signals_while_it_starts(world):
    """At whatever moment of the start: it ends by itself, with exit code 0, and SIGHUP ends nothing."""
    world.create_all()
    run = world.detour()
    for pause in (0, 0.02, 0.1, 0.3, 0.6):
        run.start()
        wait_for(lambda: is_listening_to_signals(run.child.pid), 20, "signals are blocked", every=0.001)
        time.sleep(pause)
        send(run.child, [(HUP, 0), (TERM, 0.002), (INT, 0.001)])
        assert run.wait_exit() == 0, f"after {pause} s: {run.tail()}"
    run.start()
    wait_for(lambda: is_listening_to_signals(run.child.pid), 20, "signals are blocked", every=0.001)
    send(run.child, [(HUP, 0), (HUP, 0.2)])
    run.wait_ready()
    run.stop()


def has_spoken(child):
    """A thread that waits for signals has them not blocked; then it says already where it listens."""
    return select.select([child.stdout], [], [], 0)[0]


OTHERS = {"generate": ["generate", "-c", "detour.yaml", "--rate", "50"],
          "simulate": ["simulate", "tiktok", "--listen", "127.0.0.1:0"]}


@pytest.mark.parametrize("name", OTHERS)
def test_signals_while_the_others_start(world, name):
    """SIGHUP ends nothing, SIGTERM ends it with exit code 0, from the first moment that a program can decide on."""
    world.create_all()
    run = world.detour()
    for pause in (0, 0.02, 0.1, 0.3):
        child = subprocess.Popen(tied([BINARY, *OTHERS[name]]), cwd=run.directory, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: is_listening_to_signals(child.pid) or has_spoken(child), 20, "its first moment", every=0.001)
        time.sleep(pause)
        send(child, [(HUP, 0), (HUP, 0.05), (TERM, 0.002), (INT, 0.001)])
        _, err = child.communicate(timeout=30)
        assert child.returncode == 0, f"after {pause} s: {child.returncode} {err}"


def test_a_command_that_takes_no_signals_ends_as_every_program(world, tmp_path):
    pipe = tmp_path / "never-written.yaml"
    os.mkfifo(pipe)
    child = subprocess.Popen(tied([BINARY, "check", "-c", str(pipe)]))
    time.sleep(1)
    child.send_signal(TERM)
    assert child.wait(10) == -TERM


@pytest.mark.parametrize("words", OTHERS.values(), ids=OTHERS)
def test_the_other_commands_end_well_too(world, words):
    world.create_all()
    run = world.detour()
    child = subprocess.Popen(tied([BINARY, *words]), cwd=run.directory, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    if words[0] == "simulate":
        assert "listening" in child.stdout.readline()
    else:
        wait_for(lambda: world.read("source"), 30, "events arrive")
    send(child, [(TERM, 0), (TERM, 0.002), (INT, 0.001)])
    out, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert words[0] == "simulate" or "acknowledged" in out
