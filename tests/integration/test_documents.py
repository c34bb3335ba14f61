"""What the documents show works as shown."""

import pathlib
import re
import subprocess

import pytest

from detour import BINARY

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = pathlib.Path(__file__).parent / "data" / "readme_order.avsc"


def check(file):
    return subprocess.run([BINARY, "check", "-c", file], capture_output=True, text=True, timeout=30)


def first_configuration(directory):
    """The README's, with a schema beside it; its token is a file that is still to be written."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    (directory / "schemas").mkdir()
    (directory / "schemas" / "order.avsc").write_text(SCHEMA.read_text())
    file = directory / "detour.yaml"
    file.write_text(text.replace("/run/secrets/tiktok", str(directory / "token")))
    return file


def test_without_secrets_it_is_checked_and_rehearsed_as_well(tmp_path):
    file = first_configuration(tmp_path)
    trace = tmp_path / "trace.yaml"
    trace.write_text("for: 20s\ntraffic: [{event: ORDER_PLACED, rate: 20/s}]\n")
    for command, code in ((["check"], 1), (["rehearse", trace], 2)):
        words = [BINARY, command[0], "-c", file, *command[1:]]
        refused = subprocess.run(words, capture_output=True, text=True, timeout=30)
        assert refused.returncode == code and "token" in refused.stderr + refused.stdout, refused
        spared = subprocess.run([*words, "--no-secrets"], capture_output=True, text=True, timeout=30)
        assert spared.returncode == 0, spared.stdout + spared.stderr


def test_the_first_configuration_of_the_readme(tmp_path):
    file = first_configuration(tmp_path)
    (tmp_path / "token").write_text("example-token")
    (tmp_path / "token").chmod(0o400)
    result = check(file)
    assert result.returncode == 0, result.stdout + result.stderr
    assert ": warning: " not in result.stdout + result.stderr


def test_the_commented_example_passes():
    result = check(ROOT / "routes" / "detour.yaml")
    assert result.returncode == 0, result.stdout + result.stderr


# Every document of the repository; what is built or installed below it is not ours.
DOCUMENTS = sorted(str(p.relative_to(ROOT)) for p in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("*/*/*.md")]
                   if not {"build", ".venv", "node_modules"} & set(p.parts[len(ROOT.parts):]))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_in_documents_exist(document):
    """Every `detour WORD` that is shown is a command of this version."""
    path = ROOT / document
    known = set(re.findall(r"^  (\w+) ", subprocess.run([BINARY, "--help"], capture_output=True, text=True).stdout, re.M))
    shown = set(re.findall(r"(?:`|^    |build/)detour ([a-z]+)\b", path.read_text(), re.M))
    assert shown <= known, f"{document} shows {shown - known}"


def test_the_transcript_of_a_rehearsal_looks_like_one():
    """Figures move with every version; the headings and the words are what a reader learns from."""
    command = "rehearse -c routes/detour.yaml routes/rehearsals/one-type.yaml"
    (shown,) = re.findall(rf"^    detour {re.escape(command)}\n\n((?:    .*\n|\n)*)",
                          (ROOT / "docs" / "rehearse.md").read_text(), re.M)
    played = subprocess.run([BINARY, *command.split()], capture_output=True, text=True, timeout=60, cwd=ROOT).stdout

    def words(text):
        return {re.sub(r"[\d:.,]+", "0", " ".join(line.split())) for line in text.splitlines() if line.strip()}

    assert words(shown) == words(played)
