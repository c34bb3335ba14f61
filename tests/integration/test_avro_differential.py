"""The decoder against fastavro: generated schema pairs, values and broken bytes, both ways.

Neither is the judge alone. What the strict reader of avro_cases refuses, we must refuse. What it takes,
the two must agree on, and on every value; where they may differ, RULES says why.
"""

import collections
import io
import json
import os
import pathlib
import random
import struct
import subprocess

import fastavro
import pytest
from avro_cases import Evolution, Schemas, Strict, Values, definitions, kind_of, mutate
from fastavro.schema import fingerprint, to_parsing_canonical_form

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("DIFFERENTIAL_SEED", "20240611"))
PAIRS = int(os.environ.get("DIFFERENTIAL_PAIRS", "10000"))
VALUES_EACH = 1
MUTATIONS_EACH = 2

# What we refuse because the strict reader does. fastavro is not asked then: it reads on behind the
# broken place and may run for ever on what it takes for a count.
BROKEN = {
    "trailing bytes": "fastavro reads a stream and leaves them",
    "boolean not 0 or 1": "fastavro takes any other byte as true",
    "number too long": "more than 32 bits of an int, 64 of a long: fastavro wraps",
    "not UTF-8": "also in what is skipped and in map keys",
    "no such symbol": "fastavro takes -1 for the last, and does not look when skipping",
    "no such branch": "fastavro takes -1 for the last",
    "block size": "a block whose byte size is not true: fastavro does not look",
    "negative length": "fastavro may go backwards",
    "cut short": "fastavro's skipping may not notice",
    "too many items": "more than 100,000 items, also when they have no bytes",
    "too deep": "more than 64 levels",
}
# What is valid, and accepted by only one or with another value; explain() says when.
RULES = {
    "schemas that never fit": "we refuse a pair where all data must pass an unreadable place; "
    "fastavro notices only when a message has an item there",
    "unreadable branch": "of a writer's union we refuse the item or field that cannot be read, fastavro the branch "
    "that could hold one",
    "endless record": "we refuse a schema whose record holds itself with no union, array or map in between",
    "logical types apart": "we refuse a decimal of another scale or of less digits, a date as a time, text as a decimal; "
    "fastavro takes the number or bytes for what they are not",
    "logical types choose": "of a reader's union we take the branch whose logical type fits, fastavro the first by kind",
    "same type first": "of a reader's union we take the writer's own type, fastavro the first it can be promoted to",
}


@pytest.fixture(scope="module")
def driver():
    build = os.environ.get("BUILD", "build")
    given = os.environ.get("AVRO_DRIVER")
    path = pathlib.Path(given) if given else ROOT / build / "unit" / "avro_driver"
    if not path.exists():
        subprocess.run(["make", "--no-print-directory", "-s", f"BUILD={build}", str(path.relative_to(ROOT))],
                       cwd=ROOT, check=True)
    return path


