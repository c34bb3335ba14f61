"""kill -9 while tallies are written, of one of two instances under load, again and again: nothing is lost, what is sent
twice stays within the bound, and the books balance with an independent count.

    ROUNDS=50 make integration T="-k test_ledger_kills"
"""

import json
import os
import random
import time

import books
import fake_tiktok
from test_offsets import Traffic
from test_process_faults import either, flows

ROUNDS = int(os.environ.get("ROUNDS", 4))
IN_FLIGHT = 300


def test_kill_9_of_one_of_two_instances_and_the_books_balance(world):
    world.create_all(partitions=6)
    world.topics["ledger"] = f"{world.name}.ledger"
    more = {"ledger": {"topic": world.topics["ledger"]}, "in_flight": {"events": IN_FLIGHT}}
    runs = [world.detour(world.config(**more), name=name).start() for name in ("one", "two")]
    chance = random.Random(50)
    traffic = Traffic(world, per_second=300)
    for turn in range(ROUNDS):
        world.tiktok.on(fake_tiktok.code(50000), event="Search", times=60)
        run = runs[turn % 2]
        flows(world, 50, 90)
        time.sleep(chance.random() * 3)
        run.kill()
        if turn % 5 == 4:  # and now nobody is there
            runs[(turn + 1) % 2].kill()
            runs[(turn + 1) % 2].start()
        run.start()
    flows(world, 100, 90)
    records = either(traffic.stop())
    world.wait_settled(180)
    for run in runs:
        run.stop()
    # twice in flight: an instance that is killed, and the other one when all go
    duplicates = world.settle_account(records, duplicates=ROUNDS * 2 * IN_FLIGHT, tolerant=True)
    result = runs[0].command("reconcile", "-c", runs[0].file, "--json", "--deep", timeout=180)
    found = json.loads(result.stdout)
    assert result.returncode == 0, result.stdout
    assert found["consumed"] == len(records) and found["unaccounted"] == found["waiting"] == found["in_flight"] == 0
    told = books.read(world, "ledger").events()
    assert {k: found[k] for k in ("delivered", "diverted", "dead_lettered", "dropped")} == {
        k: told.get(k, 0) for k in ("delivered", "diverted", "dead_lettered", "dropped")}
    print(f"\n{ROUNDS} rounds, {len(records)} events: lost 0, sent twice {duplicates} of at most "
          f"{ROUNDS * 2 * IN_FLIGHT}, {found['diverted']} diverted; the books balance")
