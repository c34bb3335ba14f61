"""docs/first-try.md, command by command, and that invented events stay away from real accounts."""

import os
import pathlib
import re
import shlex
import signal
import subprocess

import pytest

from detour import BINARY
from services import free_port, tied, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Terminal:
    """Commands as the document shows them, with this machine's ports in them."""

    def __init__(self, kafka):
        self.simulator, self.admin = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.environment = dict(os.environ, KAFKA_BROKERS=kafka.brokers, TIKTOK_URL=f"http://{self.simulator}",
                                DETOUR_ADMIN=self.admin, NO_COLOR="1")
        self.children = []

    def words(self, command):
        command = command.replace("127.0.0.1:8090", self.simulator).replace("127.0.0.1:8080", self.admin)
        words = shlex.split(command)
        return [str(BINARY) if words[0] == "build/detour" else words[0], *words[1:]]

    def run(self, command, code=0):
        result = subprocess.run(self.words(command), cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60)
        assert code is None or result.returncode == code, (command, result.stdout, result.stderr)
        return result.stdout

    def start(self, command, log):
        with open(log, "ab") as out:
            child = subprocess.Popen(tied(self.words(command)), cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL,
                                     stdout=out, stderr=out)
        self.children.append(child)
        return child

    def end(self):
        for child in self.children:
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
                child.wait()


def number(text, key):
    return int(re.search(rf'"{key}":(\d+)', text).group(1))


def test_the_document_works_as_it_stands(kafka, tmp_path):
    shown = re.findall(r"^    ((?:build/detour|curl) .*)$", (ROOT / "docs" / "first-try.md").read_text(), re.M)
    check, topics, simulate, run, generate, status, account, metrics, outage, more, again, outages, stats, reconcile = shown
    terminal = Terminal(kafka)
    try:
        warnings = re.findall(": warning: (.*)", terminal.run(check))
        assert all("token.example can be read by everybody" in text for text in warnings), warnings
        terminal.run(topics)
        terminal.start(simulate, tmp_path / "simulator.log")
        wait_for(lambda: "listening" in (tmp_path / "simulator.log").read_text(), 20, "the simulator listens")
        log = tmp_path / "detour.log"
        child = terminal.start(run, log)
        wait_for(lambda: "run.started" in log.read_text(), 30, "run.started")
        terminal.run(generate)

        def arrived():
            return number(terminal.run(account), "accepted") >= 900

        wait_for(arrived, 30, lambda: terminal.run(account) + log.read_text()[-2000:])
        assert "tiktok" in terminal.run(status)
        text = terminal.run(metrics)
        assert 'detour_dropped_total{rule="no_consent"}' in text and "detour_dead_letters_total{" in text
        terminal.run(outage)
        terminal.run(more)
        wait_for(lambda: "state=open" in log.read_text(), 20, lambda: log.read_text()[-2000:])
        assert "tiktok" in terminal.run(again)
        wait_for(lambda: re.search("detour_diverted_total{.*} [1-9]", terminal.run(metrics)), 20, "diverted")
        wait_for(lambda: "It balances." in terminal.run(reconcile, None), 40, lambda: terminal.run(reconcile, None))
        assert "tiktok" in terminal.run(outages) and "decode_failed" in terminal.run(stats)
        child.send_signal(signal.SIGINT)
        assert child.wait(40) == 0
    finally:
        terminal.end()


REAL = {
    "the service": {"tiktok": {"url": "https://business-api.tiktok.com"}},
    "a collector beside a simulated one": {"warehouse": {"type": "http", "url": "https://collector.example/events"}},
}


@pytest.mark.parametrize("name", REAL)
def test_invented_events_stay_away_from_real_accounts(world, name):
    world.create_all()
    changes = {"destinations": REAL[name]}
    if "warehouse" in REAL[name]:
        changes["routes"] = [{"name": "all", "match": {}, "legs": [["tiktok", "utm"], ["warehouse"]]}]
    run = world.detour(world.config(**changes))
    result = run.command("generate", "-c", run.file, "--count", "5")
    named = "business-api.tiktok.com" if "warehouse" not in REAL[name] else "warehouse (http, collector.example)"
    assert result.returncode == 2 and named in result.stderr and "--yes" in result.stderr, result.stderr
    assert ("tiktok (" in result.stderr) == ("warehouse" not in REAL[name]), "only those that are real"
    assert not world.read("source"), "nothing was produced"
    assert run.command("generate", "-c", run.file, "--count", "2", "--to", "stdout").returncode == 0
    if "warehouse" not in REAL[name]:
        tested = world.detour(world.config(destinations={"tiktok": {"url": "https://business-api.tiktok.com",
                                                                    "test_event_code": "TEST123"}}), name="tested")
        assert tested.command("generate", "-c", tested.file, "--count", "5").returncode == 0
    assert run.command("generate", "-c", run.file, "--count", "5", "--yes").returncode == 0
    assert len(world.read("source")) >= 5
