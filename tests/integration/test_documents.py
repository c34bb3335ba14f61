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


def test_the_first_configuration_of_the_readme(tmp_path):
    (text,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "order.avsc").write_text(SCHEMA.read_text())
    (tmp_path / "token").write_text("example-token")
    (tmp_path / "token").chmod(0o400)
    file = tmp_path / "detour.yaml"
    file.write_text(text.replace("/run/secrets/tiktok", str(tmp_path / "token")))
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
