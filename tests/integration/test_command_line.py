"""The program as a shell finds it: exit codes, and standard descriptors that are full or closed."""

import os
import pathlib
import re
import signal
import subprocess

import pytest

from services import free_port, tied, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRINTING = [["--version"], ["--help"], ["check", "--help"], ["check", "-c", "routes/detour.yaml"],
            ["rehearse", "-c", "routes/detour.yaml", "routes/rehearsals/throttle.yaml"]]


@pytest.mark.parametrize("words", PRINTING, ids=[" ".join(words[:2]) for words in PRINTING])
@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
def test_a_standard_output_that_cannot_be_written_is_no_success(binary, words, where):
    result = subprocess.run(["sh", "-c", f'exec "$@" {where}', "sh", binary, *words], cwd=ROOT, stderr=subprocess.PIPE,
                            text=True, timeout=60)
    assert result.returncode == 1
    assert "standard output cannot be written" in result.stderr


def test_a_command_that_failed_keeps_its_exit_code(binary):
    result = subprocess.run(["sh", "-c", 'exec "$@" >/dev/full', "sh", binary, "check", "-c", "nowhere.yaml", "--json"],
                            stderr=subprocess.PIPE, text=True, timeout=60)
    assert result.returncode in (1, 2)


def test_closed_descriptors_are_nobodys_socket(binary):
    """What would be written to a closed standard error went into whatever was opened next."""
    port = free_port()
    words = tied([binary, "simulate", "tiktok", "--listen", f"127.0.0.1:{port}"])
    child = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words])
    try:
        def sockets():
            found = {}
            for fd in pathlib.Path(f"/proc/{child.pid}/fd").iterdir():
                try:
                    found[fd.name] = os.readlink(fd)
                except OSError:
                    pass
            return found if any(link.startswith("socket:") for link in found.values()) else None

        found = wait_for(sockets, 20, "the simulator listens")
        assert [found.get(fd) for fd in "012"] == ["/dev/null"] * 3, found
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(10)


@pytest.mark.parametrize("word", ["override", "explain"])
def test_a_command_that_is_still_to_come_says_so(binary, word):
    result = subprocess.run([binary, word, "-c", "detour.yaml"], capture_output=True, text=True, timeout=30)
    assert result.returncode == 2
    assert f"{word} is not in this version" in result.stderr and result.stdout == ""


WRONG_VALUES = [("generate", "--bad", "10"), ("generate", "--rate", "fast"), ("generate", "--to", "file"),
                ("sandbox", "--seconds", "10"), ("sandbox", "--rate", "0"), ("sandbox", "--bad", "much"),
                ("simulate", "--listen", "1"), ("simulate", "--clock", "now")]


@pytest.mark.parametrize("command, option, value", WRONG_VALUES, ids=[" ".join(row) for row in WRONG_VALUES])
def test_a_wrong_value_names_its_option_and_what_it_wants(binary, command, option, value):
    result = subprocess.run([binary, command, option, value], capture_output=True, text=True, timeout=30)
    assert result.returncode == 2
    first = result.stderr.splitlines()[0]
    assert first.startswith(f"detour {command}: {option} wants ") and first.endswith(f", not {value}")


def test_every_help_fits_a_terminal_and_tells_exit_codes(binary):
    text = subprocess.run([binary, "--help"], capture_output=True, text=True, timeout=30).stdout
    for command in re.findall(r"^  (\w+) ", text, re.M):
        told = subprocess.run([binary, command, "--help"], capture_output=True, text=True, timeout=30)
        assert told.returncode == 0 and "Exit codes: " in told.stdout, command
        assert max(map(len, told.stdout.splitlines())) <= 80, command
