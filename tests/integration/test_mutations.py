"""Seven thousand mutated records among good ones: none crashes it, none is lost, the good are not affected."""

import collections
import random

import events
from world import Record

MUTATED, GOOD = 7000, 2000


def mutate(payload, chance):
    """One of the things that happen to bytes; never the framing's first byte only."""
    data = bytearray(payload)
    kind = chance.randrange(7)
    if kind == 0:
        return bytes(data[: chance.randrange(len(data))])
    if kind == 1:
        return bytes(data) + chance.randbytes(chance.randrange(1, 20))
    if kind == 2:
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(data)
    if kind == 3:
        for _ in range(chance.randrange(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data)
    if kind == 4:
        at = chance.randrange(len(data))
        return bytes(data[:at]) + b"\xff" * chance.randrange(1, 12) + bytes(data[at:])
    if kind == 5:
        at, to = sorted(chance.sample(range(len(data)), 2))
        return bytes(data[:at] + data[to:])
    return chance.randbytes(chance.randrange(0, 400))


def test_seven_thousand_mutated_records(world):
    world.create("source", "utm", "dead", partitions=6)
    chance = random.Random(7000)
    encode = events.Encoder(events.CONVERSION)
    good = world.conversions(GOOD, prefix="good")
    bad = []
    for number in range(MUTATED):
        payload = encode(events.conversion(f"{world.name}-mutant-{number:05d}"))
        bad.append(Record(events.confluent(1, mutate(payload, chance))))
    stream = good + bad
    chance.shuffle(stream)
    world.produce(stream)
    run = world.detour(world.config(workers=2, destinations={"tiktok": {"max_age": "0s"}})).start()
    world.wait_settled(240)
    run.must_live()

    dead = collections.Counter(n.place for n in world.notes("dead"))
    assert not world.notes("utm")
    assert max(dead.values()) == 1, "a dead letter twice"
    delivered_good = sum(world.tiktok.accepted[r.id] for r in good)
    assert delivered_good == GOOD and all(world.tiktok.accepted[r.id] == 1 for r in good)
    assert not {r.place for r in good} & dead.keys()
    delivered_bad = sum(world.tiktok.accepted.values()) - GOOD
    assert delivered_bad + len(dead) == MUTATED, f"{delivered_bad} delivered, {len(dead)} dead letters of {MUTATED}"

    # What an independent decoder refuses may not be delivered.
    by_place = {r.place: r for r in bad}
    for place, record in by_place.items():
        try:
            encode.read(record.value[5:])
        except OverflowError:
            pass  # it decodes; only Python's datetime cannot hold the time
        except Exception:
            assert place in dead, f"delivered although it does not decode: {record.value.hex()}"
    values = {n.place: n.message.value() for n in world.notes("dead")}
    assert all(values[p] == by_place[p].value for p in values)
