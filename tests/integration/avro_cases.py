"""Seeded Avro schemas, their evolution, values, broken bytes; and a strict reader of the wire.

Independent of the program under test: what a valid message is stands here a second time, straight
from the specification.
"""

import copy
import struct

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "string", "bytes"]
NAMED = ("record", "enum", "fixed")
LOGICAL = {
    "int": ["date", "time-millis"],
    "long": ["time-micros", "timestamp-millis", "timestamp-micros", "local-timestamp-millis", "local-timestamp-micros"],
    "bytes": ["decimal"],
}
ITEMS_MAX = 100_000
DEPTH_MAX = 64
TEXTS = ["", "a", "Order Completed", "zürich", "日本", "\U0001f600", "x" * 100, "\x00", '"\\']
INTS = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2**31 - 1, -(2**31)]
LONGS = INTS + [2**31, 2**53 + 1, 2**63 - 1, -(2**63)]
DOUBLES = [0.0, -0.0, 1.5, 19.99, 1e300, -1e-300, 0.1, float("nan"), float("inf"), 123456789.0]


def kind_of(schema):
    if isinstance(schema, list):
        return "union"
    return schema["type"] if isinstance(schema, dict) else schema


def with_logical(random, schema):
    """@schema, its plain type's name or a fixed, as one of the logical types it may carry."""
    out = {"type": schema} if isinstance(schema, str) else dict(schema)
    out["logicalType"] = random.choice(LOGICAL["bytes" if out["type"] == "fixed" else out["type"]])
    if out["logicalType"] == "decimal":
        out["precision"] = random.choice([6, 9])
        out["scale"] = random.choice([2, 2, 2, 3])
    return out


class Schemas:
    """Draws schemas. Named types are known by full name from where they are defined on."""

    def __init__(self, random):
        self.random = random
        self.count = 0
        self.known = []
        self.open = []
        # A name without namespace cannot be told from inside of one.
        self.spaces = random.choice([[""], ["a.", "a.b.", "c."]])

    def name(self, prefix):
        self.count += 1
        return f"{self.random.choice(self.spaces)}{prefix}{self.count}"

    def draw(self, depth=0):
        random = self.random
        roll = random.random()
        if depth >= 4 or roll < 0.45:
            return self.plain()
        if roll < 0.62:
            return self.record(depth)
        if roll < 0.72:
            return {"type": "array", "items": self.draw(depth + 1)}
        if roll < 0.80:
            return {"type": "map", "values": self.draw(depth + 1)}
        return self.union(depth)

    def plain(self):
        random = self.random
        roll = random.random()
        if roll < 0.08:
            return self.enum()
        if roll < 0.14:
            name = self.name("F")
            self.known.append(name)
            fixed = {"type": "fixed", "name": name, "size": random.choice([0, 1, 5, 16])}
            return with_logical(random, fixed) if fixed["size"] >= 5 and random.random() < 0.5 else fixed
        if roll < 0.24 and self.known:
            return random.choice(self.known)
        if roll < 0.40:
            return with_logical(random, random.choice(list(LOGICAL)))
        return random.choice(PRIMITIVES)

    def enum(self):
        name = self.name("E")
        self.known.append(name)
        return {"type": "enum", "name": name, "symbols": [f"S{i}" for i in range(self.random.randint(1, 5))]}

    def record(self, depth):
        random = self.random
        name = self.name("R")
        fields = []
        self.open.append(name)
        for i in range(random.randint(0, 5)):
            if random.random() < 0.1:
                kind = self.recursive()
            else:
                kind = self.draw(depth + 1)
            fields.append({"name": f"f{i}", "type": kind})
        self.open.remove(name)
        self.known.append(name)
        return {"type": "record", "name": name, "fields": fields}

    def recursive(self):
        name = self.random.choice(self.open)
        return self.random.choice([["null", name], {"type": "array", "items": name}, {"type": "map", "values": name}])

    def union(self, depth):
        random = self.random
        if random.random() < 0.6:
            known = list(self.known)
            other = self.draw(depth + 1)
            if kind_of(other) in ("union", "null"):
                self.known = known
                other = "string"
            return random.choice([["null", other], [other, "null"]])
        branches = []
        for _ in range(random.randint(1, 4)):
            known = list(self.known)
            one = self.draw(depth + 1)
            if kind_of(one) == "union" or any(alike(one, other) for other in branches):
                self.known = known
                continue
            branches.append(one)
        return branches or ["null"]


