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


# architecture.md speaks of rooms, also of those whose command is still to come.
DOCUMENTS = sorted(p.name for p in (ROOT / "docs").glob("*.md") if p.name != "architecture.md") + ["README.md"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_in_documents_exist(document):
    """Every `detour WORD` that is shown is a command of this version."""
    path = ROOT / document if document == "README.md" else ROOT / "docs" / document
    known = set(re.findall(r"^  (\w+) ", subprocess.run([BINARY, "--help"], capture_output=True, text=True).stdout, re.M))
    shown = set(re.findall(r"(?:`|^    |build/)detour ([a-z]+)\b", path.read_text(), re.M))
    assert shown <= known, f"{document} shows {shown - known}"
