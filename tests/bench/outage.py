#!/usr/bin/env python3
"""outage - what failures cost on a real Kafka, as a table.

Usage: tests/.venv/bin/python tests/bench/outage.py [SCENE...]     (make build first; DETOUR_BIN names another program)
       tests/.venv/bin/python tests/bench/outage.py --against PROGRAM

Plays the scenes of tests/integration/scenes.py one after another against one Kafka of its own, with the
configuration's defaults, and prints what was measured as a Markdown table. What they may be at most stands in
tests/integration/test_outages.py and test_flow.py, which fail when it is more; here they are only read.

--against compares what an event costs, in processor time, with another program, such as one built before a change:
five rounds of both in turn, and the least of each, which is the least disturbed.
"""

import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import detour  # noqa: E402
import fake_tiktok  # noqa: E402
import scenes  # noqa: E402
from services import Kafka  # noqa: E402
from stage import Programme  # noqa: E402

SCENES = {
    "everything answers code 50000, 200/s": scenes.total_outage("code 50000"),
    "everything answers 503, 200/s": scenes.total_outage("503"),
    "everything refused, 200/s": scenes.total_outage("refused"),
    "everything reset, 200/s": scenes.total_outage("reset"),
    "the same (50000), four workers": scenes.total_outage("code 50000", workers=4),
    "the same (50000) and kill -9 in the middle": scenes.total_outage("code 50000", kill=True),
    "one type of five fails, 250/s": scenes.one_type_dark(),
    "everything hangs, 2,000/s for 30 s": scenes.hanging(),
    "throttled (40100) for 10 s, 200/s": scenes.throttle(fake_tiktok.code(40100)),
    "throttled (429, Retry-After 2) for 10 s, 200/s": scenes.throttle(scenes.TOO_MANY),
    "wrong token for 11 s, 100/s": scenes.wrong_token(),
    "20 % of requests fail, 250/s": scenes.background(),
    "flapping every 20 s, 100/s": scenes.flapping(),
    "one type rejected, 100/s": scenes.reject_storm(),
}
ROUNDS = 5
COLUMNS = ("scene", "first diverted", "requests meanwhile", "waiting", "back after", "diverted", "lost", "twice", "RSS")


def seconds(value):
    return "–" if value is None else f"{value:.1f} s"


def row(name, figures):
    account = figures.account
    return (name, seconds(figures.first_diverted), str(figures.requests), "–" if figures.waiting is None else str(figures.waiting),
            seconds(figures.back_after), f"{sum(account.diverted.values())} of {account.produced}", str(len(account.lost)),
            str(len(account.twice)), f"{figures.rss / 2**20:.0f} MiB")


def say(text):
    print(text, file=sys.stderr, flush=True)


def compare(kafka, directory, other):
    """The least processor time an event cost each program."""
    least = {}
    for turn in range(ROUNDS):
        for program in (detour.BINARY, pathlib.Path(other).resolve()):
            detour.BINARY, kept = program, detour.BINARY
            programme = Programme(directory, kafka)
            programme.begin([(f"{program.name} {turn} {len(least)}", scenes.throughput(), 1)])
            for name in programme.futures:
                cost = programme.result(name).more["processor"] * 1e6
            programme.end()
            detour.BINARY = kept
            least[program] = min(cost, least.get(program, cost))
            say(f"{program}: {cost:.2f} us an event")
    ours, theirs = least[detour.BINARY], least[pathlib.Path(other).resolve()]
    print(f"an event costs {ours:.2f} us, with {other} {theirs:.2f} us: {(ours / theirs - 1) * 100:+.1f} %")


def play_all(kafka, directory, chosen):
    failed = 0
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * len(COLUMNS), flush=True)
    for name, scene in chosen.items():
        say(f"{time.strftime('%H:%M:%S')} {name}")
        programme = Programme(directory, kafka)
        programme.begin([(name, scene, 1)])
        try:
            figures = programme.result(name)
            print("| " + " | ".join(row(name, figures)) + " |", flush=True)
            say(f"  {figures.account}; growth {(figures.rss_growth or 0) / 2**20:.0f} MiB, in flight {figures.in_flight}, "
                f"p99 {figures.p99}")
        except Exception as error:
            failed += 1
            say(f"  {error}")
        programme.end()
    return 1 if failed else 0


def main(words):
    other = words[1] if words[:1] == ["--against"] and len(words) == 2 else None
    chosen = {n: s for n, s in SCENES.items() if not words or any(w in n for w in words)}
    if not chosen and other is None:
        say("no such scene; there are:\n  " + "\n  ".join(SCENES))
        return 2
    directory = pathlib.Path(tempfile.mkdtemp(prefix="detour-outage-"))
    kafka = Kafka(directory / "kafka").start()
    try:
        return compare(kafka, directory, other) if other else play_all(kafka, directory, chosen)
    finally:
        kafka.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
