#!/usr/bin/env python3
"""backfill - what a backfill adds to the latency of live events, on a real Kafka.

Usage: tests/.venv/bin/python tests/bench/backfill.py [DIVERTED [PER_SECOND]]     (make build first)

Diverts DIVERTED events (100,000) while the fake TikTok fails, then sends PER_SECOND live events (200) for half a minute with
the backfill paused, and again for as long as it takes once it is resumed. Latency is from the event's time, when it is
produced, to its arrival at the fake TikTok.
"""

import pathlib
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import events  # noqa: E402
import fake_tiktok  # noqa: E402
from services import Kafka, wait_for  # noqa: E402
from test_ledger import with_ledger  # noqa: E402
from world import Record, World  # noqa: E402

QUIET_S = 30
WORKERS_RATE = 100  # requests a second: what the fake TikTok, in Python, takes well


class Live:
    """Events at a steady rate until stopped; when each was produced."""

    def __init__(self, world, per_second, name):
        self.world, self.per_second, self.name = world, per_second, name
        self.made = {}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        encode = events.Encoder(events.CONVERSION)
        began = time.monotonic()
        while not self.stopping.is_set():
            name = f"{self.world.name}-{self.name}-{len(self.made):06d}"
            value = events.confluent(1, encode(events.conversion(name)))
            self.made[name] = time.monotonic()
            self.world.producer.produce(self.world.topics["source"], value, name.encode())
            self.world.producer.poll(0)
            time.sleep(max(0, began + len(self.made) / self.per_second - time.monotonic()))

    def end(self):
        self.stopping.set()
        self.thread.join()
        self.world.producer.flush(30)

    def stop(self):
        self.end()
        names = dict(self.made)
        wait_for(lambda: all(self.world.tiktok.accepted.get(n) for n in names), 60, "live events are there")
        with self.world.tiktok.lock:
            arrived = {n: at for at, n in self.world.tiktok.accepted_at if n in names}
        return sorted(arrived[n] - at for n, at in names.items())


def quantile(latencies, share):
    return latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1000


def say(text):
    print(text, file=sys.stderr, flush=True)


def divert(world, run, count):
    rule = world.tiktok.on(fake_tiktok.code(50000))
    encode = events.Encoder(events.CONVERSION)
    names = [f"{world.name}-dark-{i:06d}" for i in range(count)]
    world.produce([Record(events.confluent(1, encode(events.conversion(n))), key=n.encode(), id=n) for n in names], find=False)
    world.wait_settled(300)
    world.tiktok.off(rule)
    return names


def main(words):
    count = int(words[0]) if words else 100_000
    per_second = int(words[1]) if len(words) > 1 else 200
    directory = pathlib.Path(tempfile.mkdtemp(prefix="detour-backfill-"))
    kafka = Kafka(directory / "kafka").start()
    tiktok = fake_tiktok.FakeTikTok()
    world = World(directory, kafka, None, tiktok).create_all()
    config = with_ledger(world, destinations={"tiktok": {
        "health": {"open": "1s..2s"}, "rate": {"requests": f"{WORKERS_RATE}/s", "burst": 10},
        "backfill": {"from": "utm", "rate": "20%", "max_age": "46h"}}})
    run = world.detour(config).start()
    try:
        assert run.command("backfill", "pause", "-c", run.file).returncode == 0
        names = divert(world, run, count)
        say(f"{len(names)} events diverted")
        warm = Live(world, per_second, "warm")  # until the breakers are closed: some of it is diverted as well
        wait_for(lambda: run.metric("detour_cell_state") + run.metric("detour_destination_state") == 0, 120, "they close")
        warm.end()
        quiet = Live(world, per_second, "quiet")
        time.sleep(QUIET_S)
        quiet = quiet.stop()
        busy = Live(world, per_second, "busy")
        began = time.monotonic()
        assert run.command("backfill", "resume", "-c", run.file).returncode == 0
        wait_for(lambda: sum(n in tiktok.accepted for n in names) == len(names), 900, "it is backfilled", 1)
        took = time.monotonic() - began
        busy = busy.stop()
        twice = sum(tiktok.accepted[n] > 1 for n in names)
        print(f"backfilled {len(names)} in {took:.0f} s ({len(names) / took:.0f}/s), twice {twice}\n"
              "| live events | p50 | p99 |\n| --- | --- | --- |")
        for name, latencies in (("without the backfill", quiet), ("beside it", busy)):
            print(f"| {name} ({len(latencies)}) | {quantile(latencies, 0.5):.1f} ms | {quantile(latencies, 0.99):.1f} ms |")
    finally:
        run.stop()
        kafka.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
