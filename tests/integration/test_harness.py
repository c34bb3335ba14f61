"""The harness itself: what it measures with has to be right before anything is measured."""

import io
import json
import urllib.error
import urllib.request

import fastavro
import pytest
import yaml
from confluent_kafka import Consumer, Producer

import events
import fake_tiktok
from detour import merge
from detour import yaml as write_yaml
from fake_tiktok import PATH, TOKEN, FakeTikTok
from services import Gate
from world import Record, World


@pytest.fixture
def plain_world(tmp_path, kafka, registry, tiktok):
    return World(tmp_path, kafka, registry, tiktok)


def post(fake, items, token=TOKEN, timeout=5, **top):
    body = dict({"event_source": "web", "event_source_id": "C1", "data": items}, **top)
    request = urllib.request.Request(fake.url + PATH, json.dumps(body).encode(),
                                     {"Access-Token": token, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as reply:
        return json.load(reply)


def item(name, **more):
    return dict({"event": "Purchase", "event_time": 1773223000, "event_id": name}, **more)


def test_records_come_back_from_kafka_with_their_places(plain_world):
    plain_world.create_all()
    records = plain_world.produce(plain_world.conversions(500))
    messages = plain_world.read("source")
    assert {(m.partition(), m.offset()): m.value() for m in messages} == {r.place: r.value for r in records}
    assert plain_world.committed() == {}


def test_commits_of_a_group_are_seen(plain_world):
    plain_world.create_all()
    plain_world.produce(plain_world.conversions(50))
    consumer = Consumer({"bootstrap.servers": plain_world.kafka.brokers, "group.id": plain_world.group,
                         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([plain_world.topics["source"]])
    seen = 0
    while seen < 50:
        seen += len(consumer.consume(50, 1))
    consumer.commit(asynchronous=False)
    plain_world.wait_settled(10)
    consumer.close()


def test_the_secure_listener_asks_for_tls_and_a_password(plain_world, kafka):
    plain_world.create("source")
    good = {"bootstrap.servers": kafka.secure_brokers, "security.protocol": "SASL_SSL", "log_level": 0,
            "ssl.ca.location": str(kafka.authority.ca), "sasl.mechanisms": "PLAIN",
            "sasl.username": kafka.USER, "sasl.password": kafka.PASSWORD}
    assert Producer(good).list_topics(timeout=10).brokers
    with pytest.raises(Exception):
        Producer(dict(good, **{"sasl.password": "wrong"})).list_topics(timeout=3)


def test_the_registry_keeps_schemas_and_references(plain_world):
    user = {"type": "record", "name": "Who", "namespace": plain_world.name, "fields": [{"name": "x", "type": "int"}]}
    order = {"type": "record", "name": "What", "namespace": plain_world.name,
             "fields": [{"name": "who", "type": f"{plain_world.name}.Who"}]}
    plain_world.register(f"{plain_world.name}-who", user)
    number = plain_world.register(f"{plain_world.name}-what", order,
                                  [(f"{plain_world.name}.Who", f"{plain_world.name}-who", 1)])
    with urllib.request.urlopen(f"{plain_world.registry.url}/schemas/ids/{number}", timeout=10) as reply:
        answer = json.load(reply)
    assert json.loads(answer["schema"])["name"] == "What"
    assert answer["references"][0]["subject"] == f"{plain_world.name}-who"
    with pytest.raises(urllib.error.HTTPError) as unknown:
        urllib.request.urlopen(f"{plain_world.registry.url}/schemas/ids/99999999", timeout=10)
    assert unknown.value.code == 404


def test_a_gate_shuts_and_opens(plain_world):
    gate = Gate(plain_world.registry.port)
    url = f"http://127.0.0.1:{gate.port}/apis/ccompat/v7/subjects"
    assert urllib.request.urlopen(url, timeout=5).status == 200
    gate.shut()
    with pytest.raises(OSError):
        urllib.request.urlopen(url, timeout=5)
    gate.open()
    assert urllib.request.urlopen(url, timeout=5).status == 200
    gate.shut()


def test_the_account_sees_loss_duplicates_and_strangers(plain_world):
    plain_world.create_all()
    first, second = plain_world.produce(plain_world.conversions(2))
    with pytest.raises(AssertionError, match="2 of 2 are not where they belong"):
        plain_world.settle_account([first, second])
    post(plain_world.tiktok, [item(first.id), item(second.id)])
    assert plain_world.settle_account([first, second]) == 0
    post(plain_world.tiktok, [item(first.id)])
    with pytest.raises(AssertionError, match="1 duplicates"):
        plain_world.settle_account([first, second])
    second.want = "rejected"
    with pytest.raises(AssertionError, match="not where they belong"):
        plain_world.settle_account([first, second], duplicates=9)
    post(plain_world.tiktok, [item("stranger")])
    with pytest.raises(AssertionError, match="nobody produced"):
        plain_world.settle_account([first, second], duplicates=9)


class TestFakeTikTok:
    def test_checks_in_the_order_of_the_service(self, tiktok):
        assert post(tiktok, [item("a")], token="")["code"] == 40104
        assert post(tiktok, [item("a")], token="Bearer " + TOKEN)["code"] == 40105
        assert post(tiktok, [item("a")], event_source="shop")["code"] == 40002
        assert post(tiktok, [item("a")], event_source_id=12)["code"] == 40002
        assert post(tiktok, [])["code"] == 40002
        assert post(tiktok, [item(str(i)) for i in range(1001)])["code"] == 40002
        assert post(tiktok, [item("a"), item(7)])["code"] == 40002
        assert post(tiktok, [item("a", user={"email": "plain@mail.example"})])["code"] == 40002
        assert post(tiktok, [item("a", event_time=1773223000123)])["code"] == 40002
        assert not tiktok.accepted
        assert post(tiktok, [item("a"), item("b")])["code"] == 0
        assert tiktok.accepted == {"a": 1, "b": 1}

    def test_rules_by_type_id_and_count(self, tiktok):
        tiktok.on(fake_tiktok.code(50000), event="Search", times=1)
        tiktok.on(fake_tiktok.code(40002), ids=["x"])
        assert post(tiktok, [item("a", event="Search")])["code"] == 50000
        assert post(tiktok, [item("a", event="Search")])["code"] == 0
        assert post(tiktok, [item("x"), item("b")])["code"] == 40002
        tiktok.heal()
        assert post(tiktok, [item("x"), item("b")])["code"] == 0

    def test_refusal_by_index_and_partial_success(self, tiktok):
        rule = tiktok.on(fake_tiktok.refuse_ids(["b"], with_index=True))
        assert post(tiktok, [item("a"), item("b")])["message"].startswith("Batch.1.")
        assert post(tiktok, [item("a")])["code"] == 0
        tiktok.off(rule)
        tiktok.on(fake_tiktok.partial(["b"]))
        answer = post(tiktok, [item("c"), item("b")])
        assert answer["code"] == 20001
        assert answer["data"]["failed_events"][0]["index"] == 1
        assert tiktok.accepted == {"a": 1, "c": 1}

    def test_broken_answers(self, tiktok):
        tiktok.on(fake_tiktok.html(502), times=1)
        with pytest.raises(urllib.error.HTTPError):
            post(tiktok, [item("a")])
        tiktok.on(fake_tiktok.reset(), times=1)
        with pytest.raises(OSError):
            post(tiktok, [item("a")])
        tiktok.on(fake_tiktok.hang(), times=1)
        with pytest.raises(OSError):
            post(tiktok, [item("a")], timeout=0.3)
        assert not tiktok.accepted
        tiktok.on(fake_tiktok.reset_after_accepting(), times=1)
        with pytest.raises(Exception):
            post(tiktok, [item("a")])
        assert tiktok.accepted == {"a": 1}


def test_two_fakes_do_not_share_anything():
    one, two = FakeTikTok(), FakeTikTok()
    post(one, [item("a")])
    assert not two.accepted
    one.stop()
    two.stop()


def test_events_are_avro():
    encode = events.Encoder(events.CONVERSION)
    payload = encode(events.conversion("e-1"))
    assert encode.read(payload)["event_id"] == "e-1"
    with pytest.raises(ValueError):
        encode.read(payload + b"\0")
    assert events.confluent(258, b"x") == b"\0\0\0\1\2x"


def test_the_fingerprint_is_the_one_of_the_specification():
    # https://avro.apache.org/docs/1.11.1/specification: the empty string and "null"
    assert events.fingerprint("null") == (0x63DD24E7CC258F8A).to_bytes(8, "little")
    schema = events.parsed(events.UTM)
    assert fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(schema), "CRC-64-AVRO") in (
        events.fingerprint(events.UTM).hex(), events.fingerprint(events.UTM)[::-1].hex())
    out = io.BytesIO(events.single_object(events.UTM, b""))
    assert out.read(2) == b"\xc3\x01"


def test_configurations_are_written_as_yaml():
    config = {"a": {"b": [1, "x y", True]}, "legs": [["t", "u"], ["v"]], "list": [{"k": None}], "e": {},
              "user.email": "=~ ^a", "deep": {"m": {"each": "p", "fields": {"id": "sku"}}}}
    assert yaml.safe_load(write_yaml(config)) == config
    assert merge({"a": {"b": 1, "c": 2}}, {"a": {"b": ..., "d": 3}}) == {"a": {"c": 2, "d": 3}}


def test_a_record_knows_its_place():
    assert Record(b"", partition=2, offset=7).place == (2, 7)
