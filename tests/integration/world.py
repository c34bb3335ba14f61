"""What one test has: topics of its own, a fake TikTok, detour, and the account of every event."""

import collections
import dataclasses
import io
import json
import re
import time
import urllib.request
import uuid

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import events
from detour import Detour, base_config, merge
from services import wait_for


# Of a topic just made: its broker does not lead yet, or the client's metadata came from one that does not know it yet.
NOT_YET = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART,
           KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC)


@dataclasses.dataclass
class Record:
    """One produced record, and afterwards where it stands in its topic."""

    value: bytes
    key: bytes = None
    headers: list = dataclasses.field(default_factory=list)
    id: str = None  # the event id, when it has one
    want: str = "tiktok"  # tiktok, utm, a reason of a dead letter, or dropped
    partition: int = -1  # -1: the producer chooses
    timestamp: int = 0
    offset: int = None

    @property
    def place(self):
        return self.partition, self.offset


@dataclasses.dataclass
class Note:
    """A record of a Kafka destination, with detour's headers apart from the original ones."""

    message: object
    headers: list
    detour: dict

    @property
    def place(self):
        """Where it came from; None for a record whose first destination this topic is: it has no detour headers."""
        if not self.detour:
            return None
        return int(self.detour["source.partition"]), int(self.detour["source.offset"])

    @property
    def reason(self):
        return self.detour["reason"]


def watermarks(consumer, partition):
    """Low and high of a partition; a broker that has just made it may not know yet that it leads it."""

    def ask():
        try:
            return consumer.get_watermark_offsets(partition, timeout=10)
        except KafkaException as error:
            if not error.args[0].retriable() and error.args[0].code() not in NOT_YET:
                raise
            return None

    return wait_for(ask, 30, f"watermarks of {partition}")


def note_of(message):
    headers = message.headers() or []
    ours = [(k, v) for k, v in headers if k.startswith("detour.")]
    names = [k for k, _ in ours]
    assert len(names) == len(set(names)), f"a detour header twice: {names}"
    others = [(k, v) for k, v in headers if not k.startswith("detour.")]
    return Note(message, others, {k.removeprefix("detour."): v.decode("utf-8") for k, v in ours})


