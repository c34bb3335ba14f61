"""The log as operators and machines read it: the start, the totals, levels, and a stderr that takes nothing."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

import events
import fake_tiktok
from detour import BINARY
from services import tied, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]


def lines(run, event=None):
    found = [json.loads(line, object_pairs_hook=unique) for line in run.log.splitlines() if line.startswith("{")]
    return [line for line in found if event in (None, line["event"])]


def unique(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key twice: {keys}"
    return dict(pairs)


def documented():
    """What docs/log.md says: levels and keys by name."""
    rows = re.findall(r"^\| `([\w.]+)` \| ([\w, ]+) \| (.*?) \|", (ROOT / "docs" / "log.md").read_text(), re.M)
    return {name: (set(levels.split(", ")), set(re.findall(r"`(\w+)`", keys)), set(re.findall(r"`(\w+)`(?:\*\*)?\?", keys)))
            for name, levels, keys in rows}


def must_be_documented(run):
    rows = documented()
    for line in lines(run):
        levels, keys, optional = rows[line["event"]]
        have = set(line) - {"time", "level", "event", "repeated", "suppressed", "cut"}
        have = {"event" if key == "event_type" else key for key in have}
        assert line["level"] in levels and keys - optional <= have <= keys, line


def config_of(world, **more):
    return world.config(log={"format": "json", "totals": "1s"}, **more)


def test_a_run_tells_what_it_runs_and_where_it_stands(registry_world):
    """A healthy start has no warning, one outage has one, and its end none; all that is said stands in docs/log.md."""
    world = registry_world
    world.create("source")
    world.create("utm", "dead", max_message_bytes=9_000_000, retention_ms=15 * 86_400_000)  # as `topics` wants them
    schema_id = world.register(f"{world.topics['source']}-value", events.CONVERSION)
    run = world.detour(config_of(world, schemas={"ids": ..., "registry": {"url": world.registry.url}},
                                 destinations={"tiktok": {"health": {"open": "1s..2s"}}})).start().wait_ready()
    started = wait_for(lambda: lines(run, "run.started"), 10, "run.started")[0]
    assert started["config"] == str(run.file) and started["topics"] == world.topics["source"]
    assert started["config_sha256"] == hashlib.sha256(run.file.read_bytes()).hexdigest()[:12]
    assert started["group"] == world.group and started["version"] and started["instance"] and started["workers"] == 1
    world.produce(world.conversions(50, schema_id=schema_id))
    world.wait_settled()
    wait_for(lambda: any(t["delivered"] == 50 for t in lines(run, "run.totals")), 20, lambda: run.tail())
    assert not [line for line in lines(run) if line["level"] in ("warn", "error")], run.tail()

    world.tiktok.on(fake_tiktok.html(503))
    world.produce(world.conversions(60, prefix="dark", schema_id=schema_id))
    wait_for(lambda: any(t["not_closed"] > 0 and "tiktok" in t["which"] for t in lines(run, "run.totals")), 30, run.tail)
    world.tiktok.heal()

    def is_closed():
        world.produce(world.conversions(5, prefix=f"back{len(run.log)}", schema_id=schema_id))
        return lines(run, "health.transition")[-1]["state"] == "closed"

    wait_for(is_closed, 60, run.tail, every=0.5)
    world.wait_settled()  # what is not settled at a stop is taken again later, and was consumed all the same
    run.stop()
    for line in lines(run, "health.transition"):
        assert line["level"] == ("warn" if line["state"] == "open" else "info"), line
    (stopped,) = lines(run, "run.stopped")
    assert stopped["consumed"] == stopped["delivered"] + stopped["diverted"] + stopped["in_flight"]
    assert stopped["lines_lost"] == 0
    must_be_documented(run)


def test_a_log_that_nobody_reads_holds_nothing_up(world):
    """A pipe that is full from the start and one whose reader has gone; debug lines to fill them."""
    world.create_all()
    for name, closes in (("full", False), ("gone", True)):
        run = world.detour(world.config(log={"level": "debug"}, kafka={"group": f"{world.group}-{name}"}))
        ends = os.pipe()
        if not closes:
            os.set_blocking(ends[1], False)
            try:
                while True:
                    os.write(ends[1], b"x" * 4096)
            except BlockingIOError:
                os.set_blocking(ends[1], True)
        run.child = subprocess.Popen(tied([BINARY, "run", "-c", run.file]), cwd=run.directory, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=ends[1])
        os.close(ends[1])
        if closes:
            os.close(ends[0])
        run.wait_ready()
        world.produce(world.conversions(200, prefix=name))
        world.wait_settled(60, group=f"{world.group}-{name}")
        assert run.metric("detour_log_lines_dropped_total") > 0
        run.stop()
        if not closes:
            os.close(ends[0])


LINT_ROWS = [
    ('LOG_WARN("run.stoping", "signal=%s", x);', 'add, in the order of the names:  {"run.stoping", "warn", "signal"'),
    ('LOG_WARN("run.stopping", "signal=%s", x);', "level warn, but its row"),
    ('LOG_INFO("run.stopping", "signal=%s code=%d", x, 1);', "key code is not in its row"),
    ('LOG_INFO("run.stopping", "why=\\"a signal=x\\"");', "key signal is missing"),
    ('LOG_INFO(name, "signal=%s", x);', "a literal"),
    ('log_write(LOG_LEVEL_INFO, "run.stopping", "signal=%s", x);', "log_write() is called by"),
]


def test_lint_refuses_a_line_that_is_not_in_the_table():
    sys.path.insert(0, str(ROOT / ".ci"))
    import log_events

    sources = {str(p.relative_to(ROOT)): p.read_text() for p in ROOT.glob("processor/*/*.[ch]")}
    assert list(log_events.log_problems(sources)) == []
    for code, says in LINT_ROWS:
        changed = dict(sources, **{"processor/app/new.c": f"void f(void)\n{{\n    {code}\n}}\n"})
        found = [text for path, line, text in log_events.log_problems(changed) if path == "processor/app/new.c" and line == 3]
        assert found and any(says in text for text in found), (code, found)
    table = sources[log_events.TABLE]
    gone = dict(sources, **{log_events.TABLE: table.replace('{"run.failed"', '{"run.zzz"')})
    texts = [text for _, _, text in log_events.log_problems(gone)]
    assert any("no line of the program has this name" in text for text in texts) and any("order" in text for text in texts)
