"""UTM records, decoded by somebody else's decoder: what attribution needs, and the original event."""

import fake_tiktok
import events
from world import Record, utm_value


def divert(world, values, config=None):
    """Run @values past a TikTok that is down; the UTM notes by event id."""
    world.create_all()
    encode = events.Encoder(events.CONVERSION)
    records = [Record(events.confluent(1, encode(v)), key=b"k-%d" % i, headers=[("trace", b"t%d" % i)],
                      id=v["event_id"], want="utm") for i, v in enumerate(values)]
    world.produce(records)
    world.tiktok.on(fake_tiktok.code(50000))
    world.detour(config).start()
    world.wait_settled()
    world.settle_account(records)
    return records, {n.detour["event.id"]: n for n in world.notes("utm")}


def test_the_record_in_single_object_framing(world):
    value = events.conversion(f"{world.name}-1", now=1773223000.125)
    config = world.config(destinations={"tiktok": {"max_age": "3000d"}})
    (record,), notes = divert(world, [value], config)
    note = notes[value["event_id"]]
    assert note.message.key() == record.key
    assert note.message.timestamp()[1] >= record.timestamp and note.detour["source.timestamp"] == str(record.timestamp)
    assert note.headers == record.headers
    utm = utm_value(note.message, "single-object")
    when = utm.pop("event_time")
    assert (when if isinstance(when, int) else round(when.timestamp() * 1000)) == 1773223000125
    assert utm == {
        "event_id": value["event_id"],
        "event_type": value["event"],
        "value": 49.5,
        "currency": "EUR",
        "utm_source": "tiktok",
        "utm_medium": "cpc",
        "utm_campaign": None,  # __CAMPAIGN_NAME__ was never filled in
        "utm_term": None,
        "utm_content": "blue shoe",
        "utm_id": None,
        "landing_page": value["page"]["url"],
        "referrer": value["page"]["referrer"],
        "outage_id": None,
        "click_ids": {"ttclid": "E.C.P.url", "gclid": "G1"},
        "destination": "tiktok",
        "reason": "retries_exhausted",
        "original": record.value,
    }


def test_pages_of_all_kinds(world):
    cases = {
        "no page": (None, {}),
        "no query": ({"url": "https://shop.example/x", "referrer": None}, {}),
        "encoded": ({"url": "https://shop.example/?utm_source=a%26b&utm_medium=c+d&utm_id=%C3%A9", "referrer": None},
                    {"utm_source": "a&b", "utm_medium": "c d", "utm_id": "é"}),
        "fragment": ({"url": "https://shop.example/?utm_source=in#utm_medium=out", "referrer": None},
                     {"utm_source": "in"}),
        "empty": ({"url": "https://shop.example/?utm_source=&utm_medium&utm_term=t", "referrer": None},
                  {"utm_term": "t"}),
        "macros": ({"url": "https://shop.example/?utm_source=__PLACEMENT__&utm_campaign=__AID_NAME__&utm_term=x",
                    "referrer": None}, {"utm_term": "x"}),
    }
    values = [events.conversion(f"{world.name}-{n.replace(' ', '-')}", page=page) for n, (page, _) in cases.items()]
    _, notes = divert(world, values)
    names = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id")
    for value, (name, (_, want)) in zip(values, cases.items()):
        utm = utm_value(notes[value["event_id"]].message, "single-object")
        assert {n: utm[n] for n in names if utm[n] is not None} == want, name


def test_other_sources_of_its_fields(world):
    value = events.conversion(f"{world.name}-1", context={"campaign": "spring", "page": "https://l.example/?utm_source=l"})
    config = world.config(destinations={"utm": {"utm": {
        "campaign": "context.campaign", "landing_page": "context.page", "source": "page.url?utm_source"}}})
    _, notes = divert(world, [value], config)
    utm = utm_value(notes[value["event_id"]].message, "single-object")
    assert (utm["utm_campaign"], utm["landing_page"], utm["utm_source"]) == (
        "spring", "https://l.example/?utm_source=l", "tiktok")


def test_framed_and_registered_where_there_is_a_registry(registry_world):
    world = registry_world
    world.create_all()
    number = world.register(f"{world.topics['source']}-value", events.CONVERSION)
    records = world.conversions(40, schema_id=number)
    for record in records:
        record.want = "utm"
    world.produce(records)
    world.tiktok.on(fake_tiktok.code(50000))
    world.detour(world.config(schemas={"ids": ..., "registry": {"url": world.registry.url}})).start()
    world.wait_settled()
    world.settle_account(records)
    registered = world.registered(f"{world.topics['utm']}-value")
    by_place = {r.place: r for r in records}
    for note in world.notes("utm"):
        utm = utm_value(note.message, "confluent", registered["id"])
        assert utm["original"] == by_place[note.place].value
        assert utm["event_id"] == by_place[note.place].id
