"""What a conversion carries to TikTok, by the configuration that somebody new writes."""

import json
import pathlib
import re
import time

import events
from world import Record, utm_any

ROOT = pathlib.Path(__file__).resolve().parents[2]
ORDER = json.loads((pathlib.Path(__file__).parent / "data" / "readme_order.avsc").read_text())


def readme_text(world):
    """The README's first configuration, with this world's addresses in it and not a word else."""
    (text,) = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    folder = world.directory / "schemas"
    folder.mkdir(exist_ok=True)
    (folder / "order.avsc").write_text(json.dumps(ORDER))
    base = world.config()
    replaced = {
        "brokers: broker-1:9092": f"brokers: {base['kafka']['brokers']}",
        "group: detour": f"group: {world.group}",
        "topics: [conversions]": f"topics: [{world.topics['source']}]",
        "registry: {url: http://registry:8081}": "ids: {1: order.avsc}",
        "    type: tiktok\n": f"    type: tiktok\n    url: {base['destinations']['tiktok']['url']}\n    allow_private: true\n",
        "{file: /run/secrets/tiktok}": "{file: token}",
        "topic: conversions.utm": f"topic: {world.topics['utm']}",
        "topic: conversions.dead-letter": f"topic: {world.topics['dead']}",
        "dead_letter: dead-letter\n": f"dead_letter: dead-letter\nledger: {{topic: {world.name}.ledger}}\nadmin: off\n",
    }
    for old, new in replaced.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def order(world, number, **changes):
    return {"kind": "ORDER_PLACED", "order_id": f"{world.name}-{number}", "placed_at": int(time.time() * 1000), "total": 59.9,
            "currency": "EUR", "customer": {"mail": "someone@example.com", "consent": True},
            "landing_page": f"https://shop.example/?ttclid=E.C.P.{number}",
            "lines": [{"sku": "S-1", "price": 59.9, "pieces": 1}], **changes}


def test_an_unknown_consent_is_not_sent_by_the_shipped_rule(world):
    """The rule of routes/detour.yaml, word for word: only a clear yes goes out."""
    (rule,) = re.findall(r'match: \{consent\.ads: "?(.*?)"?\}', (ROOT / "routes" / "detour.yaml").read_text())
    world.create_all()
    said = [{"ads": True}, {"ads": False}, None]
    records = [r for i, consent in enumerate(said) for r in world.conversions(20, prefix=f"c{i}", consent=consent)]
    for record in records[20:]:
        record.want = "dropped"
    world.produce(records)
    config = world.config(routes=[{"name": "no", "match": {"consent.ads": rule}, "drop": "no_consent"},
                                  {"name": "all", "match": {}, "legs": [["tiktok", "utm"]]}])
    run = world.detour(config)
    assert " drops nothing where " not in run.check().stdout
    run.start()
    world.wait_settled()
    world.settle_account(records)
    assert len(world.tiktok.items) == 20 and run.metric("detour_dropped_total") == 40
    loose = dict(config, routes=[{"name": "no", "match": {"consent.ads": False}, "drop": "no_consent"}, config["routes"][1]])
    assert 'write \'consent.ads: "!= true"\'' in world.detour(loose, "loose").check().stdout


def produce(world, schema, values):
    encode = events.Encoder(schema)
    return world.produce([Record(events.confluent(1, encode(v)), id=v.get("order_id")) for v in values])


def test_a_purchase_by_the_first_configuration_of_the_readme_has_its_worth(world):
    world.create_all()
    records = produce(world, ORDER, [order(world, 1), order(world, 2, kind="BASKET_ADD", total=5.0, currency="SEK")])
    run = world.detour(readme_text(world))
    checked = run.check()
    assert checked.returncode == 0 and ": warning: " not in checked.stdout, checked.stdout
    for line in ("user.email <- customer.mail", "properties.value <- total", "user.ttclid <- landing_page?ttclid"):
        assert f"\n  {line}\n" in checked.stdout, checked.stdout
    assert run.check("--strict", "--no-secrets").returncode == 0
    run.start()
    world.wait_settled()
    world.settle_account(records)
    purchase, basket = (world.tiktok.items[r.id] for r in records)
    assert (purchase["event"], purchase["properties"]["value"], purchase["properties"]["currency"]) == ("Purchase", 59.9, "EUR")
    assert (basket["event"], basket["properties"]["value"], basket["properties"]["currency"]) == ("AddToCart", 5, "SEK")
    assert purchase["user"]["ttclid"] == "E.C.P.1"


ABSENT = ["__CLICKID__", "null", "undefined", "(null)", "{{ttclid}}", "N/A", "%7B%7Bttclid%7D%7D", "${TTCLID}", "None", " "]


def test_a_missing_value_written_out_is_missing_everywhere(world):
    """TikTok, an http body and the UTM record; and an id that is none makes no two events one."""
    world.create_all(partitions=1)
    values = []
    for number, word in enumerate(ABSENT):
        value = events.conversion(word, "Signed Up" if number % 2 else "Purchase")
        value["user"].update(ttclid="E.C.P.real" if number < 5 else word, ttp=word, user_agent=word, ip=word)
        value["page"] = {"url": f"https://shop.example/?ttclid={word}&utm_source={word}&utm_source=tt", "referrer": word}
        values.append(value)
    encode = events.Encoder(events.CONVERSION)
    records = world.produce([Record(events.confluent(1, encode(v)), want="utm" if v["event"] == "Signed Up" else "tiktok")
                             for v in values])
    config = world.config(routes=[{"name": "away", "match": {"event": "Signed Up"}, "legs": [["utm"]]},
                                  {"name": "all", "match": {}, "legs": [["tiktok", "utm"]]}])
    world.detour(config).start()
    world.wait_settled()
    items = [e for request in world.tiktok.requests for e in request.events]
    assert len({item["event_id"] for item in items}) == len(items) == 5, "each event has an id of its own"
    for item in items:
        assert not {"ttp", "user_agent", "ip"} & item["user"].keys(), item["user"]
        assert "referrer" not in item["page"]
    assert sum(item["user"].get("ttclid") == "E.C.P.real" for item in items) == 3
    assert sum("ttclid" in item["user"] for item in items) == 3
    for message in world.read("utm"):
        record = utm_any(message)
        assert record["utm_source"] == "tt" and record["referrer"] is None, record
        assert record["click_ids"] in ({}, {"ttclid": "E.C.P.real"}), record
    assert len(world.read("utm")) == len([r for r in records if r.want == "utm"])