def ask(driver, lines):
    """All answers, split at tabs. The driver must come through every case."""
    done = subprocess.run([driver], input="".join(line + "\n" for line in lines), capture_output=True, text=True,
                          encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [line.split("\t") for line in done.stdout.split("\n")[:-1]]
    assert len(answers) == len(lines)
    return answers


def text_of(schema):
    return json.dumps(schema)


class Apart(fastavro.read.SchemaResolutionError):
    """The two logical types are not the same thing."""


# fastavro looks at the writer's logical type alone. What the specification says of both stands here: a decimal
# keeps its scale, a time its meaning; the number is in the reader's unit.
UNITS = {"time-millis": ("time", 1000), "time-micros": ("time", 1), "timestamp-millis": ("point", 1000),
         "timestamp-micros": ("point", 1), "local-timestamp-millis": ("point", 1000),
         "local-timestamp-micros": ("point", 1)}


def logical_of(schema):
    return schema.get("logicalType") if isinstance(schema, dict) else None


def in_readers_unit(raw, writer, reader):
    ours, theirs = logical_of(writer), logical_of(reader)
    if isinstance(raw, bytes) and kind_of(reader) == "string":
        return raw.decode("utf-8")
    if theirs is None:
        return float(raw) if kind_of(reader) in ("float", "double") else raw
    if ours == theirs == "decimal":
        if writer.get("scale", 0) != reader.get("scale", 0) or writer["precision"] > reader["precision"]:
            raise Apart(f"{writer} {reader}")
    elif ours in UNITS and theirs in UNITS and UNITS[ours][0] == UNITS[theirs][0]:
        raw = raw * UNITS[ours][1] // UNITS[theirs][1]
        if not -(2**63) <= raw < 2**63:
            raise OverflowError(raw)
    elif ours != theirs:
        raise Apart(f"{writer} {reader}")
    return raw


@pytest.fixture(scope="module", autouse=True)
def logical_types():
    """In place of fastavro's own, which make dates and decimals of Python's and take those alone."""
    readers, writers = fastavro.read.LOGICAL_READERS, fastavro.write.LOGICAL_WRITERS
    old_readers, old_writers = dict(readers), dict(writers)
    readers.update({name: in_readers_unit for name in readers})
    writers.update({name: lambda raw, schema: raw for name in writers})
    yield
    readers.update(old_readers)
    writers.update(old_writers)


def their_decode(writer, reader, data):
    """fastavro's value, or its exception."""
    try:
        return fastavro.schemaless_reader(io.BytesIO(data), writer, reader)
    except (fastavro.schema.SchemaParseException, fastavro.read.SchemaResolutionError, EOFError, ValueError,
            IndexError, KeyError, TypeError, UnicodeDecodeError, struct.error, OverflowError) as error:
        return error


def single(number):
    try:
        return struct.pack("<f", number)
    except OverflowError:
        return struct.pack("<f", float("inf") if number > 0 else float("-inf"))


def same_number(ours, theirs, is_single):
    if isinstance(theirs, bool) or not isinstance(theirs, (int, float)):
        return False
    if theirs != theirs or theirs in (float("inf"), float("-inf")):
        return ours is None  # JSON has no such number
    if isinstance(ours, bool) or not isinstance(ours, (int, float)):
        return is_single and ours is None and single(theirs) == single(float("inf") if theirs > 0 else float("-inf"))
    return single(ours) == single(theirs) if is_single else ours == theirs


def same(ours, theirs, schema, names):
    """Our JSON against fastavro's value, by the reader's schema."""
    if isinstance(schema, list):
        return any(same(ours, theirs, branch, names) for branch in schema)
    kind = kind_of(schema)
    if isinstance(schema, str) and schema in names:
        return same(ours, theirs, names[schema], names)
    if kind in ("float", "double", "int", "long"):
        return same_number(ours, theirs, kind == "float")
    if kind in ("bytes", "fixed"):
        return ours == (theirs.decode("latin-1") if isinstance(theirs, bytes) else theirs)
    if kind == "record":
        if not isinstance(ours, dict) or not isinstance(theirs, dict):
            return False
        return set(ours) == set(theirs) == {field["name"] for field in schema["fields"]} and all(
            same(ours[field["name"]], theirs[field["name"]], field["type"], names) for field in schema["fields"])
    if kind == "array":
        return (isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs)
                and all(same(a, b, schema["items"], names) for a, b in zip(ours, theirs)))
    if kind == "map":
        return (isinstance(ours, dict) and isinstance(theirs, dict) and list(ours) == list(theirs)
                and all(same(ours[key], theirs[key], schema["values"], names) for key in ours))
    return type(ours) is type(theirs) and ours == theirs


class Case:
    def __init__(self, writer, reader, data):
        self.writer = writer
        self.reader = reader
        self.data = data

    def line(self):
        return f"decode\t{text_of(self.writer)}\t{text_of(self.reader)}\t{self.data.hex()}"

    def __str__(self):
        return f"writer {text_of(self.writer)}\nreader {text_of(self.reader)}\nbytes {self.data.hex()}"


