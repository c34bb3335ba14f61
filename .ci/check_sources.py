"""What the compiler does not say: the direction of includes, forbidden words and calls, shape, log lines.

The order of the rooms is read from docs/architecture.md, so the page and the check cannot differ. Symbols are read
from the objects in BUILD.
"""

import pathlib
import re
import subprocess
import sys

import structure
from log_events import log_problems

FORBIDDEN_WORDS = re.compile(r"\b(TODO|FIXME|HACK|XXX(?=:| [a-z]))\b")
FORBIDDEN_CALLS = {
    "gets": "fgets",
    "strcpy": "a span or buf",
    "strcat": "a buf",
    "sprintf": "snprintf or a buf",
    "vsprintf": "vsnprintf",
    "strtok": "span functions",
    "atoi": "a parser that reports errors",
    "atol": "a parser that reports errors",
    "atof": "a parser that reports errors",
    "alloca": "the arena",
    "avro_value_read": "schema/decoder.h (the library's reader is not safe on untrusted bytes)",
    "rand": "base/rng.h",
    "system": "posix_spawn",
    "popen": "posix_spawn",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(FORBIDDEN_CALLS) + r")\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
HEALTH_ASKERS = ("dispatch.c", "selection.c")
HEALTH_QUESTION = re.compile(r"\b(health_(?:admit|allows_waiting|is_clear|is_closed|outage|streak|version))\(")
FUNCTION_LINES_MAX = 70
COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/|//[^\n]*', re.S)
NAMED_FILE = re.compile(r"(?<![\w.*/<-])((?:[a-z_]+/)*[a-z_]+\.(?:c|h|md))\b")
HEADER_NAME = re.compile(r"/\*\*\s+(?:\* )?(\w+) - ")


def room_ranks(page):
    """Rank of each room from the line `base <- config <- ... <- main` of the architecture page."""
    line = re.search(r"^ {4}base <- .*$", page, re.M)
    if line is None:
        sys.exit("docs/architecture.md: the line with the direction of includes is missing")
    ranks = {}
    for rank, group in enumerate(line.group().strip().split(" <- ")):
        for room in group.split(","):
            ranks[room.strip()] = rank
    return ranks


def without_comments(text):
    """The text with comments and literals blanked, line numbers kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def room_of(parts, ranks):
    """A folder in a room is a room of its own where the page lists it, as destinations/http."""
    inner = "/".join(parts[:2])
    return inner if inner in ranks else "".join(parts[:1])


def include_problems(path, text, ranks):
    room = "/".join(path.parts[1:-1])
    if room not in ranks:
        yield 1, f"room {room} is not in docs/architecture.md"
        return
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        other = room_of(match.group(1).split("/")[:-1], ranks)
        if "/" not in match.group(1):
            yield line, f'include "{match.group(1)}" by its room, as "{room}/{match.group(1)}"'
        elif other not in ranks:
            yield line, f"room {other} is not in docs/architecture.md"
        elif other != room and ranks[other] > ranks[room]:
            yield line, f"{room} includes {match.group(1)}, which lies above it"
        elif other != room and ranks[other] == ranks[room]:
            yield line, f"{room} includes {match.group(1)}, which lies beside it"


def file_ranks(page):
    """Rank of each file of deliver/ from the lines `bulkhead, ... <- turn` of the architecture page."""
    lines = re.search(r"^ {4}(bulkhead,.*?<- turn)$", page, re.M | re.S)
    if lines is None:
        sys.exit("docs/architecture.md: the lines with the order of the files of deliver/ are missing")
    return {name.strip(): rank for rank, group in enumerate(lines.group(1).split("<-")) for name in group.split(",")}


def order_problems(path, text, ranks):
    """Includes in deliver/ from a file to one that is not before it; sender_send.c is a file of the sender."""
    def place(name):
        stem = pathlib.PurePath(name).stem
        return stem if stem in ranks else stem.split("_")[0]

    own = place(path)
    if own not in ranks:
        yield 1, f"{own} is not in the order of the files of deliver/, docs/architecture.md"
        return
    for match in INCLUDE.finditer(text):
        other = place(match.group(1))
        if match.group(1).startswith("deliver/") and other != own and ranks.get(other, len(ranks)) >= ranks[own]:
            line = text.count("\n", 0, match.start()) + 1
            yield line, f"{own} includes {match.group(1)}, which is not before it in docs/architecture.md"


def health_problems(path, code):
    """Senders report to health; in deliver/ only HEALTH_ASKERS ask it whether a breaker is open."""
    if path.name in HEALTH_ASKERS:
        return
    for match in HEALTH_QUESTION.finditer(code):
        yield code.count("\n", 0, match.start()) + 1, f"{match.group(1)}() is dispatch's to ask: report, and act on what comes back"


def function_problems(code):
    """Functions of more than FUNCTION_LINES_MAX lines; a body starts and ends in column one."""
    start = None
    for number, line in enumerate(code.split("\n"), 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            length = number - start - 1
            if length > FUNCTION_LINES_MAX:
                yield start, f"function of {length} lines; past {FUNCTION_LINES_MAX} there is a second idea to name"
            start = None


def comment_problems(path, text, names):
    """Files that a comment names and the repository lacks; a header that does not begin with its own name."""
    for match in COMMENT.finditer(text):
        for file in NAMED_FILE.findall(match.group()) if match.group().startswith("/") else []:
            if not any(name == file or name.endswith("/" + file) for name in names):
                line = text.count("\n", 0, match.start()) + 1
                yield line, f"the comment names {file}, which is not in the repository"
    if path.suffix == ".h" and path.parts[0] == "processor":
        name = HEADER_NAME.match(text)
        if name is None or name.group(1) != path.stem:
            yield 1, f"a header begins with what it is for: /** {path.stem} - ... */"


def problems(path, text, ranks, order, names=()):
    code = without_comments(text) if path.suffix in (".c", ".h") else ""
    if path.parts[0] == "processor":
        yield from include_problems(path, text, ranks)
        if path.parts[1] == "deliver":
            yield from order_problems(path, text, order)
            yield from health_problems(path, code)
        for match in CALL.finditer(code):
            name = match.group(1)
            yield code.count("\n", 0, match.start()) + 1, f"{name}() is not used here: {FORBIDDEN_CALLS[name]}"
    if path.suffix in (".c", ".h"):
        yield from function_problems(code)
        yield from comment_problems(path, text, names)
    for match in FORBIDDEN_WORDS.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, f"{match.group()} is not left in the tree"


def shape_problems(sources, exceptions, objects):
    """Findings of .ci/structure.py that the list of exceptions does not have, as (file, line, text)."""
    files = {name[len("processor/"):]: text for name, text in sources.items()}
    for name, text in files.items():
        findings = [*structure.length_findings(name, text), *structure.parameter_findings(name, without_comments(text))]
        for rule, what, line, message in findings:
            if not exceptions.has(rule, what):
                yield f"processor/{name}", line, message
    if objects:
        for rule, what, line, message, path in structure.symbol_findings(structure.symbols(objects)):
            if not exceptions.has(rule, what):
                yield path, line, message


def main():
    page = pathlib.Path("docs/architecture.md").read_text()
    ranks, order = room_ranks(page), file_ranks(page)
    exceptions = structure.Exceptions(structure.EXCEPTIONS.read_text())
    names = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    sources = {name: pathlib.Path(name).read_text() for name in names
               if re.fullmatch(r"processor/.*\.[ch]", name) and pathlib.Path(name).is_file()}
    found = [*log_problems(sources), *shape_problems(sources, exceptions, structure.objects_of(sources))]
    found += [(str(structure.EXCEPTIONS), line, text) for line, text in exceptions.problems()]
    for name in names:
        path = pathlib.Path(name)
        if name.startswith((".ci/", "tests/data/", "tests/fuzz/corpus/")) or not path.is_file():
            continue
        if path.suffix not in (".c", ".h", ".py", ".sh", ".yaml", ".yml", ".md"):
            continue
        found += [(name, line, text) for line, text in problems(path, path.read_text(encoding="utf-8"), ranks, order, names)]
    for name, line, text in found:
        print(f"{name}:{line}: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
