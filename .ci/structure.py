"""The shape of the program: includes between peers, parameters, length of files, symbols nobody uses.

What a rule finds and must stay stands in .ci/exceptions.txt, one line each: the rule, what it found, why. A line of
that file that excepts nothing is itself a finding, so that the list only gets shorter.
"""

import os
import pathlib
import re
import subprocess

EXCEPTIONS = pathlib.Path(".ci/exceptions.txt")
PARAMETERS_MAX = 6
LINES_MAX = 500
# A definition: from column one up to the brace in column one; no typedef, no initialiser.
DEFINITION = re.compile(r"^(?!typedef\b)[A-Za-z_][\w\s*]*?[\s*](\w+)\(([^;{}=]*)\)\s*\n\{", re.M)
DEFINED = "TDBRVW"


def count_parameters(text):
    """Parameters in the text between the parentheses; those of a parameter that is a function are its own."""
    depth = 0
    count = 1
    for char in text:
        depth += {"(": 1, ")": -1}.get(char, 0)
        count += char == "," and depth == 0
    return 0 if text.strip() in ("", "void") else count


def parameter_findings(name, code):
    """(rule, what, line, message) for each function with too many parameters; @code without comments."""
    for match in DEFINITION.finditer(code):
        count = count_parameters(match.group(2))
        if count > PARAMETERS_MAX:
            line = code.count("\n", 0, match.start()) + 1
            yield ("parameters", f"{name}:{match.group(1)}", line,
                   f"{match.group(1)}() takes {count} parameters; more than {PARAMETERS_MAX} are an object without a name")


def length_findings(name, text):
    lines = text.count("\n")
    if lines > LINES_MAX:
        yield "lines", name, 1, f"{lines} lines; past {LINES_MAX} a second noun has moved in"


def objects_of(sources):
    """The objects of these sources; only sources, for a build directory keeps objects of files that are gone."""
    build = pathlib.Path(os.environ.get("BUILD", "build")) / "obj"
    objects = [build / pathlib.Path(name).relative_to("processor").with_suffix(".o") for name in sources if name.endswith(".c")]
    missing = [path for path in objects if not path.is_file()]
    if missing:
        raise SystemExit(f"{missing[0]} is not built: make")
    return [*objects, build / "embedded.o"]


def symbols(objects):
    """By object: the symbols it defines for others, and those it takes from others."""
    table = {}
    for path in objects:
        output = subprocess.run(["nm", "-g", path], capture_output=True, text=True, check=True).stdout
        words = [line.split()[-2:] for line in output.splitlines() if line.strip()]
        table[str(path)] = ({name for kind, name in words if kind in DEFINED}, {name for kind, name in words if kind == "U"})
    return table


def symbol_findings(table):
    """Symbols that one object of the program defines and no other takes; tests do not count."""
    taken = {"main"}.union(*(taken for _, taken in table.values()))
    for path, (defined, _) in sorted(table.items()):
        for name in sorted(defined - taken):
            yield ("unused", name, 1, f"{name} is defined for others and used by none: make it static, or remove it", path)


def read_exceptions(text):
    """{(rule, what): line}; a line that is not RULE WHAT REASON is told by None as its reason."""
    entries = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(None, 2)
        if words and not words[0].startswith("#"):
            entries[tuple(words[:2])] = (number, words[2] if len(words) == 3 else None)
    return entries


class Exceptions:
    """The list, and which of its lines were needed."""

    def __init__(self, text):
        self.entries = read_exceptions(text)
        self.needed = set()

    def has(self, rule, what):
        self.needed.add((rule, what))
        return (rule, what) in self.entries

    def problems(self):
        for (rule, *what), (number, reason) in self.entries.items():
            if reason is None:
                yield number, "an exception is RULE WHAT REASON"
            elif reason == "being reworked":
                yield number, f"say what stays and why, not that it is {reason}: {rule} {' '.join(what)}"
            elif (rule, *what) not in self.needed:
                yield number, f"excepts nothing any more, remove the line: {rule} {' '.join(what)}"
