"""detour rehearse and the live system, told the same story: both must tell the same times.

A scene is played on a real Kafka against a fake TikTok, and its trace is rehearsed with the very configuration
file of that process. Open times are jittered, so a rehearsal is many: the live run has to lie among them, give
or take a second.
"""

import json
import subprocess

import pytest

import events
import fake_tiktok
import scenes
from detour import BINARY
from stage import plays
from stage_tiktok import now

RATE = 200
SEEDS = 20
TOLERANCE = 1.0

STORIES = {  # how the fake is told, and the same for the trace; whose transitions count
    "code 50000": (lambda: (fake_tiktok.code(50000), {}), "{code: 50000}", None),
    "503": (lambda: (fake_tiktok.gateway_json(503), {}), "{status: 503}", None),
    "hanging": (lambda: (fake_tiktok.hang(), {}), "hang", None),
    "one type": (lambda: (fake_tiktok.code(50000), {"event": "Purchase"}), "{code: 50000}", "Purchase"),
}


def rehearse(stage, answer, event):
    """Seconds from the fault to the first open breaker and from its end to the last diverted event; the cause."""
    trace = stage.directory / "trace.yaml"
    rate = RATE / len(events.TYPES)
    lines = ["for: 90s", "latency: 3ms", "traffic:"]
    lines += [f"  - {{event: {name}, rate: {rate}/s}}" for name in events.TYPES]
    lines += ["destinations:", "  tiktok:", f"    - {{from: {scenes.WARM}s, to: {scenes.WARM + scenes.DARK}s, "
              f"{'event: ' + event + ', ' if event else ''}answer: {answer}}}"]
    trace.write_text("\n".join(lines) + "\n")
    out = []
    for seed in range(1, SEEDS + 1):
        done = subprocess.run([BINARY, "rehearse", "-c", stage.run.file, trace, "--seed", str(seed), "--json"],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)["timeline"]
        opened = next(r for r in rows if r["what"] == "health" and r["state"] == "open")
        back = max(r["at_ms"] for r in rows if r["what"] == "returned")
        out.append((opened["at_ms"] / 1000 - scenes.WARM, back / 1000 - scenes.WARM - scenes.DARK, opened["event"]))
    return out


def story(name):
    make, answer, event = STORIES[name]

    def play(stage):
        stage.play(RATE)
        stage.rest(scenes.WARM)
        figures = scenes.Figures(begun=now())
        fault, only = make()
        rule = stage.tiktok.on(fault, **only)
        stage.rest(scenes.DARK)
        figures.healed = now()
        stage.tiktok.off(rule)
        figures.back_after = stage.wait_back(figures.healed)
        figures.account = stage.finish()
        figures.transitions = stage.transitions("tiktok")
        figures.more["rehearsed"] = rehearse(stage, answer, event)
        figures.more["event"] = event
        return figures

    return play


SCENES = {name: (story(name), 0.2) for name in STORIES}


@plays(*STORIES)
def test_rehearsal_and_life_agree_within_a_second(figures):
    rehearsed = figures.more["rehearsed"]
    opened = next(t for t in figures.transitions if t.state == "open")
    trip = opened.at - figures.begun
    trips = [r[0] for r in rehearsed]
    backs = [r[1] for r in rehearsed]
    print(f"trip {trip:.1f} s, rehearsed {min(trips):.1f}..{max(trips):.1f}; "
          f"back {figures.back_after:.1f} s, rehearsed {min(backs):.1f}..{max(backs):.1f}")
    assert min(trips) - TOLERANCE <= trip <= max(trips) + TOLERANCE
    assert min(backs) - TOLERANCE <= figures.back_after <= max(backs) + TOLERANCE
    assert (opened.event or None) in {r[2] for r in rehearsed}, "the same scope"
    assert not figures.account.lost


@pytest.mark.parametrize("arguments, code, says", [
    ([], 2, "which configuration"),
    (["-c", "x.yaml"], 2, "which trace"),
    (["-c", "no-such-file.yaml", "trace.yaml"], 2, "no-such-file.yaml"),
    (["-c", "x.yaml", "trace.yaml", "--seed", "many"], 2, "--seed wants a number"),
    (["--help"], 0, "usage: detour rehearse"),
])
def test_arguments(binary, arguments, code, says):
    done = subprocess.run([binary, "rehearse", *arguments], capture_output=True, text=True, timeout=20)
    assert done.returncode == code
    assert says in done.stdout + done.stderr
