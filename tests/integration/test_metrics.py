"""What an operator sees while something is broken: metrics, the status document, `detour status`."""

import datetime
import json
import shutil
import signal
import subprocess
import time

import pytest

import events
import fake_tiktok
from detour import BINARY
from fake_tiktok import TOKEN
from services import free_port, wait_for
from world import Record

BROKEN = events.TYPES[0]


def produce_steadily(world, until, timeout=60):
    """Events of all types, some every 100 ms, until @until() says so."""
    records = []

    def produced_and_done():
        records.extend(world.produce(world.conversions(10, prefix=f"s{len(records)}")))
        return until()

    wait_for(produced_and_done, timeout, lambda: f"what was waited for; the log ends:\n{world.runs[-1].tail()}")
    return records


def state_of(run, event):
    return run.metric("detour_cell_state", destination="tiktok", event=event)


def status_of(run):
    code, text = run.get("/api/v1/status")
    assert code == 200
    instances = json.loads(text)
    assert len(instances) == 1
    return instances[0]


def destination_of(instance, name):
    return next(d for d in instance["destinations"] if d["name"] == name)


def is_recent(text):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return abs((datetime.datetime.now(datetime.timezone.utc) - at).total_seconds()) < 120


@pytest.fixture
def broken(world):
    """A run at which one event type is dark."""
    world.create_all()
    run = world.detour().start().wait_ready()
    rule = world.tiktok.on(fake_tiktok.code(50000, "internal"), event=BROKEN)
    records = produce_steadily(world, lambda: state_of(run, BROKEN) != 0)
    yield world, run, rule, records


