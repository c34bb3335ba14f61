"""The ledger added up as docs/ledger.md says, offset by offset: slow, plain, and independent of our own reader."""

import collections
import decimal
import json


def parts_joined(records):
    """Tallies whose legs fill several records, as one."""
    open_parts = {}
    for record in records:
        if record["kind"] != "tally" or "part" not in record:
            yield record
            continue
        place = record["session"], record["from"], record["to"]
        if record["part"] == 0:
            open_parts[place] = record
            continue
        whole = open_parts[place]
        assert record["part"] == whole["part"] + 1, "a part is missing"
        whole["part"] = record["part"]
        whole["legs"] += record["legs"]
        runs = {(r["from"], r["to"]): r for r in whole.get("ahead", [])}
        for run in record.get("ahead", []):
            known = runs.get((run["from"], run["to"]))
            if known:
                known["legs"] += run["legs"]
            else:
                whole.setdefault("ahead", []).append(run)
        if record.get("last"):
            yield open_parts.pop(place)


class Partition:
    def __init__(self):
        self.cover = {}  # offset -> the counts it is part of
        self.pending = {}  # session -> its last tally
        self.tallies = collections.defaultdict(list)  # session -> all it wrote
        self.runs = {}  # session -> start.settled

    def count(self, offsets, counts):
        offsets = set(offsets)
        for old in {id(self.cover[o]): self.cover[o] for o in offsets if o in self.cover}.values():
            rest = {o for o, c in self.cover.items() if c is old} - offsets
            assert not rest, f"a stretch is cut: {sorted(rest)[:3]} of {old}"
        for offset in offsets:
            self.cover[offset] = counts

    def confirm(self, session):
        tally = self.pending.pop(session)
        spared = {o for a, b in self.runs[session] for o in range(a, b)}
        self.count(set(range(tally["from"], tally["to"])) - spared, tally)
        return tally

    def take(self, tally):
        session = tally["session"]
        if session not in self.runs:
            start = tally["start"]
            assert start["offset"] == tally["from"]
            self.runs[session] = start["settled"]
            self.begin(start["offset"], start["settled"])
        elif self.pending[session]["to"] == tally["from"] and tally["from"] != self.pending[session]["from"]:
            self.confirm(session)
        else:
            assert tally["from"] in (self.pending[session]["from"], self.pending[session]["to"])
        self.pending[session] = tally
        self.tallies[session].append(tally)

    def begin(self, offset, settled):
        """A session starts at @offset: what others wrote up to there is committed. Of those who wrote up to there
        several times, with other runs ahead each, the last commit is the newest whose runs are all there."""
        for session in list(self.pending):
            wrote = [t for t in self.tallies[session] if t["to"] == offset]
            kept = [t for t in wrote if all(self.is_in(run, settled) for run in t.get("ahead", []))]
            if self.pending[session]["to"] == offset:
                self.confirm(session)
            if kept:
                self.count_ahead(kept[-1], settled)

    @staticmethod
    def is_in(run, settled):
        return any(a <= run["from"] and run["to"] <= b for a, b in settled)

    def count_ahead(self, tally, settled):
        for run in tally.get("ahead", []):
            if self.is_in(run, settled):
                self.count(range(run["from"], run["to"]), run)

    def end(self, committed):
        for session in [s for s, t in self.pending.items() if t["to"] == committed]:
            self.count_ahead(self.confirm(session), [])

    def counted(self):
        return list({id(c): c for c in self.cover.values()}.values())


class Books:
    """Of one group."""

    def __init__(self, records, group, committed):
        """@records: of the ledger's topic, in order, decoded. @committed: partition -> offset."""
        self.partitions = collections.defaultdict(Partition)
        for record in parts_joined(records):
            assert record["v"] == 1
            if record["kind"] == "tally" and record["group"] == group:
                self.partitions[record["partition"]].take(record)
        for number, partition in self.partitions.items():
            partition.end(committed.get(number))
        self.counts = [c for p in self.partitions.values() for c in p.counted()]

    def events(self):
        total = collections.Counter()
        for counts in self.counts:
            total.update(counts["events"])
        return dict(total)

    def legs(self):
        """(route, leg, fate, to or reason) -> how many."""
        total = collections.Counter()
        for counts in self.counts:
            for leg in counts["legs"]:
                total[leg["route"], leg["leg"], leg["fate"], leg.get("to") or leg.get("reason")] += leg["count"]
        return dict(total)

    def values(self, fate):
        """currency -> sum."""
        total = collections.Counter()
        for counts in self.counts:
            for leg in counts["legs"]:
                for currency, amount in leg.get("value", {}).items():
                    if leg["fate"] == fate:
                        total[currency] += decimal.Decimal(amount)
        return dict(total)


def read(world, topic, group=None, of=None):
    """@of: the topic that @group reads, unless it is the source."""
    records = [json.loads(m.value()) for m in world.read(topic)]
    return Books(records, group or world.group, world.committed(group, of and world.topics[of]))