def alike(a, b):
    if isinstance(a, str) and isinstance(b, str):
        return a == b
    if kind_of(a) in NAMED or kind_of(b) in NAMED:
        return (a if isinstance(a, str) else a.get("name")) == (b if isinstance(b, str) else b.get("name"))
    return kind_of(a) == kind_of(b)


def definitions(schema, found=None):
    """Every named type in @schema by full name."""
    found = {} if found is None else found
    if isinstance(schema, list):
        for branch in schema:
            definitions(branch, found)
    elif isinstance(schema, dict):
        if schema["type"] in NAMED:
            found[schema["name"]] = schema
        for field in schema.get("fields", []):
            definitions(field["type"], found)
        for key in ("items", "values"):
            if key in schema:
                definitions(schema[key], found)
    return found


class Evolution:
    """A reader's schema from a writer's: mostly compatible, sometimes not."""

    PROMOTIONS = {
        "int": ["long", "float", "double"],
        "long": ["float", "double"],
        "float": ["double"],
        "string": ["bytes"],
        "bytes": ["string"],
    }
    NEW_FIELDS = [
        ("int", -7),
        ("long", 2**40),
        ("float", 0.5),
        ("double", 1),
        ("boolean", True),
        ("string", "zürich"),
        ("bytes", "\u00ff\u0000a"),
        (["null", "string"], None),
        (["string", "null"], "x"),
        ({"type": "array", "items": "int"}, [1, 2]),
        ({"type": "map", "values": "string"}, {"k": "v"}),
        (["null", "int", "string"], "later branch"),
        ({"type": "long", "logicalType": "timestamp-micros"}, 2**50),
    ]

    def __init__(self, random):
        self.random = random
        self.renamed = {}
        self.count = 0

    def chance(self, share):
        return self.random.random() < share

    def evolve(self, schema, is_root=False):
        kind = kind_of(schema)
        if isinstance(schema, list):
            return self.union(schema)
        if kind in self.PROMOTIONS and self.chance(0.15):
            return self.random.choice(self.PROMOTIONS[kind])
        if kind in PRIMITIVES and self.chance(0.015):
            return self.random.choice(PRIMITIVES)
        if kind in LOGICAL:
            return self.logical(schema) if is_root else self.wrap(self.logical(schema))
        if isinstance(schema, str):
            return self.wrap(self.renamed.get(schema, schema))
        out = dict(schema)
        if kind == "fixed" and "logicalType" in out:
            out = self.logical(out)
        if kind in ("array", "map"):
            key = "items" if kind == "array" else "values"
            out[key] = self.evolve(schema[key])
            return self.wrap(out)
        if kind == "enum":
            self.enum(out)
        if self.chance(0.1) and not is_root:
            self.rename(out)
        if kind == "record":
            out["fields"] = self.fields(schema["fields"])
        return out if is_root else self.wrap(out)

    def logical(self, schema):
        """Another logical type on the same type, one more, or one less."""
        if self.chance(0.3 if isinstance(schema, dict) else 0.03):
            schema = with_logical(self.random, kind_of(schema) if kind_of(schema) in LOGICAL else schema)
        if isinstance(schema, dict) and kind_of(schema) in LOGICAL and self.chance(0.1):
            return schema["type"]
        return schema

    def wrap(self, schema):
        if self.chance(0.08) and schema != "null" and not isinstance(schema, list):
            return self.random.choice([["null", schema], [schema, "null"]])
        return schema

    def rename(self, schema):
        self.count += 1
        fresh = schema["name"].rpartition(".")[0]
        fresh = f"{fresh}.Renamed{self.count}" if fresh else f"Renamed{self.count}"
        if self.chance(0.9):
            schema["aliases"] = [schema["name"]]
        self.renamed[schema["name"]] = fresh
        schema["name"] = fresh

    def enum(self, schema):
        symbols = list(schema["symbols"])
        self.random.shuffle(symbols)
        if self.chance(0.3) and len(symbols) > 1:
            symbols.pop()
        if self.chance(0.3):
            symbols.append("NEW")
        schema["symbols"] = symbols
        if self.chance(0.6):
            schema["default"] = self.random.choice(symbols)

    def union(self, schema):
        branches = [self.branch(branch) for branch in schema]
        for i, branch in enumerate(branches):
            if isinstance(branch, list):  # made optional; a union holds no union
                branches[i] = branch[0] if branch[1] == "null" else branch[1]
        if len(branches) == 1 and self.chance(0.3):
            return branches[0]
        if len(branches) == 2 and self.chance(0.08) and "null" in branches:
            return branches[0] if branches[1] == "null" else branches[1]
        if self.chance(0.1) and len(branches) > 1 and not definitions(branches[-1]):
            branches.pop()
        if self.chance(0.2) and not any(kind_of(branch) == "boolean" for branch in branches):
            branches.append("boolean")
        return branches or ["null"]

    def branch(self, schema):
        if kind_of(schema) in LOGICAL:
            return self.logical(schema)
        return schema if kind_of(schema) in PRIMITIVES else self.evolve(schema)

    def fields(self, fields):
        out = []
        for field in fields:
            if self.chance(0.12) and not definitions(field["type"]):
                continue
            fresh = {"name": field["name"], "type": self.evolve(field["type"])}
            if self.chance(0.1):
                fresh["aliases"] = [fresh["name"]]
                fresh["name"] = "new_" + fresh["name"]
            out.append(fresh)
        if not any(definitions(field["type"]) for field in out):
            self.random.shuffle(out)
        for i in range(self.random.randint(0, 2)):
            kind, default = copy.deepcopy(self.random.choice(self.NEW_FIELDS))
            fresh = {"name": f"added{i}", "type": kind}
            if self.chance(0.95):
                fresh["default"] = default
            out.append(fresh)
        return out


