"""Backfill: what an outage diverted is delivered once the destination is well again, each event once."""

import json
import time

import books
import fake_tiktok
from services import wait_for
from test_ledger import with_ledger

BACKFILL = {"from": "utm", "rate": "100%", "max_age": "46h"}
QUICK = {"minimum": 5, "open": "1s..2s"}


def config(world, backfill=BACKFILL, **tiktok):
    changes = {"health": QUICK, "backfill": backfill, "throttle": {"then": "divert", "wait": "2s"}, **tiktok}
    return with_ledger(world, destinations={"tiktok": changes})


def now_events(world, count, prefix="e", event="Purchase", age=0, **changes):
    return world.conversions(count, prefix=prefix, event=event, timestamp=int((time.time() - age) * 1000), **changes)


def group(world):
    return f"{world.group}.backfill.tiktok"


def accepted(world, records):
    return sum(world.tiktok.accepted.get(r.id, 0) for r in records)


def divert(world, run, count=200, prefix="dark", **changes):
    """An outage, and @count events of it on the alternate's topic."""
    rule = world.tiktok.on(fake_tiktok.code(50000))
    first = world.produce(now_events(world, 40, f"{prefix}-first"))
    wait_for(lambda: run.metric("detour_cell_state", destination="tiktok", event="Purchase") == 1
             or run.metric("detour_destination_state", destination="tiktok") == 1, 30, lambda: "it opens\n" + world.tails())
    dark = world.produce(now_events(world, count, prefix, **changes))
    world.wait_settled()
    world.tiktok.off(rule)
    return first + dark


def wait_backfilled(world, records, timeout=60):
    wait_for(lambda: all(world.tiktok.accepted.get(r.id) for r in records), timeout,
             lambda: f"{accepted(world, records)} of {len(records)} are at TikTok\n{world.tails()}", 0.2)


def test_an_outage_ends_with_everything_at_tiktok(world):
    world.create_all()
    run = world.detour(config(world)).start()
    well = world.produce(now_events(world, 60, "well"))
    world.wait_settled()
    diverted = divert(world, run)
    later = world.produce(now_events(world, 60, "later"))
    wait_backfilled(world, well + diverted + later)
    world.wait_settled(group=group(world), topic=world.topics["utm"])
    run.stop()
    notes = world.notes("utm")
    assert len(notes) >= 200 and all(n.detour["outage"] for n in notes)
    assert len({n.place for n in notes}) == len(notes), "nothing is diverted a second time"
    assert world.read("dead") == []
    found = books.Books([json.loads(m.value()) for m in world.read("ledger")], group(world),
                        world.committed(group(world), world.topics["utm"]))
    assert found.events() == {"delivered": len(notes)}
    account = json.loads(run.command("reconcile", "-c", run.file, "--json").stdout)
    assert account["ok"], account
    assert account["followed"]["backfilled"] == len(notes) and account["followed"]["waiting"] == 0, account["followed"]
    shown = json.loads(run.command("outages", "-c", run.file, "--json").stdout)
    assert sum(o["backfilled"] for o in shown) == len(notes), shown