def check_by_promtool(text):
    program = shutil.which("promtool")
    assert program, "promtool is missing: make deps-test"
    result = subprocess.run([program, "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert result.returncode == 0 and not result.stdout + result.stderr, result.stdout + result.stderr


def test_promtool_likes_a_live_scrape(broken):
    world, run, _, _ = broken
    world.produce([Record(b"garbage", want="decode_failed")])
    wait_for(lambda: run.metric("detour_dead_letters_total", reason="decode_failed") == 1, 20, "the dead letter")
    text = run.get("/metrics")[1]
    check_by_promtool(text)
    assert 'detour_cell_state{destination="tiktok"' in text


def test_promtool_finds_what_is_wrong():
    with pytest.raises(AssertionError):
        check_by_promtool("# TYPE detour_x counter\ndetour_x 1\n")


def test_metrics_say_which_type_is_dark(broken):
    world, run, rule, records = broken
    assert run.metric("detour_blackout_scope", destination="tiktok") == 1
    assert run.metric("detour_destination_state", destination="tiktok") == 0
    assert run.metric("detour_transitions_total", destination="tiktok", event=BROKEN, state="open") >= 1
    for event in events.TYPES[1:]:
        assert state_of(run, event) == 0, event
    world.tiktok.off(rule)
    records += produce_steadily(world, lambda: state_of(run, BROKEN) == 0, 90)
    assert run.metric("detour_blackout_scope", destination="tiktok") == 0
    assert run.metric("detour_transitions_total", destination="tiktok", event=BROKEN, state="closed") >= 1
    assert "state=ramp" in run.log and "calls=0 faults=0" not in run.log
    world.wait_settled()


def test_status_tells_the_outage(broken):
    world, run, _, _ = broken
    instance = status_of(run)
    tiktok = destination_of(instance, "tiktok")
    assert instance["workers"] == 1 and is_recent(instance["started"])
    assert instance["totals"]["consumed"] > 0 and instance["lag"] >= 0
    assert (tiktok["type"], tiktok["state"], tiktok["scope"]) == ("tiktok", "closed", "partial")
    assert tiktok["verdicts"]["delivered"] > 0 and tiktok["verdicts"]["retry"] > 0 and tiktok["rate_per_s"] > 0
    assert tiktok["held"] is None and tiktok["throttled"] is False
    cells = {c["event"]: c for c in tiktok["cells"]}
    dark = cells[BROKEN]
    assert dark["state"] in ("open", "half_open") and dark["cause"] and dark["outage"] and is_recent(dark["since"])
    assert dark["share"] == 0
    others = [c for c in cells.values() if c["event"] != BROKEN]
    assert others and all((c["state"], c["outage"], c["cause"]) == ("closed", None, None) for c in others)
    assert destination_of(instance, "utm")["cells"] == []
    wait_for(lambda: world.notes("utm"), 20, "something diverted")
    assert {n.detour["outage"] for n in world.notes("utm") if n.reason == "outage"} >= {dark["outage"]}


def test_the_command_shows_people_and_scripts(broken):
    _, run, _, _ = broken
    shown = run.command("status", "-c", run.file)
    assert shown.returncode == 0, shown.stderr
    assert BROKEN in shown.stdout and "partial outage" in shown.stdout and "\033" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80, shown.stdout
    twice = run.command("status", "--json", "--admin", "http://" + run.config["admin"]["listen"],
                        "--admin", "http://" + run.config["admin"]["listen"])
    assert twice.returncode == 0, twice.stderr
    instances = json.loads(twice.stdout)
    assert len(instances) == 2 and instances[0]["instance"] == instances[1]["instance"]


def test_watch_goes_on_without_a_terminal(broken):
    _, run, _, _ = broken
    child = subprocess.Popen([BINARY, "status", "-c", run.file, "--watch"], cwd=run.directory, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # ignored in a shell's background
    try:
        heads = []
        while len(heads) < 3:
            line = child.stdout.readline()
            assert line, child.stderr.read()
            if ": detour " in line:
                heads.append(time.monotonic())
        assert child.poll() is None
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(10)


def test_a_refused_credential_is_named(world):
    world.create_all()
    run = world.detour().start().wait_ready()
    (run.directory / "token").write_text("tok-canary-wrong\n")
    wait_for(lambda: "secret.changed" in run.log, 20, "the new secret seen")
    world.produce(world.conversions(50))
    wait_for(lambda: run.metric("detour_destination_held", destination="tiktok") == 1, 30, "held")
    held = destination_of(status_of(run), "tiktok")["held"]
    assert held["secret"].startswith("file ") and held["secret"].endswith("token") and is_recent(held["since"])
    shown = run.command("status", "-c", run.file)
    assert "refuses the credential, file " in " ".join(shown.stdout.split()), "on one line, or on two when it is long"
    for text in (run.get("/api/v1/status")[1], run.get("/metrics")[1], shown.stdout, run.log):
        assert "tok-canary" not in text
    (run.directory / "token").write_text(TOKEN + "\n")
    wait_for(lambda: run.metric("detour_destination_held", destination="tiktok") == 0, 30, "free again")
    assert destination_of(status_of(run), "tiktok")["held"] is None
    world.wait_settled()


def test_throttling_is_seen_and_is_no_outage(world):
    world.create_all()
    run = world.detour().start().wait_ready()
    rule = world.tiktok.on(fake_tiktok.code(40100, "Requests too frequent", Retry_After=2))
    records = world.produce(world.conversions(50))
    wait_for(lambda: run.metric("detour_destination_throttled", destination="tiktok") == 1, 30, "throttled")
    instance = status_of(run)
    assert destination_of(instance, "tiktok")["throttled"] is True
    assert destination_of(instance, "tiktok")["scope"] == "none"
    world.tiktok.off(rule)
    wait_for(lambda: run.metric("detour_destination_throttled", destination="tiktok") == 0, 30, "no longer throttled")
    world.wait_settled()
    world.settle_account(records)


def test_nobody_there_is_said_with_the_way_out(world):
    run = world.detour()
    for arguments in (("-c", run.file), ("-c", run.file, "--json"), ("-c", run.file, "--watch")):
        result = run.command("status", *arguments)
        assert result.returncode == 3 and not result.stdout
        assert "admin.listen" in result.stderr and run.config["admin"]["listen"] in result.stderr
    result = run.command("status", "--admin", f"http://127.0.0.1:{free_port()}")
    assert result.returncode == 3 and "--admin" in result.stderr
    assert run.command("status").returncode == 2
    assert run.command("status", "-c", run.file, "--json", "--watch").returncode == 2


def test_somebody_elses_server_is_not_believed(world, tiktok):
    run = world.detour()
    result = run.command("status", "--admin", tiktok.url)
    assert result.returncode == 3 and "no status of detour" in result.stderr and not result.stdout
