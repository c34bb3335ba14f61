"""The whole way on real services: each framing, what TikTok receives, that every event ends once."""

import json

import events
from events import CANARIES, conversion, hashed
from world import Record


def test_every_event_arrives_once(world):
    world.create_all()
    records = world.produce(world.conversions(3000))
    world.detour().start()
    world.wait_settled()
    world.settle_account(records)
    types = [{e["event"] for e in r.events} for r in world.tiktok.requests]
    assert all(len(t) == 1 for t in types), "a request carries one event type"
    assert all(r.body["event_source_id"] == "CTESTPIXEL" for r in world.tiktok.requests)


def test_tiktok_receives_what_the_reference_says(world):
    world.create_all()
    value = conversion(f"{world.name}-1", now=1773223000.25)
    payload = events.confluent(1, events.Encoder(events.CONVERSION)(value))
    world.produce([Record(payload, id=value["event_id"])])
    config = world.config(destinations={"tiktok": {"max_age": "3000d", "test_event_code": "TEST123",
                                                   "events": {"Purchase": "CompletePayment"}}})
    world.detour(config).start()
    world.wait_settled()
    (request,) = world.tiktok.requests
    assert request.token == "tok-canary-4f1d2a"
    assert request.headers["Content-Type"].startswith("application/json")
    assert "Accept-Encoding" not in request.headers and "Expect" not in request.headers
    body = request.body
    assert (body["event_source"], body["test_event_code"]) == ("web", "TEST123")
    (item,) = body["data"]
    assert item["event"] == "CompletePayment"
    assert item["event_time"] == 1773223000
    assert item["event_id"] == value["event_id"]
    user = item["user"]
    assert user["email"] in (hashed(CANARIES["email"]), [hashed(CANARIES["email"])])
    assert user["phone"] in (hashed(CANARIES["phone"]), [hashed(CANARIES["phone"])])
    assert user["external_id"] in (hashed(CANARIES["external_id"]), [hashed(CANARIES["external_id"])])
    assert user["ttclid"] == "E.C.P.url", "the landing page's click id comes first"
    assert user["ip"] == "203.0.113.7" and user["user_agent"] == "Mozilla/5.0 (test)"
    assert item["properties"]["value"] == 49.5 and item["properties"]["currency"] == "EUR"
    assert item["properties"]["contents"][0]["content_id"] == "SKU-1"
    assert item["properties"]["contents"][0]["price"] == 24.75
    assert item["page"]["url"] == value["page"]["url"]


def test_missing_and_empty_fields_are_left_out(world):
    world.create_all()
    value = conversion(f"{world.name}-1", user=dict.fromkeys(("email", "phone"), ""), page=None,
                       properties={"value": None, "products": []}, consent=None)
    world.produce([Record(events.confluent(1, events.Encoder(events.CONVERSION)(value)), id=value["event_id"])])
    world.detour().start()
    world.wait_settled()
    text = json.dumps(world.tiktok.requests[0].body)
    assert "null" not in text and '""' not in text
    assert hashed("") not in text, "the hash of nothing"
    assert world.tiktok.accepted == {value["event_id"]: 1}


def test_an_event_without_id_gets_one_from_its_place(world):
    world.create_all(partitions=1)
    encode = events.Encoder(events.CONVERSION)
    records = [Record(events.confluent(1, encode(conversion(None)))) for _ in range(3)]
    world.produce(records)
    run = world.detour().start()
    world.wait_settled()
    run.stop()
    first = set(world.tiktok.accepted)
    assert len(first) == 3
    again = dict(world.config(), kafka=dict(world.config()["kafka"], group=world.group + "-again"))
    world.detour(again).start()
    world.wait_settled(group=world.group + "-again")
    assert set(world.tiktok.accepted) == first, "the same place gives the same id"
    assert set(world.tiktok.accepted.values()) == {2}


def test_single_object_framing(world):
    world.create_all()
    encode = events.Encoder(events.CONVERSION)
    values = events.conversions(200, world.name)
    records = [Record(events.single_object(events.CONVERSION, encode(v)), id=v["event_id"]) for v in values]
    stranger = dict(events.CONVERSION, name="Stranger")
    records.append(Record(events.single_object(stranger, encode(conversion("x"))), want="schema_unknown"))
    records.append(Record(encode(conversion("y")), want="decode_failed"))
    world.produce(records)
    config = world.config(schemas={"framing": "single-object", "ids": ...})
    world.detour(config).start()
    world.wait_settled()
    world.settle_account(records)


def test_raw_framing(world):
    world.create_all()
    encode = events.Encoder(events.CONVERSION)
    records = [Record(encode(v), id=v["event_id"]) for v in events.conversions(200, world.name)]
    records.append(Record(encode(conversion("cut"))[:-1], want="decode_failed"))
    records.append(Record(encode(conversion("long")) + b"\0", want="decode_failed"))
    world.produce(records)
    world.detour(world.config(schemas={"framing": "raw", "ids": ...})).start()
    world.wait_settled()
    world.settle_account(records)


def test_events_keep_arriving_while_it_runs(world):
    world.create_all()
    world.detour().start().wait_ready()
    records = []
    for part in range(5):
        records += world.produce(world.conversions(50, prefix=f"p{part}"))
        world.tiktok.wait_accepted(r.id for r in records)
    world.wait_settled()
    world.settle_account(records)


def test_two_workers_share_the_partitions(world):
    world.create_all(partitions=6)
    records = world.produce(world.conversions(2000))
    world.detour(world.config(workers=2)).start()
    world.wait_settled()
    world.settle_account(records)


def test_metrics_add_up(world):
    world.create_all()
    good = world.conversions(300)
    bad = [Record(b"garbage", want="decode_failed") for _ in range(20)]
    world.produce(good + bad)
    run = world.detour().start()
    world.wait_settled()
    assert run.metric("detour_events_consumed_total") == 320
    assert run.metric("detour_deliveries_total", destination="tiktok", verdict="delivered") == 300
    assert run.metric("detour_dead_letters_total", reason="decode_failed") == 20
    assert run.metric("detour_in_flight_events") == 0
    assert run.get("/livez")[0] == 200 and run.get("/readyz")[0] == 200
