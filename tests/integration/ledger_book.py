"""Invented records of the ledger, written into a real Kafka (docs/ledger.md)."""

import json
import time

from confluent_kafka import Consumer, TopicPartition


def iso(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".000Z"


class Ledger:
    def __init__(self, world, partitions=1, create=True):
        self.world = world
        self.topic = f"{world.name}.ledger"
        self.written = []
        if create:
            world.create(self.topic, partitions=partitions)

    def write(self, key, record):
        self.world.producer.produce(self.topic, key=key.encode(), value=json.dumps(record).encode())
        assert self.world.producer.flush(20) == 0
        self.written.append(record)

    def head(self, kind, at=None, group=None):
        return {"v": 1, "kind": kind, "at": iso(at or time.time()), "instance": "host-7", "group": group or self.world.group}

    def tally(self, session, start, end, *, partition=0, topic=None, at=None, group=None, begin=None, first=False,
              legs=None, ahead=(), **events):
        """@events: delivered=9, diverted=1. Each has one leg of 1.50 EUR, unless @legs says more. @begin: it is the
        first of its session, which began there."""
        topic = topic or self.world.topics["source"]
        record = self.head("tally", at, group) | {
            "session": session, "topic": topic, "partition": partition, "from": start, "to": end,
            "events": events, "legs": self.legs(events) if legs is None else legs, "ahead": list(ahead)}
        if begin is not None:
            record["start"] = {"offset": begin, "settled": []} | ({"first": True} if first else {})
        self.write(f"tally/{record['group']}/{topic}/{partition}", record)

    def legs(self, events):
        more = {"delivered": {}, "dropped": {"reason": "no_consent"},
                "skipped": {"reason": "too_old", "outage": "20261130T140158-7f3a"},
                "diverted": {"to": "utm", "reason": "outage", "outage": "20261130T140158-7f3a", "event": "Purchase"},
                "dead_lettered": {"reason": "rejected", "event": "Purchase"}}
        return [{"route": "all", "leg": "tiktok", "fate": fate, "count": count,
                 "value": {"EUR": f"{count * 1.5:.2f}"}} | more[fate] for fate, count in events.items()]

    def commit(self, offset, *, partition=0, topic=None, group=None, metadata=""):
        consumer = Consumer({"bootstrap.servers": self.world.kafka.brokers, "group.id": group or self.world.group,
                             "enable.auto.commit": False, "log_level": 0})
        place = TopicPartition(topic or self.world.topics["source"], partition, offset, metadata)
        done = consumer.commit(offsets=[place], asynchronous=False)
        assert done[0].error is None
        consumer.close()