class Values:
    """Draws values of a schema."""

    def __init__(self, random, schema):
        self.random = random
        self.names = definitions(schema)
        self.drawn = 0

    def draw(self, schema, depth=0):
        """A value; past some size the smallest that can be, as recursive schemas have no end."""
        random = self.random
        if depth == 0:
            self.drawn = 0
        self.drawn += 1
        is_enough = depth > 8 or self.drawn > 200
        if isinstance(schema, list):
            plain = [branch for branch in schema if kind_of(branch) in PRIMITIVES]
            return self.draw(random.choice(plain if is_enough and plain else schema), depth)
        kind = kind_of(schema)
        if kind in PRIMITIVES:
            return self.primitive(kind)
        if isinstance(schema, str):
            return self.draw(self.names[schema], depth)
        if kind == "fixed":
            return random.randbytes(schema["size"])
        if kind == "enum":
            return random.choice(schema["symbols"])
        if kind == "record":
            return {field["name"]: self.draw(field["type"], depth + 1) for field in schema["fields"]}
        count = 0 if is_enough else random.choice([0, 0, 1, 2, 3, 7])
        if kind == "array":
            return [self.draw(schema["items"], depth + 1) for _ in range(count)]
        return {random.choice(TEXTS) + str(i): self.draw(schema["values"], depth + 1) for i in range(count)}

    def primitive(self, kind):
        random = self.random
        if kind == "null":
            return None
        if kind == "boolean":
            return random.random() < 0.5
        if kind == "int":
            return random.choice(INTS) if random.random() < 0.5 else random.randint(-(2**31), 2**31 - 1)
        if kind == "long":
            return random.choice(LONGS) if random.random() < 0.5 else random.randint(-(2**63), 2**63 - 1)
        if kind == "float":
            return struct.unpack("<f", struct.pack("<f", random.choice([0.1, 19.99, -3.5, 1e30, 7.0])))[0]
        if kind == "double":
            return random.choice(DOUBLES) if random.random() < 0.5 else random.uniform(-1e6, 1e6)
        if kind == "bytes":
            return random.randbytes(random.choice([0, 1, 3, 20]))
        return random.choice(TEXTS)