class World:
    def __init__(self, directory, kafka, registry, tiktok):
        self.directory = directory
        self.kafka = kafka
        self.registry = registry
        self.tiktok = tiktok
        self.name = "t" + uuid.uuid4().hex[:8]
        self.group = f"{self.name}-group"
        self.admin = AdminClient({"bootstrap.servers": kafka.brokers, "log_level": 0})
        self.renew_producer()
        self.topics = {n: f"{self.name}.{n}" for n in ("source", "utm", "dead")}
        self.runs = []
        self.askers = {}

    # Topics

    def create(self, *names, partitions=3, replicas=1, **settings):
        config = {k.replace("_", "."): str(v) for k, v in settings.items()}
        wanted = [NewTopic(self.topics.get(n, n), num_partitions=partitions, replication_factor=replicas, config=config)
                  for n in names]
        for future in self.admin.create_topics(wanted).values():
            future.result(20)
        known = {t.topic for t in wanted}
        wait_for(lambda: all(self.has_leaders(t, partitions) for t in known), 20, f"topics {known} have leaders")
        asking = self.asking(self.group)
        for topic in known:  # the metadata may be ahead of the broker itself: it answers only when it leads
            for partition in range(partitions):
                watermarks(asking, TopicPartition(topic, partition))

    def has_leaders(self, topic, partitions):
        found = self.admin.list_topics(topic, timeout=5).topics[topic].partitions
        return len(found) == partitions and all(p.leader >= 0 for p in found.values())

    def create_all(self, partitions=3):
        self.create("source", "utm", "dead", partitions=partitions)
        return self

    # Records

    def renew_producer(self):
        """A new one knows the topics as they are now."""
        self.producer = Producer({"bootstrap.servers": self.kafka.brokers, "linger.ms": 5, "log_level": 0,
                                  "message.max.bytes": 8_000_000, "enable.idempotence": True})

    def produce(self, records, topic=None, pause=0, find=True):
        """Produce and wait for the broker's word; each record then knows its partition and offset. Without @find those
        stay without a place of which the library does not say it."""
        topic = topic or self.topics["source"]
        errors = []

        def reported(record):
            def report(error, message):
                if error is not None:
                    errors.append(error)
                else:
                    record.partition, record.offset = message.partition(), message.offset()
                    record.timestamp = message.timestamp()[1]

            return report

        for record in records:
            more = {"partition": record.partition} if record.partition >= 0 else {}
            if record.timestamp:
                more["timestamp"] = record.timestamp
            while True:
                try:
                    self.producer.produce(topic, record.value, record.key, headers=record.headers,
                                          on_delivery=reported(record), **more)
                    break
                except BufferError:
                    self.producer.poll(0.1)
            self.producer.poll(0)
            if pause:
                time.sleep(pause)
        left = self.producer.flush(60)
        assert left == 0, f"{left} of {len(records)} records have no delivery report after 60 s"
        assert not errors, f"{len(errors)} of {len(records)} records were not produced, such as {errors[:3]}"
        if find:
            self.find_places([r for r in records if r.offset is None], topic)
        return records

    def find_places(self, records, topic):
        """The producer's library may report success without an offset. Where the broker has the record, take its
        place from there; where it has not, it never acknowledged anything, and the record is produced again."""
        if not records:
            return
        places = {(m.key(), m.value()): (m.partition(), m.offset()) for m in self.read(topic)}
        for record in records:
            place = places.get((record.key, record.value))
            if place:
                record.partition, record.offset = place
            else:
                self.produce([record], topic)

    def conversions(self, count, prefix="e", schema_id=1, **changes):
        """Records of schemas/conversion_event.avsc in Confluent framing."""
        encode = events.Encoder(events.CONVERSION)
        return [
            Record(events.confluent(schema_id, encode(dict(v, **changes))), key=v["event_id"].encode(), id=v["event_id"])
            for v in events.conversions(count, f"{self.name}-{prefix}")
        ]

    def read(self, topic):
        """Everything in a topic, up to its end now."""
        topic = self.topics.get(topic, topic)
        consumer = Consumer({"bootstrap.servers": self.kafka.brokers, "group.id": f"reader-{uuid.uuid4().hex}",
                             "enable.auto.commit": False, "log_level": 0, "fetch.message.max.bytes": 8_000_000,
                             "enable.partition.eof": False})
        try:
            ends = self.ends(topic, consumer)
            wanted = {p: high for p, (low, high) in ends.items() if high > low}
            consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in wanted])
            out = []
            deadline = time.monotonic() + 60
            while wanted:
                assert time.monotonic() < deadline, f"{topic} not read within 60 s"
                for message in consumer.consume(5000, 0.5):
                    assert message.error() is None, message.error()
                    out.append(message)
                positions = {p.partition: p.offset for p in consumer.position(
                    [TopicPartition(topic, p) for p in wanted])}
                wanted = {p: high for p, high in wanted.items() if positions[p] < high}
            return out
        finally:
            consumer.close()

    def ends(self, topic, consumer=None):
        own = consumer or self.asking(self.group)
        partitions = own.list_topics(topic, timeout=10).topics[topic].partitions
        return {p: watermarks(own, TopicPartition(topic, p)) for p in partitions}

    def notes(self, topic):
        return [note_of(m) for m in self.read(topic)]

    def wait_notes(self, topic, count, timeout=60):
        """The records of a Kafka destination once there are @count of them."""

        def total():
            return sum(high for _, high in self.ends(self.topics.get(topic, topic)).values())

        wait_for(lambda: total() >= count, timeout, lambda: f"{count} records in {topic}; there are {total()}\n{self.tails()}", 0.2)
        return self.notes(topic)

    # Offsets

    def committed(self, group=None, topic=None):
        """Committed offset of each partition; partitions without one are left out."""
        topic = topic or self.topics["source"]
        wanted = [TopicPartition(topic, p) for p in self.ends(topic)]
        try:
            found = self.asking(group or self.group).committed(wanted, timeout=20)
        except KafkaException:  # no coordinator yet, so nothing was ever committed, or the broker is away
            return {}
        return {p.partition: p.offset for p in found if p.offset >= 0}

    def asking(self, group):
        """A consumer that never joins @group and only asks for its offsets. (The admin client's own call for that
        crashes in librdkafka 2.11 when the coordinator is not there yet.)"""
        if group not in self.askers:
            self.askers[group] = Consumer({"bootstrap.servers": self.kafka.brokers, "group.id": group, "log_level": 0,
                                           "enable.auto.commit": False})
        return self.askers[group]

    def wait_settled(self, timeout=90, group=None, topic=None):
        """Until the group has committed the end of every partition that has records."""
        topic = topic or self.topics["source"]
        ends = {p: high for p, (low, high) in self.ends(topic).items() if high > low}

        def is_done():
            for run in self.runs:
                if run.child and run.child.poll() not in (None, 0, -9):
                    run.must_live()
            now = self.committed(group, topic)
            return all(now.get(p, -1) >= high for p, high in ends.items())

        wait_for(is_done, timeout, lambda: f"committed {self.committed(group, topic)} of {ends}\n{self.tails()}", 0.2)

    def tails(self):
        return "\n".join(f"{run.log_file.name} ends:\n{run.tail()}" for run in self.runs)

    # detour

    def config(self, **changes):
        return merge(base_config(self.directory, self.kafka, self.tiktok, self.topics, self.group), changes)

    def detour(self, config=None, name=None, environment=None):
        directory = self.directory
        run = Detour(directory, config or self.config(), environment)
        if name:
            run.file = directory / f"{name}.yaml"
            run.log_file = directory / f"{name}.log"
            run.write(run.config)
        self.runs.append(run)
        return run

    def end(self):
        for run in self.runs:
            run.end()
        for consumer in self.askers.values():
            consumer.close()

    # The registry

    def register(self, subject, schema, references=(), registry=None):
        """Register a schema; its id."""
        body = {"schema": json.dumps(schema), "schemaType": "AVRO"}
        if references:
            body["references"] = [dict(zip(("name", "subject", "version"), r)) for r in references]
        request = urllib.request.Request(
            f"{(registry or self.registry).url}/subjects/{subject}/versions", json.dumps(body).encode(),
            {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.load(reply)["id"]

    def registered(self, subject):
        with urllib.request.urlopen(f"{self.registry.url}/subjects/{subject}/versions/latest", timeout=20) as reply:
            return json.load(reply)

    # The account

    def settle_account(self, records, duplicates=0, tolerant=False):
        """Every record is where it belongs, once, and nothing else is anywhere."""
        by_place = {r.place: r for r in records}
        assert len(by_place) == len(records), "the test produced a place twice"
        found = collections.defaultdict(list)
        ids = {r.id: r.place for r in records if r.id is not None}
        for topic in ("utm", "dead"):
            for note in self.notes(topic):
                if note.place is None:
                    assert topic == "utm", "a dead letter without its headers"
                    found[ids[utm_any(note.message)["event_id"]]].append(topic)
                    continue
                assert note.detour["source.topic"] == self.topics["source"]
                found[note.place].append(topic if topic == "utm" else note.reason)
        with self.tiktok.lock:
            accepted = dict(self.tiktok.accepted)
        for name, count in accepted.items():
            if name not in ids:
                match = re.fullmatch(r".*?(\d+)-(\d+)", name)
                assert match, f"TikTok has an event nobody produced: {name}"
                continue
            found[ids[name]] += ["tiktok"] * count
        strangers = found.keys() - by_place.keys()
        assert not strangers, f"records of no known place: {sorted(strangers)[:3]}"
        wrong = []
        extra = 0
        for place, record in by_place.items():
            want = [] if record.want == "dropped" else [record.want]
            have = found.get(place, [])
            if tolerant and have:
                extra += len(have) - 1
            elif have != want:
                if want and have and set(have) == set(want):
                    extra += len(have) - 1
                else:
                    wrong.append((place, record.id, record.want, have))
        assert not wrong, f"{len(wrong)} of {len(records)} are not where they belong, such as {wrong[:5]}\n{self.tails()}"
        assert extra <= duplicates, f"{extra} duplicates, at most {duplicates} are allowed"
        return extra


def utm_any(message):
    return utm_value(message, "confluent" if message.value()[0] == 0 else "single-object")


def utm_value(message, framing, schema_id=None):
    """Decode a UTM record by fastavro from detour's framing, checking the framing itself."""
    raw = message.value()
    if framing == "confluent":
        assert raw[0] == 0
        if schema_id is not None:
            assert int.from_bytes(raw[1:5], "big") == schema_id
        payload = raw[5:]
    else:
        assert raw[:10] == b"\xc3\x01" + events.fingerprint(events.UTM)
        payload = raw[10:]
    source = io.BytesIO(payload)
    value = fastavro.schemaless_reader(source, events.parsed(events.UTM), None)
    assert source.tell() == len(payload), "bytes behind the UTM record"
    return value
