"""The trial world against real services: generated events, the simulated TikTok, the sandbox."""

import json
import os
import re
import signal
import subprocess
import urllib.request

import pytest

import events
from detour import BINARY
from services import free_port, tied, wait_for

SANDBOX_SECONDS = 90


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
    assert run.metric("detour_deliveries_total", verdict="delivered") == good


def test_the_same_seed_gives_the_same_events(world):
    run = world.detour()
    words = ["generate", "-c", "detour.yaml", "--to", "stdout", "--count", "20", "--seed", "5"]
    first, again = run.command(*words), run.command(*words)
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.splitlines()) == 20

    def without_time(text):
        return re.sub(r'("(?:timestamp|[a-z_]*time|at)": ?)\d+', r"\1T", text)

    assert without_time(first.stdout) == without_time(again.stdout)


@pytest.mark.parametrize("words", [[], ["--brokers", "REAL", "--seconds", "12"]], ids=["embedded broker", "real Kafka"])
def test_the_sandbox_balances(kafka, tmp_path, binary, words):
    words = [kafka.brokers if word == "REAL" else word for word in words]
    environment = dict(os.environ, NO_COLOR="1")
    result = subprocess.run([BINARY, "sandbox", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=SANDBOX_SECONDS, cwd=tmp_path, env=environment)
    text = result.stdout + result.stderr
    assert result.returncode == 0, text[-4000:]
    assert re.search(r"lost\D+0\b", text), text[-2000:]
    assert not list(tmp_path.iterdir()), "it leaves nothing behind in the working directory"
