"""Each log line of the program has its row in processor/base/log_events.c, and is what the row says."""

import re

TABLE = "processor/base/log_events.c"
LEVELS = ("debug", "info", "warn", "error")
RESERVED = {"time", "level", "repeated", "suppressed", "cut"}
CALL = re.compile(r"\b(?:LOG_(DEBUG|INFO|WARN|ERROR|AT)|(log_write))\s*\(")
COMMENT_OR_LITERAL = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
LITERAL = re.compile(r'"((?:\\.|[^"\\])*)"', re.S)
NAME = re.compile(r"[a-z]+(?:_[a-z]+)*\.[a-z]+(?:_[a-z]+)*")
FIELDS = ("name", "levels", "keys", "alike", "means", "to_do")


def without_comments(text):
    """The text with comments blanked, lines and literals kept."""
    return COMMENT_OR_LITERAL.sub(
        lambda m: m.group() if m.group().startswith('"') else re.sub(r"[^\n]", " ", m.group()), text)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def split_arguments(text, at, closing=")"):
    """The arguments from @at up to the bracket that closes the call, and where that is."""
    depth, start, out, quoted = 0, at, [], False
    i = at
    while i < len(text):
        c = text[i]
        if quoted:
            i += c == "\\"
            quoted = c != '"'
        elif c == '"':
            quoted = True
        elif c in "([{":
            depth += 1
        elif c in ")]}" and depth > 0:
            depth -= 1
        elif c == closing or (c == "," and depth == 0):
            out.append(text[start:i].strip())
            start = i + 1
            if c == closing:
                return out, i
        i += 1
    return out, i


def text_of(argument):
    """The literals of an argument as one text; what stands between them (PRId64) is left out."""
    return "".join(LITERAL.findall(argument))


def read_table(text):
    """The rows by name, and what is wrong with them."""
    rows, problems = {}, []
    code = without_comments(text)
    start = code.index("log_events[] = {") + len("log_events[] = {")
    end = code.index("\n};", start)
    at, last = code.find("{", start, end), ""
    while at != -1:
        arguments, close = split_arguments(code, at + 1, "}")
        line = line_of(code, at)
        row = dict(zip(FIELDS, map(text_of, arguments)))
        row["line"], row["used"] = line, False
        problems += [(line, problem) for problem in row_problems(row, len(arguments), last)]
        last = row.get("name", "")
        if last in rows:
            problems.append((line, f"{last} stands here twice"))
        rows[last] = row
        at = code.find("{", close, end)
    return rows, problems


def row_problems(row, count, last):
    if count != len(FIELDS):
        yield f"a row has {', '.join(FIELDS)}; this one has {count} of them"
        return
    name, keys = row["name"], row["keys"].split()
    if not NAME.fullmatch(name):
        yield f"{name}: a name is room.what, in small letters"
    if name < last:
        yield f"{name} stands behind {last}: the rows are in the order of the names"
    if not row["levels"] or not set(row["levels"].split()) <= set(LEVELS):
        yield f"{name}: levels are words of {', '.join(LEVELS)}"
    if RESERVED & {key.rstrip("?") for key in keys}:
        yield f"{name}: the keys {', '.join(sorted(RESERVED))} belong to the log itself"
    if not set(row["alike"].split()) <= {key.rstrip("?") for key in keys}:
        yield f"{name}: alike names a key that the line does not have"
    if not row["means"]:
        yield f"{name}: say what it means"
    if {"warn", "error"} & set(row["levels"].split()) and not row["to_do"]:
        yield f"{name}: a warning or an error says what to do, if only: Nothing."


def keys_of(text):
    """The keys of a format; what stands in quotes is a value."""
    return re.findall(r"(?:^| )([a-z][a-z0-9_]*)=", re.sub(r'\\"(?:[^"\\]|\\[^"])*\\"', '""', text))


def call_levels(kind, argument):
    if kind != "AT":
        return {kind.lower()}
    return {level.lower() for level in re.findall(r"LOG_LEVEL_([A-Z]+)", argument)}


def new_row(name, levels, keys):
    levels = " ".join(level for level in LEVELS if level in levels) or "LEVELS"
    return (f'no such row in {TABLE}; add, in the order of the names:  '
            f'{{"{name}", "{levels}", "{" ".join(keys)}", "KEYS THAT SAY WHICH LINES ARE ALIKE", '
            f'"What it means.", "What to do."}},  then: clang-format -i {TABLE} && make docs')


def format_of(argument, code):
    """The text of a format; a name in capitals is a macro of the same file."""
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", argument):
        macro = re.search(rf"#\s*define {argument}((?:[^\n]*\\\n)*[^\n]*)", code)
        return text_of(macro.group(1)) if macro else ""
    return text_of(argument)


def call_problems(match, code, rows):
    kind = match.group(1)
    arguments, _ = split_arguments(code, match.end())
    if kind is None:
        yield "log_write() is called by LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_AT only"
        return
    level_text = arguments.pop(0) if kind == "AT" else ""
    name = text_of(arguments[0]) if arguments else ""
    if not name or arguments[0] != f'"{name}"':
        yield "the name of a log line is a literal, so that it can be looked for"
        return
    text = format_of(arguments[1], code) if len(arguments) > 1 else ""
    keys, levels = keys_of(text), call_levels(kind, level_text)
    row = rows.get(name)
    if row is None:
        yield f"{name}: " + new_row(name, levels, keys)
        return
    row["used"] = True
    known = row["keys"].split()
    allowed = {key.rstrip("?") for key in known}
    needed = {key for key in known if not key.endswith("?")}
    if not levels <= set(row["levels"].split()):
        yield f"{name}: level {', '.join(sorted(levels))}, but its row in {TABLE}:{row['line']} says {row['levels']}"
    for key in keys:
        if key not in allowed:
            yield f"{name}: key {key} is not in its row, {TABLE}:{row['line']}: \"{row['keys']}\""
    for key in sorted(needed - set(keys)):
        yield f"{name}: key {key} is missing; its row, {TABLE}:{row['line']}, has it (write {key}? there if not always)"
    if len(keys) != len(set(keys)):
        yield f"{name}: a key stands there twice"


def log_problems(sources):
    """For @sources, a map of path to text: (path, line, problem)."""
    rows, problems = read_table(sources[TABLE])
    for line, problem in problems:
        yield TABLE, line, problem
    for path, text in sources.items():
        if path.startswith("processor/base/log"):
            continue
        code = without_comments(text)
        for match in CALL.finditer(code):
            for problem in call_problems(match, code, rows):
                yield path, line_of(code, match.start()), problem
    for name, row in rows.items():
        if not row["used"] and name != "log.repeated":
            yield TABLE, row["line"], f"{name}: no line of the program has this name"
