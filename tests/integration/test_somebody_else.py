"""A schema, a mapping and routes of somebody else's; 12,000 events, each ending exactly where the contract says."""

import datetime
import decimal
import json
import pathlib
import random

import events
import fake_tiktok
from world import Record

SCHEMA = json.loads((pathlib.Path(__file__).parent / "data" / "shop_order.avsc").read_text())
COUNT = 12_000

MAP = {
    "user.email": "customer.mail",
    "user.phone": "customer.tel",
    "user.external_id": "customer.number",
    "user.ttclid": "landing?ttclid",
    "page.url": "landing",
    "properties.value": "amount",
    "properties.currency": "valuta",
    "properties.contents": {"each": "lines", "fields": {
        "content_id": "article", "content_name": "title", "price": "unit_price", "quantity": "pieces"}},
    "properties.content_type": {"value": "product"},
}


def order(number, chance, name):
    return {
        "meta": {
            "uuid": f"{name}-{number:05d}",
            "occurred_at": (datetime.datetime.now(datetime.timezone.utc)
                            - datetime.timedelta(minutes=chance.randrange(2000))).isoformat(),
            "kind": chance.choice(["ORDER_PAID", "BASKET_ADD", "PAGE_SEEN"]),
            "tenant": chance.choice([None, "nl", "be"]),
        },
        "customer": {"mail": f"klant{number}@mail.example", "tel": "+31612345678", "number": 10**9 + number,
                     "agreed": {"ads": True}},
        "amount": decimal.Decimal(chance.randrange(100, 50000)) / 100,
        "valuta": "EUR",
        "lines": [{"article": 4711 + number, "title": "fiets", "unit_price": 12.5, "pieces": 2}],
        "landing": f"https://winkel.example/kassa?ttclid=E.C.P.{number}&utm_source=tiktok",
    }


def population(world):
    """Every kind of event in one shuffled stream, each with the place it must end at."""
    chance = random.Random(20261)
    encode = events.Encoder(SCHEMA)
    records = []
    for number in range(COUNT):
        value = order(number, chance, world.name)
        kind = chance.choices(
            ["plain", "unconsented", "nobody", "garbage", "cut", "unknown_schema", "null", "unmatched", "refused", "big"],
            [78, 8, 2, 3, 2, 2, 1, 2, 1, 1])[0]
        framed = 0
        want = "tiktok"
        if kind == "unconsented":
            value["customer"]["agreed"] = {"ads": False}
            want = "dropped"
        elif kind == "nobody":
            value["customer"] = None  # nobody said no, and nobody is known
        elif kind == "unmatched":
            value["meta"]["kind"] = "RETURNED"
            want = "unmatched"
        elif kind == "refused":
            want = "rejected"
        elif kind == "big":
            value["amount"] = decimal.Decimal("9999.99")
            want = "utm"
        framed = events.confluent(42, encode(value))
        identity = value["meta"]["uuid"]
        if kind == "garbage":
            framed, identity, want = chance.randbytes(chance.randrange(1, 300)), None, "decode_failed"
            framed = b"\x07" + framed
        elif kind == "cut":
            framed, identity, want = framed[: chance.randrange(6, len(framed))], None, "decode_failed"
        elif kind == "unknown_schema":
            framed, identity, want = events.confluent(4242, framed[5:]), None, "schema_unknown"
        elif kind == "null":
            framed, identity, want = chance.choice([None, b""]), None, "decode_failed"
        key = str(value["customer"]["number"] if value["customer"] else number).encode()
        records.append(Record(framed, key=key, id=identity, want=want))
    return records


def test_twelve_thousand_events_of_somebody_else(world):
    world.create("source", partitions=6)
    world.create("utm", "dead")
    folder = world.directory / "theirs"
    folder.mkdir()
    (folder / "order.avsc").write_text(json.dumps(SCHEMA))
    records = population(world)
    refused = {r.id for r in records if r.want == "rejected"}
    world.tiktok.on(fake_tiktok.refuse_ids(refused, with_index=True))
    config = world.config(
        workers=2,
        schemas={"directory": "theirs", "ids": ..., "reader": "nl.winkel.orders.v2.OrderMessage"},
        event={"type": "meta.kind", "id": "meta.uuid", "time": "meta.occurred_at", "value": "amount", "currency": "valuta"},
        destinations={
            "tiktok": {"map": MAP, "batch": {"events": 1000},
                       "events": {"ORDER_PAID": "Purchase", "BASKET_ADD": "AddToCart", "PAGE_SEEN": "ViewContent"}},
            "utm": {"utm": {"landing_page": "landing", "source": "landing?utm_source"}},
        },
        routes=[
            {"name": "no-consent", "match": {"customer.agreed.ads": False}, "drop": "no_consent"},
            {"name": "big", "match": {"amount": "> 9000"}, "legs": [["utm"]]},
            {"name": "shop", "match": {"event": ["ORDER_PAID", "BASKET_ADD", "PAGE_SEEN"]}, "legs": [["tiktok", "utm"]]},
        ])
    config["schemas"]["ids"] = {42: "order.avsc"}
    check = world.detour(config).check()
    assert check.returncode == 0, check.stdout + check.stderr
    world.produce(records)
    run = world.runs[0].start()
    world.wait_settled(180)
    world.settle_account(records)
    assert run.metric("detour_dropped_total") == sum(r.want == "dropped" for r in records)
    check_items(world, records)
    run.stop()
    run.start().wait_ready()
    tail = world.produce([Record(events.confluent(42, events.Encoder(SCHEMA)(order(99999, random.Random(1), world.name))),
                                 id=f"{world.name}-99999")])
    world.wait_settled()
    world.settle_account(records + tail)


def check_items(world, records):
    """What arrived is what was meant, field by field, recomputed from the source values."""
    encode = events.Encoder(SCHEMA)
    names = {"ORDER_PAID": "Purchase", "BASKET_ADD": "AddToCart", "PAGE_SEEN": "ViewContent"}
    for record in records:
        if record.want != "tiktok":
            continue
        value = encode.read(record.value[5:])
        item = world.tiktok.items[record.id]
        assert item["event"] == names[value["meta"]["kind"]]
        when = datetime.datetime.fromisoformat(value["meta"]["occurred_at"])
        assert item["event_time"] == int(when.timestamp())
        assert item["properties"]["value"] == float(value["amount"])
        assert item["properties"]["currency"] == "EUR"
        assert item["properties"]["contents"] == [
            {"content_id": str(line["article"]), "content_name": "fiets", "price": 12.5, "quantity": 2}
            for line in value["lines"]]
        assert item["page"]["url"] == value["landing"]
        if value["customer"]:
            email = item["user"]["email"]
            assert events.hashed(value["customer"]["mail"]) in (email if isinstance(email, list) else [email])
            outside = item["user"]["external_id"]
            assert events.hashed(str(value["customer"]["number"])) in (outside if isinstance(outside, list) else [outside])
        else:
            assert not {"email", "phone", "external_id"} & item.get("user", {}).keys()
