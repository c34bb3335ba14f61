"""Backfill: what an outage diverted is delivered once the destination is well again, each event once."""

import json
import time

import books
import fake_tiktok
from ledger_book import Ledger
from services import free_port, wait_for
from test_ledger import with_ledger
from world import Record

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


def darken(world, run, prefix="first"):
    """The destination fails; the events that it takes to see that, a few in each request."""
    rule = world.tiktok.on(fake_tiktok.code(50000))
    first = []

    def is_open():
        first.extend(world.produce(now_events(world, 4, f"{prefix}-{len(first)}")))
        return any(run.metric(name, destination="tiktok") for name in ("detour_cell_state", "detour_destination_state"))

    wait_for(is_open, 60, lambda: "it opens\n" + world.tails(), 0.1)
    return rule, first


def divert(world, run, count=200, prefix="dark", **changes):
    """An outage, and @count events of it on the alternate's topic."""
    rule, first = darken(world, run, f"{prefix}-first")
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
    by_outage = sum("outage" in n.detour for n in notes)  # the first ones left before it opened, their attempts used up
    assert by_outage >= 200
    assert len({n.place for n in notes}) == len(notes), "nothing is diverted a second time"
    assert world.read("dead") == []
    found = books.Books([json.loads(m.value()) for m in world.read("ledger")], group(world),
                        world.committed(group(world), world.topics["utm"]))
    assert found.events() == {"delivered": len(notes)}
    account = json.loads(run.command("reconcile", "-c", run.file, "--json").stdout)
    assert account["ok"], account
    assert account["followed"]["backfilled"] == len(notes) and account["followed"]["waiting"] == 0, account["followed"]
    shown = json.loads(run.command("outages", "-c", run.file, "--json").stdout)
    assert sum(o["backfilled"] for o in shown) == by_outage, shown
    assert all(o["waiting"] == 0 for o in shown)


def test_without_live_events_the_breaker_closes_all_the_same(world):
    world.create_all()
    run = world.detour(config(world)).start()
    diverted = divert(world, run, 60)
    wait_backfilled(world, diverted, 90)
    wait_for(lambda: run.metric("detour_cell_state", destination="tiktok", event="Purchase") == 0, 60, "it closes")


def test_an_outage_in_the_middle_diverts_nothing_twice(world):
    """The destination fails again while the backfill is under way: it waits, writes nothing, and goes on afterwards."""
    world.create_all()
    run = world.detour(config(world, batch={"events": 5, "linger": "1ms"}, concurrency={"initial": 1, "max": 1})).start()
    diverted = divert(world, run, 400)
    slow = world.tiktok.on(fake_tiktok.slow(0.05))
    wait_for(lambda: run.metric("detour_backfilled_total", destination="tiktok") >= 50, 60, "it has begun")
    written = len(world.read("utm"))
    rule = world.tiktok.on(fake_tiktok.code(50000))
    world.tiktok.off(slow)
    live = world.produce(now_events(world, 60, "again"))
    world.wait_settled()
    before = accepted(world, diverted)
    time.sleep(3)
    assert accepted(world, diverted) == before < len(diverted)
    world.tiktok.off(rule)
    wait_backfilled(world, diverted + live, 90)
    world.wait_settled(group=group(world), topic=world.topics["utm"])
    notes = world.notes("utm")
    assert len({n.place for n in notes}) == len(notes) >= written, "no event has a second record"
    assert {n.place for n in notes} <= {r.place for r in diverted + live}
    assert world.read("dead") == []


def test_killed_in_the_middle_it_goes_on(world):
    world.create_all()
    run = world.detour(config(world, batch={"events": 5, "linger": "1ms"}, concurrency={"initial": 1, "max": 1})).start()
    diverted = divert(world, run, 600)
    slow = world.tiktok.on(fake_tiktok.slow(0.05))
    for goal in (60, 200):
        wait_for(lambda: accepted(world, diverted) >= goal, 90, lambda: f"{goal} are delivered\n{world.tails()}")
        run.kill()
        run = world.detour(config(world, batch={"events": 5, "linger": "1ms"}, concurrency={"initial": 1, "max": 1})).start()
    world.tiktok.off(slow)
    wait_backfilled(world, diverted, 120)
    world.wait_settled(group=group(world), topic=world.topics["utm"])
    run.stop()
    notes = world.notes("utm")
    found = books.Books([json.loads(m.value()) for m in world.read("ledger")], group(world),
                        world.committed(group(world), world.topics["utm"]))
    assert found.events() == {"delivered": len(notes)}, "each counted once"
    again = accepted(world, diverted) - len(diverted)
    assert again <= 2 * 100, f"{again} were sent twice: what was on its way at the kills"
    account = json.loads(run.command("reconcile", "-c", run.file, "--json").stdout)
    assert account["ok"] and account["followed"]["backfilled"] == len(notes), account