def long_bytes(number):
    n = (number << 1) ^ (number >> 63)
    n &= 2**64 - 1
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def mutate(random, data):
    """1 to 3 changes such as a broken producer, disk or network would make."""
    data = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(data) + 1)
        roll = random.randrange(7)
        if roll == 0 and data:
            data[min(at, len(data) - 1)] = random.randrange(256)
        elif roll == 1:
            del data[at:]
        elif roll == 2:
            data[at:at] = random.randbytes(random.randint(1, 3))
        elif roll == 3:
            data[at : at + 1] = long_bytes(random.choice([-1, -2, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63), 100_001]))
        elif roll == 4 and data:
            data[min(at, len(data) - 1)] ^= 1 << random.randrange(8)
        elif roll == 5:
            del data[at : at + random.randint(1, 2)]
        else:
            data[at:at] = b"\xff" * random.randint(1, 11)
    return bytes(data)


class Violation(Exception):
    """What a strict reader refuses; the text is the rule's name."""


class Strict:
    """Reads by the writer's schema alone, and refuses everything the specification does not allow."""

    def __init__(self, schema, data):
        self.schema = schema
        self.names = definitions(schema)
        self.data = data
        self.at = 0
        self.items = 0

    def check(self):
        """The rule that the bytes break, or None."""
        try:
            self.read(self.schema, 0)
            if self.at != len(self.data):
                raise Violation("trailing bytes")
        except Violation as violation:
            return str(violation)
        return None

    def take(self, count):
        if count < 0:
            raise Violation("negative length")
        if self.at + count > len(self.data):
            raise Violation("cut short")
        out = self.data[self.at : self.at + count]
        self.at += count
        return out

    def long(self, bytes_max=10):
        n = 0
        for i in range(bytes_max):
            byte = self.take(1)[0]
            n |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                if n >= 2**64:
                    raise Violation("number too long")
                return (n >> 1) ^ -(n & 1)
        raise Violation("number too long")

    def int(self):
        number = self.long(5)
        if not -(2**31) <= number < 2**31:
            raise Violation("number too long")
        return number

    def text(self):
        try:
            self.take(self.long()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Violation("not UTF-8") from error

    def read(self, schema, depth):
        if isinstance(schema, list):
            index = self.long()
            if not 0 <= index < len(schema):
                raise Violation("no such branch")
            return self.read(schema[index], depth)
        kind = kind_of(schema)
        if kind not in PRIMITIVES and isinstance(schema, str):
            return self.read(self.names[schema], depth)
        reader = getattr(self, "read_" + kind, None)
        return reader(schema, depth + 1) if reader else self.primitive(kind, schema)

    def primitive(self, kind, schema):
        if kind == "boolean" and self.take(1)[0] > 1:
            raise Violation("boolean not 0 or 1")
        elif kind == "int":
            self.int()
        elif kind == "long":
            self.long()
        elif kind in ("float", "double"):
            self.take(4 if kind == "float" else 8)
        elif kind == "string":
            self.text()
        elif kind == "bytes":
            self.take(self.long())
        elif kind == "fixed":
            self.take(schema["size"])
        elif kind == "enum" and not 0 <= self.int() < len(schema["symbols"]):
            raise Violation("no such symbol")

    def deeper(self, depth):
        if depth > DEPTH_MAX:
            raise Violation("too deep")

    def read_record(self, schema, depth):
        self.deeper(depth)
        for field in schema["fields"]:
            self.read(field["type"], depth)

    def read_array(self, schema, depth):
        self.blocks(lambda: self.read(schema["items"], depth), depth)

    def read_map(self, schema, depth):
        self.blocks(lambda: (self.text(), self.read(schema["values"], depth)), depth)

    def blocks(self, item, depth):
        self.deeper(depth)
        while True:
            count = self.long()
            end = None
            if count < 0:
                size = self.long()
                if size < 0 or self.at + size > len(self.data) or count == -(2**63):
                    raise Violation("block size")
                end = self.at + size
                count = -count
            if count == 0:
                return
            self.items += count
            if self.items > ITEMS_MAX:
                raise Violation("too many items")
            for _ in range(count):
                item()
            if end is not None and end != self.at:
                raise Violation("block size")
