"""The trial world against real services: generated events, the simulated TikTok, the sandbox."""

import http.client
import json
import os
import re
import signal
import subprocess
import time
import urllib.request

import pytest

import events
from detour import BINARY
from services import free_port, tied, wait_for
from stage import plays

SANDBOX_SECONDS = 220  # it takes 85 to 100; a phase that shows nothing is waited for
PHASES = ["healthy", "partial_outage", "partial_return", "global_outage", "global_return", "throttling", "recovery",
          "backfill", "refusal", "replay"]


@pytest.fixture
def simulator(binary):
    port = free_port()
    child = subprocess.Popen(tied([binary, "simulate", "tiktok", "--listen", f"127.0.0.1:{port}", "--strict"]),
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"

    def account():
        try:
            with urllib.request.urlopen(url + "/_simulate/account", timeout=5) as reply:
                return json.load(reply)
        except OSError:
            return None

    wait_for(account, 20, "the simulator answers")
    yield url, account
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0


FOREIGN = [
    ("GET", "/_simulate/account", {"Host": "attacker.example"}),
    ("GET", "/_simulate/events", {"Origin": "https://attacker.example"}),
    ("GET", "/_simulate/account", {"Origin": "null"}),
    ("GET", "/_simulate/account", {"Sec-Fetch-Site": "cross-site"}),
    ("POST", "/_simulate/modes", {"Origin": "http://localhost:3000", "Content-Type": "text/plain"}),
    ("DELETE", "/_simulate/modes", {"Host": "localhost.attacker.example"}),
    ("POST", "/open_api/v1.3/event/track/", {"Host": "attacker.example", "Content-Type": "text/plain"}),
]


def test_the_simulator_is_not_for_web_pages(simulator):
    """A page in a browser on this machine: by a name of its own that leads to 127.0.0.1, or from elsewhere."""
    url, account = simulator
    place = url.removeprefix("http://")

    def ask(method, path, headers, body=None):
        connection = http.client.HTTPConnection(place, timeout=10)
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        text = reply.read().decode()
        connection.close()
        return reply.status, text

    for method, path, headers in FOREIGN:
        body = '[{"answer": "503"}]' if method == "POST" else None
        status, text = ask(method, path, headers, body)
        assert status == 403 and "error" in json.loads(text), (method, path, headers, text)
    assert json.loads(ask("GET", "/_simulate/modes", {})[1])["modes"] == []
    assert account()["requests"] == 0
    for name in (place, "localhost", "LOCALHOST:80", "[::1]:1"):
        assert ask("GET", "/_simulate/account", {"Host": name})[0] == 200, name


def test_generated_events_decode_and_arrive_at_the_simulator(world, simulator):
    url, account = simulator
    world.create_all()
    config = world.config(destinations={"tiktok": {"url": url}}, routes=[
        {"name": "no-consent", "match": {"consent.ads": False}, "drop": "no_consent"},
        {"name": "rest", "match": {}, "legs": [["tiktok", "utm"]]}])
    run = world.detour(config)
    result = run.command("generate", "-c", "detour.yaml", "--count", "2000", "--rate", "0", "--bad", "5%",
                         "--no-consent", "10%", "--seed", "7", "--json")
    assert result.returncode == 0, result.stderr
    json.loads(result.stdout)
    messages = world.read("source")
    assert len(messages) == 2000
    encode = events.Encoder(events.CONVERSION)
    good = dropped = 0
    for message in messages:
        raw = message.value() or b""
        if raw[:5] != b"\0\0\0\0\1":
            continue
        try:
            value = encode.read(raw[5:])
        except Exception:
            continue
        if value["consent"] is not None and not value["consent"]["ads"]:
            dropped += 1
        else:
            good += 1
    assert 1800 < good + dropped < 2000 and dropped > 100
    run.start()
    world.wait_settled()
    assert len(world.notes("dead")) == 2000 - good - dropped
    assert not world.notes("utm")
    assert run.metric("detour_dropped_total") == dropped
    assert run.metric("detour_deliveries_total", destination="tiktok", verdict="delivered") == good


def test_the_same_seed_gives_the_same_events(world):
    run = world.detour()
    words = ["generate", "-c", "detour.yaml", "--to", "stdout", "--count", "20", "--seed", "5"]
    first, again = run.command(*words), run.command(*words)
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.splitlines()) == 20

    def without_time(text):
        return re.sub(r'("(?:timestamp|[a-z_]*time|at)": ?)\d+', r"\1T", text)

    assert without_time(first.stdout) == without_time(again.stdout)


def test_the_sandbox_overwrites_nothing(binary, tmp_path):
    (tmp_path / "schemas").mkdir()
    for name in ("detour.yaml", "token", "schemas/conversion_event.avsc"):
        file = tmp_path / name
        file.write_text("mine")
        before = sorted(tmp_path.rglob("*"))
        result = subprocess.run([binary, "sandbox", "--keep", tmp_path], capture_output=True, text=True, timeout=30)
        assert result.returncode == 2, result.stderr
        assert f"{file} exists already" in result.stderr
        assert file.read_text() == "mine" and sorted(tmp_path.rglob("*")) == before
        file.unlink()


