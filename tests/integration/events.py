"""Events as a shop's backend would publish them: values, Avro by fastavro, and the three framings."""

import hashlib
import io
import json
import pathlib
import random
import struct
import time

import fastavro
import fastavro.schema

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONVERSION = json.loads((ROOT / "schemas" / "conversion_event.avsc").read_text())
UTM = json.loads((ROOT / "schemas" / "utm_attribution.avsc").read_text())
TYPES = ("Purchase", "AddToCart", "ViewContent", "Search", "Subscribe")

# Personal data that may never be seen in a log, a header or an error.
CANARIES = {
    "email": "canary.person@mail.example",
    "phone": "+4915112345678",
    "external_id": "canary-customer-0815",
    "first_name": "Canarina",
    "last_name": "Vogelsang",
}


def parsed(schema):
    return fastavro.parse_schema(json.loads(json.dumps(schema)))


def avro(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, parsed(schema), value)
    return out.getvalue()


class Encoder:
    """One writer schema, parsed once."""

    def __init__(self, schema, named=()):
        names = {}
        for other in named:
            fastavro.parse_schema(other, named_schemas=names)
        self.schema = schema
        self.parsed = fastavro.parse_schema(json.loads(json.dumps(schema)), named_schemas=names)

    def __call__(self, value):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.parsed, value)
        return out.getvalue()

    def read(self, payload):
        """The value, when the bytes are exactly one."""
        source = io.BytesIO(payload)
        value = fastavro.schemaless_reader(source, self.parsed, None)
        if source.tell() != len(payload):
            raise ValueError("trailing bytes")
        return value


def confluent(schema_id, payload):
    return b"\0" + struct.pack(">I", schema_id) + payload


def fingerprint(schema):
    """CRC-64-AVRO of the parsing canonical form, as the eight bytes that go on the wire."""
    form = fastavro.schema.to_parsing_canonical_form(schema).encode()
    empty = 0xC15D213AA4D7A795
    value = empty
    for byte in form:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (empty & -(value & 1) & 0xFFFFFFFFFFFFFFFF)
    return struct.pack("<Q", value)


def single_object(schema, payload):
    return b"\xc3\x01" + fingerprint(schema) + payload


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()


def conversion(event_id, event="Purchase", now=None, **changes):
    """One event of schemas/conversion_event.avsc with everything in it that detour may use."""
    value = {
        "event": event,
        "event_id": event_id,
        "timestamp": int((now or time.time()) * 1000),
        "user": dict(
            CANARIES,
            city="Berlin",
            country="de",
            ttclid="E.C.P.click",
            ip="203.0.113.7",
            user_agent="Mozilla/5.0 (test)",
            locale="de-DE",
        ),
        "page": {
            "url": "https://shop.example/done?utm_source=tiktok&utm_medium=cpc&utm_campaign=__CAMPAIGN_NAME__"
            "&utm_content=blue%20shoe&ttclid=E.C.P.url&gclid=G1",
            "referrer": "https://shop.example/cart",
        },
        "properties": {
            "value": 49.5,
            "currency": "EUR",
            "order_id": "order-" + str(event_id),
            "products": [{"sku": "SKU-1", "name": "shoe", "price": 24.75, "quantity": 2}],
        },
        "consent": {"ads": True},
        "context": {},
    }
    value.update(changes)
    return value


def conversions(count, prefix, seed=1, types=TYPES):
    chance = random.Random(seed)
    return [conversion(f"{prefix}-{i:05d}", chance.choice(types)) for i in range(count)]
