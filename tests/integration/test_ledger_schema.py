"""schemas/ledger.schema.json: what the processor writes fits it, what is not a record does not."""

import json

import fake_tiktok
import pytest

from services import ROOT_BUILD
from test_ledger import with_ledger

SCHEMA = json.loads((ROOT_BUILD.parent / "schemas" / "ledger.schema.json").read_text())
TALLY = {"v": 1, "kind": "tally", "at": "2026-11-30T14:02:11.250Z", "instance": "h", "group": "g", "session": "s",
         "topic": "t", "partition": 0, "from": 0, "to": 3, "events": {"delivered": 3},
         "legs": [{"route": "r", "leg": "l", "fate": "delivered", "count": 3, "value": {"EUR": "1.50"}}]}
ODD = [{"v": 2}, {"at": "soon"}, {"from": -1}, {"events": {"lost": 1}}, {"legs": [{"fate": "delivered"}]},
       {"legs": [{"route": None, "leg": None, "fate": "diverted", "count": 1}]}, {"session": ""},
       {"legs": [{"route": None, "leg": None, "fate": "delivered", "count": 1, "value": {"EUR": 1.5}}]}]


def validator():
    import jsonschema  # here, so that an environment without it can run the other tests

    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def is_valid(record):
    return validator().is_valid(record)


def test_the_schema_itself():
    assert is_valid(TALLY)
    assert is_valid({k: v for k, v in TALLY.items() if k != "events"} | {"part": 1, "last": True})
    assert is_valid(TALLY | {"kind": "something later", "extra": 1})


@pytest.mark.parametrize("change", ODD, ids=lambda c: json.dumps(c)[:30])
def test_what_is_no_record(change):
    assert not is_valid(TALLY | change)


def test_what_the_processor_writes(world):
    world.create_all()
    records = world.conversions(40, prefix="p") + world.conversions(20, prefix="s", event="Search")
    world.produce(records)
    world.tiktok.on(fake_tiktok.refuse_ids([r.id for r in records[:3]], with_index=True))
    world.tiktok.on(fake_tiktok.code(50000), event="Search", times=500)
    run = world.detour(with_ledger(world)).start()
    world.wait_settled()
    run.stop()
    found = [json.loads(m.value()) for m in world.read("ledger")]
    assert {"tally"} <= {r["kind"] for r in found}
    for record in found:
        validator().validate(record)
