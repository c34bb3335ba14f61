"""The whole way on a real Kafka: CPU of the processor per event, from topic to sink.

    tests/.venv/bin/python tests/bench/whole.py [EVENTS]

A backlog of generated events (the shipped schema, Confluent framing, lz4) is worked off by one worker
into a sink that reads each request and answers code 0; the sink and the broker are other processes and
not counted. Prints user and system CPU of `detour run` per event, wall events/s and peak RSS; the
baseline in the same run is a plain consumer of the same topic by librdkafka (what fetching alone costs).
LEDGER=off measures it without a ledger.
"""

import json
import os
import pathlib
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

import confluent_kafka  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from detour import Detour, Plain, base_config  # noqa: E402
from services import Kafka, wait_for  # noqa: E402

EVENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer = json.dumps({"code": 0, "message": "OK", "request_id": "x", "data": {}}).encode()

    def do_POST(self):
        left = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_):
        pass


def start_sink():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    return server


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_rss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0


def plain_consumer(brokers, topic, count):
    """CPU of this process for fetching everything and looking at nothing."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": "bench-plain",
                                         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([topic])
    began = time.process_time()
    seen = 0
    while seen < count:
        seen += len(consumer.consume(10000, 5))
    used = time.process_time() - began
    consumer.close()
    return used


def main():
    with tempfile.TemporaryDirectory(prefix="detour-bench-") as name:
        directory = pathlib.Path(name)
        kafka = Kafka(directory)
        kafka.start()
        sink = start_sink()
        topics = {"source": "bench", "utm": "bench.utm", "dead": "bench.dead"}
        admin = AdminClient({"bootstrap.servers": kafka.brokers})
        for future in admin.create_topics([NewTopic(t, 4, 1, config={"compression.type": "lz4"})
                                           for t in topics.values()]).values():
            future.result()
        config = base_config(directory, kafka, sink, topics, "bench")
        config["destinations"]["tiktok"].update(batch={"events": 1000, "linger": "50ms"})
        config["destinations"]["tiktok"]["timeout"] = {"connect": "2s", "first_byte": "20s", "total": "30s"}
        if os.environ.get("LEDGER") == "off":
            config["ledger"] = Plain("off")
        detour = Detour(directory, config)
        try:
            made = detour.command("generate", "-c", detour.file, "--count", EVENTS, "--rate", 0, "--seed", 1, "--json",
                                  timeout=600)
            size = json.loads(made.stdout)["bytes"] / EVENTS
            detour.start()
            wait_for(lambda: detour.metric("detour_events_consumed_total") > 0, 60, "the first event")
            began = time.monotonic()
            wait_for(lambda: detour.metric("detour_deliveries_total", destination="tiktok", verdict="delivered") >= EVENTS, 600, detour.tail,
                     every=0.1)
            wall = time.monotonic() - began
            used = cpu_seconds(detour.child.pid)
            rss = peak_rss_mb(detour.child.pid)
            detour.stop()
            plain = plain_consumer(kafka.brokers, "bench", EVENTS)
            print(f"events {EVENTS}, {size:.0f} B each; cpu {used / EVENTS * 1e6:.2f} us/event "
                  f"(plain consumer {plain / EVENTS * 1e6:.2f}, ratio {used / plain:.2f}); "
                  f"wall {EVENTS / wall:.0f} events/s; peak rss {rss:.0f} MB")
        finally:
            detour.end()
            kafka.stop()


if __name__ == "__main__":
    main()
