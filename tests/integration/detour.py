"""detour as its users run it: a configuration file, a process, signals, its log."""

import copy
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

from fake_tiktok import TOKEN
from services import ROOT_BUILD, free_port, tied, wait_for

BINARY = pathlib.Path(os.environ.get("DETOUR_BIN") or ROOT_BUILD / "detour").resolve()
PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. /-]*")


class Plain(str):
    """A scalar written without quotes, for words such as off."""


def yaml(value, indent=0):
    """The small part of YAML that a configuration needs, in block style as people write it."""
    pad = " " * indent
    if isinstance(value, dict):
        if not value:
            return " {}\n"
        lines = []
        for key, item in value.items():
            name = str(key) if PLAIN_KEY.fullmatch(str(key)) else json.dumps(str(key))
            lines.append(f"{pad}{name}:{yaml(item, indent + 2)}")
        return ("\n" if indent else "") + "".join(lines)
    if isinstance(value, list):
        if all(isinstance(item, (str, int, float, bool)) for item in value):
            return " [" + ", ".join(scalar(item) for item in value) + "]\n"
        lines = []
        for item in value:
            text = yaml(item, indent + 2)
            lines.append(f"{pad}-{text}")
        return "\n" + "".join(lines)
    return " " + scalar(value) + "\n"


def scalar(value):
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Plain)):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def merge(base, changes):
    """@base with @changes laid over it, mappings key by key; a value of ... takes a key out."""
    out = copy.deepcopy(base)
    for key, value in changes.items():
        if value is ...:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], value)
        else:
            out[key] = copy.deepcopy(value)
    return out


class Detour:
    """One configuration in a directory of its own, and the process that runs it."""

    def __init__(self, directory, config, environment=None):
        self.directory = directory
        self.config = config
        self.file = directory / "detour.yaml"
        self.log_file = directory / "detour.log"
        self.environment = environment or {}
        self.child = None
        self.write(config)

    def write(self, config):
        self.config = config
        self.file.write_text(yaml(config) if isinstance(config, dict) else config)

    # Commands that end by themselves

    def command(self, *arguments, timeout=60):
        environment = dict(os.environ, NO_COLOR="1", **self.environment)
        return subprocess.run([BINARY, *map(str, arguments)], cwd=self.directory, env=environment, text=True,
                              capture_output=True, timeout=timeout)

    def check(self, *arguments):
        return self.command("check", "-c", self.file, *arguments)

    # The processor

    def start(self):
        environment = dict(os.environ, NO_COLOR="1", **self.environment)
        with open(self.log_file, "ab") as log:
            self.child = subprocess.Popen(tied([BINARY, "run", "-c", self.file]), stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, cwd=self.directory, env=environment)
        return self

    def wait_ready(self, timeout=60):
        """Until every worker has joined its group."""

        def is_ready():
            self.must_live()
            return self.get("/readyz")[0] == 200

        wait_for(is_ready, timeout, lambda: "ready; its log ends:\n" + self.tail())
        return self

    def get(self, path):
        listen = self.config["admin"]["listen"]
        try:
            with urllib.request.urlopen(f"http://{listen}{path}", timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name, **labels):
        """The sum of the samples of @name that carry @labels."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            match = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line)
            if match and match.group(1) == name:
                found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match.group(2) or ""))
                if labels.items() <= found.items():
                    total += float(match.group(3))
        return total

    def must_live(self):
        code = self.child.poll()
        assert code is None, f"detour ended with {code}; its log ends:\n{self.tail()}"

    def wait_exit(self, timeout=30):
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s; its log ends:\n{self.tail()}") from None

    def stop(self, timeout=30):
        """SIGTERM, and how long it took. It has to exit with 0."""
        self.must_live()
        began = time.monotonic()
        self.child.send_signal(signal.SIGTERM)
        code = self.wait_exit(timeout)
        assert code == 0, f"exit {code} after SIGTERM; its log ends:\n{self.tail()}"
        return time.monotonic() - began

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def end(self):
        """At the end of a test, whatever happened in it."""
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def tail(self, lines=25):
        return "\n".join(self.log.splitlines()[-lines:])

    def wait_log(self, pattern, timeout=30):
        return wait_for(lambda: re.search(pattern, self.log), timeout,
                        lambda: f"/{pattern}/ in the log, which ends:\n{self.tail()}")


def base_config(directory, kafka, tiktok, topics, group):
    """Everything a test needs and nothing slow: the tests lay their changes over it."""
    schemas = directory / "schemas"
    if not schemas.exists():
        shutil.copytree(ROOT_BUILD.parent / "schemas", schemas)
    token = directory / "token"
    if not token.exists():
        token.write_text(TOKEN + "\n")
        token.chmod(0o600)
    return {
        "kafka": {
            "brokers": kafka.brokers,
            "group": group,
            "topics": [topics["source"]],
            "start_from": "earliest",
            "properties": {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000},
        },
        "workers": 1,
        "schemas": {
            "directory": "schemas",
            "framing": "confluent",
            "ids": {1: "conversion_event.avsc"},
            "reader": "com.example.ConversionEvent",
        },
        "destinations": {
            "tiktok": {
                "type": "tiktok",
                "url": tiktok.url,
                "allow_private": True,
                "event_source": "web",
                "event_source_id": "CTESTPIXEL",
                "access_token": {"file": "token"},
                "batch": {"events": 100, "linger": "20ms"},
                "timeout": {"connect": "2s", "first_byte": "3s", "total": "4s"},
                "retry": {"attempts": 3, "backoff": "50ms..200ms", "deadline": "20s"},
                "throttle": {"wait": "60s", "then": "wait"},
                "max_age": "6d",
            },
            "utm": {"type": "kafka", "topic": topics["utm"], "format": "utm"},
            "dead-letter": {"type": "kafka", "topic": topics["dead"], "format": "original"},
        },
        "routes": [{"name": "all", "match": {}, "legs": [["tiktok", "utm"]]}],
        "dead_letter": "dead-letter",
        "ledger": Plain("off"),
        "admin": {"listen": f"127.0.0.1:{free_port()}"},
        "shutdown": {"drain": "10s"},
        "log": {"format": "logfmt", "level": "info"},
    }