def test_old_events_expire_and_refused_ones_are_dead_letters_with_the_original_bytes(world):
    world.create_all()
    run = world.detour(config(world, {**BACKFILL, "max_age": "1h"}, max_age="5h")).start()
    rule, first = darken(world, run)
    old = world.produce(now_events(world, 30, "old", age=2 * 3600))
    bad = world.produce(now_events(world, 5, "bad"))
    good = world.produce(now_events(world, 60, "good"))
    world.wait_settled()
    world.tiktok.on(fake_tiktok.refuse_ids([r.id for r in bad], with_index=True))
    world.tiktok.off(rule)
    wait_backfilled(world, first + good)
    world.wait_settled(group=group(world), topic=world.topics["utm"])
    assert accepted(world, old + bad) == 0
    assert run.metric("detour_backfill_expired_total", destination="tiktok") == 30
    letters = world.notes("dead")
    assert {n.place for n in letters} == {r.place for r in bad} and len(letters) == 5
    values = {r.place: r.value for r in bad}
    for letter in letters:
        assert letter.message.value() == values[letter.place], "the original bytes"
        assert (letter.reason, letter.detour["leg"]) == ("rejected", "tiktok")
        assert letter.detour["event.id"] in {r.id for r in bad}
    run.stop()
    account = json.loads(run.command("reconcile", "-c", run.file, "--json").stdout)
    assert account["ok"], account
    followed = account["followed"]
    assert (followed["expired"], followed["skipped"], followed["waiting"]) == (30, 5, 0), followed


def test_two_instances_share_it_and_an_original_will_do(world):
    """The alternate has the original bytes; two processes; a record of another destination is passed over."""
    world.create_all()
    changed = config(world)
    changed["destinations"]["utm"] = {"type": "kafka", "topic": world.topics["utm"], "format": "original"}
    runs = [world.detour({**changed, "admin": {"listen": f"127.0.0.1:{free_port()}"}}, name=n).start() for n in ("a", "b")]
    world.produce([Record(b"anybody's", key=b"x")], topic=world.topics["utm"])
    rule = world.tiktok.on(fake_tiktok.code(50000))
    diverted = world.produce(now_events(world, 300, "dark"))
    world.wait_settled()
    notes = world.notes("utm")
    assert len(notes) >= 100
    world.tiktok.off(rule)
    wait_backfilled(world, diverted, 90)
    world.wait_settled(group=group(world), topic=world.topics["utm"])
    for run in runs:
        run.stop()
    found = books.Books([json.loads(m.value()) for m in world.read("ledger")], group(world),
                        world.committed(group(world), world.topics["utm"]))
    assert found.events() == {"delivered": len(notes) - 1, "skipped": 1}
    assert all(world.tiktok.accepted[r.id] == 1 for r in diverted)
    assert world.read("dead") == []


def backfill(run, *words, code=0):
    done = run.command("backfill", *words, "-c", run.file)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def test_it_is_paused_and_resumed_by_command_and_stays_paused_over_a_restart(world):
    world.create_all()
    run = world.detour(config(world)).start()
    well = world.produce(now_events(world, 20, "well"))
    world.wait_settled()
    assert json.loads(backfill(run, "pause", "--json").stdout) == {"paused": ["tiktok"]}
    diverted = divert(world, run, 100)
    run.wait_log("backfill.state .*state=paused", 30)
    time.sleep(3)
    assert accepted(world, diverted) == 0 and all(world.tiktok.accepted[r.id] for r in well)
    status = json.loads(run.get("/api/v1/status")[1])[0]["destinations"][0]["backfill"]
    assert (status["from"], status["state"], status["delivered"]) == ("utm", "paused", 0)
    run.stop()
    waiting = len(world.read("utm"))
    run = world.detour(config(world)).start()
    time.sleep(4)
    assert not any(world.committed(group(world), world.topics["utm"]).values()), "nothing is settled"
    found = json.loads(backfill(run, "status", "--json").stdout)
    assert [(f["destination"], f["from"], f["state"], f["waiting"], f["backfilled"]) for f in found] == [
        ("tiktok", "utm", "paused", waiting, 0)]
    assert "@" in found[0]["paused_by"] and found[0]["paused_since"].endswith("Z")
    table = backfill(run, "status").stdout
    assert "paused by" in table and max(map(len, table.splitlines())) <= 80
    assert "resumed" in backfill(run, "resume", "--destination", "tiktok").stdout
    wait_backfilled(world, diverted)
    world.wait_settled(group=group(world), topic=world.topics["utm"])
    wait_for(lambda: run.metric("detour_backfill_waiting_events", destination="tiktok") == 0, 30, "the gauge follows")
    found = json.loads(backfill(run, "status", "--json").stdout)
    assert (found[0]["state"], found[0]["waiting"], found[0]["backfilled"], found[0]["paused_by"]) == ("done", 0, waiting, None)
    assert "tiktok" in backfill(run, "status", "--destination", "tiktk", code=2).stderr


def test_what_was_skipped_or_exported_is_not_delivered_as_well(world):
    world.create_all()
    run = world.detour(config(world)).start()
    backfill(run, "pause")
    diverted = divert(world, run, 60)
    notes = world.notes("utm")
    runs = {}
    for note in notes[:10]:
        runs.setdefault(str(note.message.partition()), []).append([note.message.offset(), note.message.offset() + 1])
    book = Ledger(world, create=False)
    for state in ("started", "ended"):
        book.write(f"job/{world.group}/by-hand", book.head("job") | {
            "group": world.group, "job": "export", "name": "by-hand", "state": state, "by": "ada@host", "topic": world.topics["utm"],
            "selection": {}, "counts": {"exported": 10}, "records": runs})
    time.sleep(3)
    backfill(run, "resume")
    world.wait_settled(group=group(world), topic=world.topics["utm"])
    skipped = {n.detour["event.id"] for n in notes[:10]}
    assert all(world.tiktok.accepted.get(i, 0) == 0 for i in skipped)
    assert all(world.tiktok.accepted.get(r.id) for r in diverted if r.id not in skipped)
    found = json.loads(backfill(run, "status", "--json").stdout)
    assert (found[0]["skipped"], found[0]["backfilled"]) == (10, len(notes) - 10)
