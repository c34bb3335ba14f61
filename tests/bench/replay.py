"""How fast `detour replay` is where the destination allows it: dead letters per second and CPU of each.

    tests/.venv/bin/python tests/bench/replay.py [EVENTS]

Generated events (the shipped schema, Confluent framing) stand in the dead-letter topic of a real Kafka with the headers
that detour writes, and are replayed into a sink that reads each request and answers code 0; the sink and the broker are
other processes. The gentle start (10 s) is not counted: what is told is the speed behind it.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import whole
from whole import ROOT, cpu_seconds, peak_rss_mb, start_sink

sys.path.insert(0, str(ROOT / "tests" / "integration"))

import confluent_kafka  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from detour import BINARY, Detour, base_config  # noqa: E402
from services import Kafka  # noqa: E402

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
GENTLE_S = 11
PARTITIONS = 4


def bury(brokers, count):
    """Each event of the source topic as a dead letter of detour's."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "bury", "auto.offset.reset": "earliest",
                                         "enable.auto.commit": False})
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers, "linger.ms": 50, "compression.type": "lz4",
                                         "queue.buffering.max.messages": 200_000})
    consumer.subscribe(["bench"])
    seen = 0
    while seen < count:
        for message in consumer.consume(1000, 5):
            told = {"reason": "retries_exhausted", "destination": "tiktok", "route": "all", "leg": "tiktok",
                    "event.id": f"e-{seen}", "event.type": "Purchase", "outcome": "never_sent", "attempts": 3,
                    "source.topic": "bench", "source.partition": message.partition(), "source.offset": message.offset(),
                    "source.timestamp": message.timestamp()[1], "instance": "bench:1"}
            headers = [(f"detour.{k}", str(v).encode()) for k, v in told.items()]
            while True:
                try:
                    producer.produce("bench.dead", value=message.value(), key=message.key(), partition=seen % PARTITIONS,
                                     headers=headers)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
            seen += 1
    producer.flush()
    consumer.close()


def measure(detour, sink):
    """Settled events and CPU from the end of the gentle start to the last request."""
    child = subprocess.Popen([BINARY, "replay", "-c", detour.file, "--from", "bench.dead", "--all", "--yes", "--json"],
                             cwd=detour.directory, stdout=subprocess.PIPE)
    while sink.events == 0:
        time.sleep(0.05)
    time.sleep(GENTLE_S)
    began, events, cpu = time.monotonic(), sink.events, cpu_seconds(child.pid)
    rss = 0
    while child.poll() is None and sink.events < EVENTS:
        ended, last, used, rss = time.monotonic(), sink.events, cpu_seconds(child.pid), max(rss, peak_rss_mb(child.pid))
        time.sleep(0.1)
    out, _ = child.communicate()
    return json.loads(out), (last - events) / (ended - began), (used - cpu) / (last - events) * 1e6, rss


class CountingSink(whole.Sink):
    def do_POST(self):
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.events += self.body.count(b'"event_id"')
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)


def main():
    with tempfile.TemporaryDirectory(prefix="detour-bench-") as name:
        directory = pathlib.Path(name)
        kafka = Kafka(directory)
        kafka.start()
        whole.Sink = CountingSink
        sink = start_sink()
        sink.events = 0
        topics = {"source": "bench", "utm": "bench.utm", "dead": "bench.dead"}
        admin = AdminClient({"bootstrap.servers": kafka.brokers})
        for future in admin.create_topics([NewTopic(t, PARTITIONS, 1, config={"compression.type": "lz4"})
                                           for t in topics.values()]).values():
            future.result()
        config = base_config(directory, kafka, sink, topics, "bench")
        config["destinations"]["tiktok"].update(batch={"events": 1000, "linger": "50ms"}, rate={"requests": "4000/s", "burst": 4000})
        config["destinations"]["tiktok"]["timeout"] = {"connect": "2s", "first_byte": "20s", "total": "30s"}
        config["ledger"] = {"topic": "bench.ledger"}
        detour = Detour(directory, config)
        try:
            detour.command("generate", "-c", detour.file, "--count", EVENTS, "--rate", 0, "--seed", 1, "--json", timeout=600)
            bury(kafka.brokers, EVENTS)
            done, rate, cpu, rss = measure(detour, sink)
            print(f"replayed {done['delivered']} of {EVENTS} dead letters ({done['state']}); behind the gentle start "
                  f"{rate:.0f} events/s, {cpu:.2f} us of CPU each; peak rss {rss:.0f} MB")
        finally:
            detour.end()
            kafka.stop()


if __name__ == "__main__":
    main()