def parts(schema):
    """@schema and all schemas in it."""
    yield schema
    inner = schema if isinstance(schema, list) else []
    if isinstance(schema, dict):
        inner = [field["type"] for field in schema.get("fields", [])]
        inner += [schema[key] for key in ("items", "values") if key in schema]
    for one in inner:
        yield from parts(one)


def has_union(schema):
    return any(isinstance(part, list) for part in parts(schema))


def is_ordered_badly(schema):
    """A union in @schema has a branch that a later one's values could be promoted to."""
    for union in parts(schema):
        kinds = [kind_of(branch) for branch in union] if isinstance(union, list) else []
        for i, kind in enumerate(kinds):
            if any(kind in Evolution.PROMOTIONS.get(later, ()) for later in kinds[i + 1 :]):
                return True
    return False


def draw_pairs(count=PAIRS):
    """(writer, reader, parsed writer, parsed reader), every fourth reader being the writer itself."""
    rng = random.Random(SEED)
    for i in range(count):
        writer = Schemas(rng).draw()
        reader = writer if i % 4 == 0 else Evolution(rng).evolve(writer, is_root=True)
        yield rng, writer, reader, fastavro.parse_schema(writer), fastavro.parse_schema(reader)


def encode(parsed, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed, value)
    return out.getvalue()


def judge(case, parsed, answer, used):
    """None when both agree or a rule says why not; else what is wrong."""
    violation = Strict(case.writer, case.data).check()
    if violation is not None:
        used[violation] += 1
        return f"accepted in spite of: {violation}" if answer[0] == "ok" else None
    theirs = their_decode(parsed[0], parsed[1], case.data)
    is_theirs = not isinstance(theirs, Exception)
    if answer[0] == "ok" and is_theirs:
        if same(json.loads(answer[1]), theirs, case.reader, definitions(case.reader)):
            return None
    elif answer[0] != "ok" and not is_theirs:
        return None
    rule = explain(case, answer, theirs)
    if rule is None:
        return f"ours {answer}, fastavro's {theirs!r}"
    used[rule] += 1
    return None


def explain(case, answer, theirs):
    """The rule by which valid bytes are taken differently, or None."""
    if answer[0] == "no" and "string cannot be read as the reader's bytes (decimal" in answer[2]:
        return "logical types apart"
    if answer[0] == "ok" and isinstance(theirs, Apart) and has_union(case.reader):
        return "logical types choose"
    if answer[1] == "resolve" and not isinstance(theirs, Exception):
        return "schemas that never fit"
    if answer[1] == "schema" and "holds itself" in answer[2]:
        return "endless record"
    if answer[0] == "ok" and is_ordered_badly(case.reader):
        return "same type first"
    if answer[0] == "ok" and isinstance(theirs, fastavro.read.SchemaResolutionError) and has_union(case.writer):
        return "unreadable branch"
    return None


def test_bytes_by_fastavro_are_read_alike(driver):
    cases, parsed, used, wrong = [], [], collections.Counter(), []
    for rng, writer, reader, parsed_writer, parsed_reader in draw_pairs():
        values = Values(rng, writer)
        for _ in range(VALUES_EACH):
            data = encode(parsed_writer, values.draw(writer))
            cases.append(Case(writer, reader, data))
            cases.extend(Case(writer, reader, mutate(rng, data)) for _ in range(MUTATIONS_EACH))
            parsed.extend([(parsed_writer, parsed_reader)] * (1 + MUTATIONS_EACH))
    accepted = 0
    for case, pair, answer in zip(cases, parsed, ask(driver, [case.line() for case in cases])):
        problem = judge(case, pair, answer, used)
        accepted += answer[0] == "ok"
        if problem is not None:
            wrong.append(f"{problem[:800]}\n{case}")
    assert not wrong, f"{len(wrong)} of {len(cases)} cases:\n\n" + "\n\n".join(wrong[:5])
    assert len(cases) >= 10_000 or "DIFFERENTIAL_PAIRS" in os.environ
    assert set(used) <= set(BROKEN) | set(RULES)
    assert accepted > len(cases) // 4, "the generator makes hardly anything readable"
    print(f"{len(cases)} cases, {accepted} accepted, rules used: {dict(+used)}")


