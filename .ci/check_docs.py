"""Links between documents lead somewhere, tables can be read, and pages that are written from a table are what it says.

A link to another document, with or without a heading, has to exist, and so has a test that is named as
`test_file::name`. A cell of a table holds at most CELL_MAX characters: longer text is a paragraph, not a cell. What the programs in REFERENCE (all options), REFERENCE_LOG (all log lines) and REFERENCE_MAP (all
fields) print has to be their page: `make docs` writes it.
"""

import os
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
TEST = re.compile(r"`(test_\w+)::(\w+)`")
HEADING = re.compile(r"^#+ +(.*)$", re.M)
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
CELL_MAX = 200
MARKUP = re.compile(r"[`*]|\]\([^)]*\)|\[")  # what is not shown of a cell


def anchors(text):
    """The names GitHub gives to headings."""
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in HEADING.findall(text)}


def link_problems(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        other = (path.parent / name).resolve() if name else path
        if not other.exists():
            yield f"{path}: {target} leads nowhere"
        elif anchor and other.suffix == ".md" and anchor not in anchors(other.read_text(encoding="utf-8")):
            yield f"{path}: {target}: no such heading"


def test_problems(path, sources):
    """Tests are named by their file, without its ending, and their function: `test_offsets::test_a_broker_that_restarts`."""
    for file, name in TEST.findall(path.read_text(encoding="utf-8")):
        if not re.search(rf"\b{name}\b", sources.get(file, "")):
            yield f"{path}: {file} has no test {name}"


def cell_problems(path):
    text = FENCE.sub(lambda m: "\n" * m.group().count("\n"), path.read_text(encoding="utf-8"))
    for number, line in enumerate(text.splitlines(), 1):
        cells = re.split(r"(?<!\\)\|", line)[1:-1] if line.startswith("|") else []
        for length in (len(MARKUP.sub("", cell).strip()) for cell in cells):
            if length > CELL_MAX:
                yield f"{path}:{number}: a cell of {length} characters; {CELL_MAX} at most: make it a paragraph"


def reference_problems(variable, page):
    program = os.environ.get(variable)
    if not program:
        return
    page = pathlib.Path(page)
    reference = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    if reference != text:
        have = set(text.splitlines())
        missing = [line for line in reference.splitlines() if line not in have]
        yield f"{page}: not what its table says: `make docs`; lines missing in it, {len(missing)} in all:"
        yield from (f"    {line}" for line in missing[:10])


def main():
    names = subprocess.run(["git", "ls-files", "*.md"], capture_output=True, text=True, check=True).stdout.split()
    problems = [p for name in names if os.path.exists(name) for p in link_problems(pathlib.Path(name))]
    problems += [p for name in names if os.path.exists(name) for p in cell_problems(pathlib.Path(name))]
    sources = {}
    for path in pathlib.Path("tests").glob("*/test_*.*"):
        sources[path.stem] = sources.get(path.stem, "") + path.read_text(encoding="utf-8")
    problems += [p for name in names if os.path.exists(name) for p in test_problems(pathlib.Path(name), sources)]
    problems += reference_problems("REFERENCE", "docs/configuration.md")
    problems += reference_problems("REFERENCE_LOG", "docs/log.md")
    problems += reference_problems("REFERENCE_MAP", "docs/mapping.md")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