def test_the_sandbox_without_its_kafka(binary):
    began = time.monotonic()
    result = subprocess.run([binary, "sandbox", "--brokers", f"127.0.0.1:{free_port()}"], capture_output=True, text=True,
                            timeout=60)
    assert result.returncode == 3, result.stderr
    assert "left behind" not in result.stderr
    assert time.monotonic() - began < 25


# The sandboxes play beside each other, each for itself; they take no part in the stage they are given but its folder.

def sandbox(stage, *words):
    return subprocess.Popen(tied([BINARY, "sandbox", *words]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=dict(os.environ, NO_COLOR="1"), cwd=stage.directory)


def for_people(stage):
    """On a real Kafka."""
    child = sandbox(stage, "--brokers", stage.kafka.brokers)
    out, errors = child.communicate(timeout=SANDBOX_SECONDS)
    return child.returncode, out, errors, list(stage.directory.iterdir())


def for_scripts(stage):
    child = sandbox(stage, "--json")
    out, errors = child.communicate(timeout=SANDBOX_SECONDS)
    return child.returncode, out, errors


def mended_behind_its_back(stage):
    """Somebody mends the simulated TikTok: the type that should be dark never is."""
    child = sandbox(stage, "--json")
    url = None
    try:
        for line in child.stderr:
            url = url or re.search(r"TikTok at (http://\S+)", line)
            if " partial outage: TikTok" in line:
                request = urllib.request.Request(url.group(1) + "/_simulate/modes", method="DELETE")
                urllib.request.urlopen(request, timeout=5).close()
            if "not as it should be" in line:
                break
        child.send_signal(signal.SIGINT)
        out, errors = child.communicate(timeout=SANDBOX_SECONDS)
    finally:
        child.kill()
        child.wait()
    return child.returncode, out, errors


SCENES = {"for people": (for_people, 0.2), "for scripts": (for_scripts, 0.2), "mended": (mended_behind_its_back, 0.2)}


@plays("for people")
def test_the_sandbox_balances_and_shows_its_story(figures):
    status, out, errors, left = figures
    assert status == 0, (out + errors)[-6000:]
    assert re.search(r"lost 0\b", out) and "it balances" in out, (out + errors)[-2000:]
    told = ["partial outage: ", "Order Completed opened (", "scope partial", "Order Completed is probed",
            "Order Completed returns", "Order Completed closed", "global outage: ", "tiktok opened (", "scope global",
            "$ detour export -c detour.yaml", "tiktok returns", "tiktok closed", "throttling: ", "tiktok is throttled",
            "no longer throttled", "backfill: ", "refusal: ",
            "replay: ",
            "$ detour dlq ls -c detour.yaml --reason rejected", "$ detour replay -c detour.yaml --reason rejected", "delivered",
            "$ detour outages -c detour.yaml", "$ detour reconcile -c detour.yaml --deep",
            "It balances.", "the books agree"]
    commands = out[out.index("$ detour outages"):]
    assert not [line for line in commands.splitlines() if len(line) > 80], "a terminal has 80 columns"
    at = 0
    for words in told:
        at = out.find(words, at)
        assert at >= 0, f"{words!r} is not told, or not in its turn:\n{out}"
    assert not left, "it leaves nothing behind in the working directory"


@plays("for scripts")
def test_the_sandbox_as_json(figures):
    status, out, errors = figures
    assert status == 0, errors[-6000:]
    result = json.loads(out)
    assert result["ok"] and result["balanced"] and result["books_agree"] and result["lost"] == 0
    assert 0 < result["backfilled"] == result["diverted"]
    assert 0 < result["replayed"] == result["dead_lettered_by"]["rejected"]
    assert [phase["phase"] for phase in result["story"]] == PHASES
    assert all(phase["played"] and phase["shown"] and phase["why"] is None for phase in result["story"])
    ends = ("delivered", "diverted", "dead_lettered", "dropped")
    assert result["produced"] == sum(result[end] for end in ends)
    reasons = result["diverted_by"]
    assert sum(reasons.values()) == result["diverted"]
    assert set(reasons) <= {"outage", "retries_exhausted"}, "throttling diverts nothing"
    assert reasons["outage"] > 5 * reasons.get("retries_exhausted", 0), "what is known to be dark is not tried"


@plays("mended")
def test_the_sandbox_says_when_an_outage_was_not_seen(figures):
    status, out, errors = figures
    assert status == 1, errors
    result = json.loads(out)
    assert result["balanced"] and not result["ok"] and result["cut_short"]
    story = {phase["phase"]: phase for phase in result["story"]}
    assert story["healthy"]["shown"]
    assert story["partial_outage"]["played"] and not story["partial_outage"]["shown"]
    assert "Order Completed never opened" in story["partial_outage"]["why"]
    assert not story["recovery"]["played"]