def to_json(value):
    """The value as Avro's JSON has it."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {key: to_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [to_json(one) for one in value]
    return value


def has_no_json(value):
    """NaN and the infinities have none; the JSON library of the program refuses a NUL in a key."""
    if isinstance(value, dict):
        return any("\x00" in key or has_no_json(one) for key, one in value.items())
    if isinstance(value, list):
        return any(has_no_json(one) for one in value)
    return isinstance(value, float) and (value != value or value in (float("inf"), float("-inf")))


def make_sloppy(rng, schema):
    """@schema as registries accept it of a writer: with what plays no part in reading its bytes made wrong."""
    if isinstance(schema, list):
        return [make_sloppy(rng, branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    sloppy = dict(schema, order=rng.choice(["up", 7]), doc=rng.choice([None, 7, ["x"]]), aliases=rng.choice(["x", [7], 1]))
    if schema["type"] == "enum":
        sloppy["default"] = rng.choice(["NO_SYMBOL", 7, None])
    for key in ("items", "values"):
        if key in schema:
            sloppy[key] = make_sloppy(rng, schema[key])
    if "fields" in schema:
        sloppy["fields"] = [
            dict(field, type=make_sloppy(rng, field["type"]), default=rng.choice(["null", "0", {}, [[]], None, 1e300]),
                 aliases=rng.choice(["x", [7]])) for field in schema["fields"]]
    return sloppy


def test_sloppy_writers_are_read_as_the_tidy_ones(driver):
    """What fastavro reads of the tidy schema; it looks at defaults when it parses, and so cannot be asked itself."""
    cases, tidy, parsed, used, wrong = [], [], [], collections.Counter(), []
    for rng, writer, reader, parsed_writer, parsed_reader in draw_pairs(PAIRS // 5):
        data = encode(parsed_writer, Values(rng, writer).draw(writer))
        tidy.append(Case(writer, reader, data))
        cases.append(Case(make_sloppy(rng, writer), reader, data))
        parsed.append((parsed_writer, parsed_reader))
    answers = ask(driver, [case.line() for case in cases])
    for case, clean, pair, answer in zip(cases, tidy, parsed, answers):
        problem = judge(clean, pair, answer, used)
        if problem is not None:
            wrong.append(f"{case}\n{problem}")
    assert not wrong, "\n\n".join(wrong[:5])
    assert sum(answer[0] == "ok" for answer in answers) > len(cases) // 3


def test_names_with_other_letters_are_read_as_fastavro_reads_them(driver):
    writer = {"type": "record", "name": "my-event", "namespace": "com.my-shop", "fields": [
        {"name": "1 st", "type": "string"}, {"name": "f-1", "type": {"type": "fixed", "name": "F-2", "size": 2}},
        {"name": "g", "type": "com.my-shop.F-2"}]}
    reader = {"type": "record", "name": "my_event", "aliases": ["my-event"], "fields": [
        {"name": "f_1", "aliases": ["f-1"], "type": {"type": "fixed", "name": "F_2", "aliases": ["F-2"], "size": 2}}]}
    data = encode(fastavro.parse_schema(writer), {"1 st": "x", "f-1": b"ab", "g": b"cd"})
    assert ask(driver, [Case(writer, reader, data).line()]) == [["ok", '{"f_1":"ab"}']]
    assert fastavro.schemaless_reader(io.BytesIO(data), writer, reader) == {"f_1": b"ab"}


def test_values_by_us_are_read_by_fastavro(driver):
    rng = random.Random(SEED + 1)
    cases = []
    for _ in range(PAIRS):
        schema = Schemas(rng).draw()
        parsed = fastavro.parse_schema(schema)
        values = Values(rng, schema)
        for _ in range(2):
            value = values.draw(schema)
            if not has_no_json(value):
                cases.append((schema, parsed, value))
    answers = ask(driver, [f"encode\t{text_of(schema)}\t{json.dumps(to_json(value))}" for schema, _, value in cases])
    for (schema, parsed, value), answer in zip(cases, answers):
        about = f"{text_of(schema)}\n{value!r}\n{answer}"
        assert answer[0] == "ok", about
        data = bytes.fromhex(answer[1])
        stream = io.BytesIO(data)
        theirs = fastavro.schemaless_reader(stream, parsed, None)
        assert stream.tell() == len(data), about
        assert Strict(schema, data).check() is None, about
        assert same(to_json(value), theirs, schema, definitions(schema)), f"{about}\n{theirs!r}"
    assert len(cases) >= 10_000 or "DIFFERENTIAL_PAIRS" in os.environ


def test_fingerprints_are_alike(driver):
    rng = random.Random(SEED + 2)
    schemas = [Schemas(rng).draw() for _ in range(2000)]
    answers = ask(driver, [f"fingerprint\t{text_of(schema)}" for schema in schemas])
    for schema, answer in zip(schemas, answers):
        theirs = fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO")
        # fastavro writes the number's bytes in the order they have on the wire
        assert answer == ["ok", bytes.fromhex(theirs)[::-1].hex()], text_of(schema)


def decimal(precision, scale):
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


# Differences that the generator stays away from, one by one: the row's name is the rule.
DIFFERENCES = [
    ("the same type is taken before a promotion that stands first",
     "int", ["double", "int"], b"\x0c", ["ok", "6"]),
    ("text stays text where bytes stand first",
     "string", ["bytes", "string"], b"\x04\xc3\xbc", ["ok", '"ü"']),
    ("the names of root records need not agree",
     {"type": "record", "name": "A", "fields": []}, {"type": "record", "name": "B", "fields": []}, b"", ["ok", "{}"]),
    ("an int in more than five bytes is refused",
     "int", "int", b"\x82\x80\x80\x80\x80\x00", ["no", "data"]),
    ("a union's branch that cannot be read matters only when it comes",
     ["int", "string"], "int", b"\x00\x0c", ["ok", "6"]),
    ("and then it is refused",
     ["int", "string"], "int", b"\x02\x02a", ["no", "data"]),
    ("a decimal of another scale is refused", decimal(9, 3), decimal(9, 2), b"\x02\x0a", ["no", "resolve"]),
    ("a decimal of less digits is refused", decimal(9, 2), decimal(6, 2), b"\x02\x0a", ["no", "resolve"]),
    ("a decimal of more digits is taken", decimal(6, 2), decimal(9, 2), b"\x02\x0a", ["ok", '"\\u000a"']),
    ("text is no decimal", "string", decimal(9, 2), b"\x02a", ["no", "resolve"]),
    ("a date is no time",
     {"type": "int", "logicalType": "date"}, {"type": "long", "logicalType": "timestamp-millis"}, b"\x02",
     ["no", "resolve"]),
    ("milliseconds are read as microseconds",
     {"type": "long", "logicalType": "timestamp-millis"}, {"type": "long", "logicalType": "timestamp-micros"}, b"\x0a",
     ["ok", "5000"]),
    ("microseconds are read as milliseconds, rounded down",
     {"type": "long", "logicalType": "timestamp-micros"}, {"type": "long", "logicalType": "timestamp-millis"}, b"\x01",
     ["ok", "-1"]),
    ("a plain number is what the reader says",
     "long", {"type": "long", "logicalType": "timestamp-micros"}, b"\x0a", ["ok", "5"]),
    ("an array of unreadable items is refused although it is empty",
     {"type": "array", "items": "string"}, {"type": "array", "items": "int"}, b"\x00", ["no", "resolve"]),
]


@pytest.mark.parametrize("row", DIFFERENCES, ids=[row[0] for row in DIFFERENCES])
def test_listed_difference(driver, row):
    _, writer, reader, data, want = row
    answer = ask(driver, [Case(writer, reader, data).line()])[0]
    assert answer[: len(want)] == want
