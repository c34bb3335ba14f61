"""Replay: dead letters go through the pipeline again, only to the leg that failed, once, and can be stopped."""

import collections
import json
import random
import signal
import subprocess
import time

import books
import fake_tiktok
from detour import BINARY
from services import wait_for
from test_dead_letters import whole
from test_ledger import with_ledger
from world import Record


def rejected(world, count=40, **config):
    """A world in which TikTok refused @count purchases and took the others; the processor has ended."""
    world.create_all()
    records = world.produce(world.conversions(count + 60, event="Purchase"))
    refused = [r.id for r in records[:count]]
    fault = fake_tiktok.refuse_ids(refused, with_index=True)
    world.tiktok.on(fault)
    run = world.detour(with_ledger(world, **config)).start()
    world.wait_settled()
    run.stop()
    assert len(world.read("dead")) == count
    return records, refused, run


def replay(world, run, *arguments, code=0, **options):
    done = run.command("replay", "-c", run.file, "--from", world.topics["dead"], "--json", *arguments, timeout=90, **options)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout) if done.stdout else done.stderr


def test_what_was_refused_is_delivered_once(world):
    records, refused, run = rejected(world)
    world.tiktok.heal()
    dry = replay(world, run, "--reason", "rejected", "--dry-run")
    assert (dry["selected"], dry["state"]) == (40, "dry_run")
    text = run.command("replay", "-c", run.file, "--reason", "rejected", "--dry-run", timeout=60).stdout.split("\n\n")
    assert [part.split()[0] for part in text] == ["replay", "reason", "leg", "event", "outcome", "age"], text
    assert text[5].split() == ["age", "under", "1h", "40"]
    assert all(world.tiktok.accepted.get(i, 0) == 0 for i in refused), "a dry run sends nothing"
    done = replay(world, run, "--reason", "rejected")
    assert (done["selected"], done["delivered"], done["dead_lettered"]) == (40, 40, 0), done
    assert all(world.tiktok.accepted[r.id] == 1 for r in records)
    again = replay(world, run, "--reason", "rejected", code=1)
    assert (again["selected"], again["state"], again["name"]) == (0, "nothing_left", done["name"])
    jobs = [r for r in map(json.loads, (m.value() for m in world.read("ledger"))) if r["kind"] == "job"]
    assert [(j["job"], j["state"], j["name"]) for j in jobs] == [
        ("replay", "started", done["name"]), ("replay", "ended", done["name"])]
    assert jobs[1]["counts"]["delivered"] == 40
    listed = run.command("replay", "list", "-c", run.file, "--json")
    assert [(j["name"], j["state"], j["counts"]["selected"]) for j in json.loads(listed.stdout)] == [(done["name"], "done", 40)]
    table = run.command("replay", "list", "-c", run.file).stdout
    assert done["name"] in table and max(map(len, table.splitlines())) <= 80
    group = f"{world.group}.replay.{done['name']}"
    found = books.Books([json.loads(m.value()) for m in world.read("ledger")], group,
                        world.committed(group, world.topics["dead"]))
    assert found.events() == {"delivered": 40}


def test_what_fails_again_is_dead_lettered_again_and_parked_in_the_end(world):
    records, refused, run = rejected(world, 10)
    for turn in (1, 2):
        done = replay(world, run, "--all", "--yes", "--max-replays", "2", "--name", f"turn{turn}", "--keep-going")
        assert (done["selected"], done["delivered"]) == (10 * turn, 0), done
    letters = collections.Counter(n.detour["replays"] for n in world.notes("dead"))
    assert letters == {"0": 10, "1": 20, "2": 10}
    sources = collections.Counter(n.place for n in world.notes("dead"))
    assert set(sources) == {r.place for r in records[:10]}, "the place is that of the source topic"
    done = replay(world, run, "--all", "--yes", "--max-replays", "2", "--name", "turn3", "--keep-going")
    assert done["parked"] == 10
    parked = f"{world.topics['dead']}.parked"
    assert len(world.read(parked)) == 10
    topics = {t["name"]: t for t in json.loads(run.command("topics", "-c", run.file, "--json").stdout)["topics"]}
    for setting in ("partitions", "max_message_bytes", "retention_ms", "cleanup_policy"):
        assert topics[parked][setting] == topics[world.topics["dead"]][setting], "it was made like the dead-letter topic"
    assert topics[parked]["role"] == "parked"
    done = run.command("replay", "-c", run.file, "--from", parked, "--all", "--yes", "--max-replays", "9", "--json", timeout=90)
    assert json.loads(done.stdout)["selected"] == 10, done.stderr


def test_what_an_operator_decided_is_left_out(world):
    _, refused, run = rejected(world, 20)
    world.tiktok.heal()
    skip = ["dlq", "skip", "-c", run.file, "--from", world.topics["dead"], "--because", "test data"]
    done = run.command(*skip, *[w for i in refused[:7] for w in ("--event-id", i)])
    assert done.returncode == 0, done.stderr
    dry = replay(world, run, "--reason", "rejected", "--dry-run")
    assert (dry["selected"], dry["skipped"]) == (13, {"decided": 7})
    done = replay(world, run, "--reason", "rejected")
    assert (done["delivered"], done["skipped"]) == (13, {"decided": 7})
    assert all(world.tiktok.accepted.get(i, 0) == 0 for i in refused[:7])
    account = json.loads(run.command("reconcile", "-c", run.file, "--json").stdout)
    assert account["ok"] and account["dead_lettered"] == 20 and account["followed"]["decided"] == 7, account
    assert "7  by an operator's decision" in run.command("reconcile", "-c", run.file).stdout
    done = replay(world, run, "--reason", "rejected", "--decided", "--name", "anyway")
    assert done["delivered"] == 20 and done["skipped"] == {}
    assert all(world.tiktok.accepted[i] == 1 for i in refused[:7])


def letters(world, values, reason, **headers):
    """Dead letters as any earlier detour may have written them."""
    world.create_all()
    config = with_ledger(world)
    told = {"reason": reason, "source.topic": world.topics["source"], "source.partition": 0, "outcome": "rejected", **headers}
    records = []
    for offset, value in enumerate(values):
        mine = [(f"detour.{k}", str(v).encode()) for k, v in {**told, "source.offset": offset}.items()]
        records.append(Record(value, key=b"k%d" % offset, headers=mine))
    world.produce(records, topic=world.topics["dead"])
    return world.detour(config)


def test_it_stops_by_itself(world):
    run = letters(world, [b"junk %d" % i for i in range(300)], "decode_failed")
    done = replay(world, run, "--reason", "decode_failed", "--rate", "400/s", code=1)
    assert done["state"] == "futile" and "--keep-going" in done["why"]
    assert 45 <= done["dead_lettered"] < 300
    done = replay(world, run, "--reason", "decode_failed", "--keep-going")
    assert done["state"] == "done"
    assert len(world.read("dead")) == 600, "each failed once more"


def test_killed_and_started_again_it_goes_on(world):
    """Two kills, a second one that is refused while the first runs, and each event is there; the duplicates are those
    that were on their way."""
    originals = world.conversions(300, event="Purchase")
    run = letters(world, [r.value for r in originals], "rejected", route="all", leg="tiktok", destination="tiktok")
    command = ["replay", "-c", run.file, "--from", world.topics["dead"], "--all", "--yes", "--rate", "60/s", "--json"]

    def accepted():
        return sum(world.tiktok.accepted.get(r.id, 0) for r in originals)

    for _ in range(2):
        before = accepted()
        child = subprocess.Popen([BINARY, *map(str, command)], cwd=run.directory, stdout=subprocess.DEVNULL)
        wait_for(lambda: accepted() > before + 30, 60, "some are sent")
        child.send_signal(signal.SIGKILL)
        child.wait()
        time.sleep(7)  # the group's session
    first = subprocess.Popen([BINARY, *map(str, command)], cwd=run.directory, stdout=subprocess.PIPE)
    before = accepted()
    wait_for(lambda: accepted() > before + 20, 60, "it goes on")
    second = run.command(*command, timeout=60)
    assert second.returncode == 1 and "is being run by detour-0 on" in second.stderr, second
    out, _ = first.communicate(timeout=60)
    done = json.loads(out)
    assert done["state"] == "done" and done["selected"] < 300, done
    counts = collections.Counter(world.tiktok.accepted[r.id] for r in originals)
    assert sum(counts.values()) == 300 and counts[1] > 150, counts
    found = books.read(world, "ledger", f"{world.group}.replay.{done['name']}", "dead")
    assert found.events() == {"delivered": 300}


def test_a_replay_is_cancelled_while_it_runs_and_after_it_was_killed(world):
    originals = world.conversions(300, event="Purchase")
    run = letters(world, [r.value for r in originals], "rejected", route="all", leg="tiktok", destination="tiktok")
    command = ["replay", "-c", run.file, "--from", world.topics["dead"], "--all", "--yes", "--rate", "60/s", "--json"]

    def cancel(name, code=0):
        done = run.command("replay", "cancel", name, "-c", run.file, timeout=60)
        assert done.returncode == code, done
        return done.stdout + done.stderr

    def listed():
        done = run.command("replay", "list", "-c", run.file, "--json")
        return {j["name"]: j for j in json.loads(done.stdout or "[]")}

    def begin(name, more):
        child = subprocess.Popen([BINARY, *map(str, command), "--name", name], cwd=run.directory, stdout=subprocess.PIPE)
        before = sum(world.tiktok.accepted.values())
        wait_for(lambda: sum(world.tiktok.accepted.values()) > before + more, 60, "some are sent")
        return child

    assert "no replay nothing is on the ledger; every replay there has ended" in cancel("nothing", code=2)
    child = begin("first", 20)
    assert "not ended are first" in cancel("typo", code=2)
    said = cancel("first")
    assert "waiting for detour-0 on" in said and "is cancelled" in said
    out, _ = child.communicate(timeout=30)
    done = json.loads(out)
    assert child.returncode == 1 and done["state"] == "cancelled" and done["why"].startswith("by "), done
    sent = sum(world.tiktok.accepted.values())
    assert sent == done["delivered"] < 300, "what was sent was settled, and nothing came after it"
    assert listed()["first"]["state"] == "cancelled" and listed()["first"]["counts"]["delivered"] == sent
    assert "first has been cancelled already" in cancel("first", code=1)
    child = begin("second", 20)
    child.send_signal(signal.SIGKILL)
    child.wait()
    time.sleep(7)  # the group's session
    assert listed()["second"]["state"] == "begun"
    cancel("second")
    closed = listed()["second"]
    assert closed["state"] == "cancelled" and closed["counts"]["delivered"] > 0, "its tallies are in the record"
    world.produce([Record(originals[0].value, key=b"k", headers=[("detour.reason", b"rejected"), ("detour.route", b"all"),
                                                                 ("detour.leg", b"tiktok")])], topic=world.topics["dead"])
    for name in ("first", "second"):
        again = replay(world, run, "--all", "--yes", "--name", name)
        assert again["state"] == "done" and again["selected"] <= 301, again
        assert again["selected"] > 1, "it begins anew, up to the present end, with what was not settled"
    assert min(world.tiktok.accepted[r.id] for r in originals) == 2, "by each of the two"
    assert sum(world.tiktok.accepted.values()) - 602 < 60, "but for those that were on their way at the kill"


def test_refusals(world):
    _, _, run = rejected(world, 5)
    assert "no bound" in replay(world, run, code=2)
    assert "--yes" in replay(world, run, "--all", code=2)
    assert "rejected" in replay(world, run, "--reason", "nonsense", code=2), "the valid ones are named"
    assert "contradict" in replay(world, run, "--all", "--reroute", "--as-it-was", code=2)
    run.write(dict(run.config, routes=[{"name": "other", "match": {}, "legs": [["tiktok", "utm"]]}]))
    done = replay(world, run, "--reason", "rejected", code=1)
    assert done["skipped"] == {"route_gone": 5}
    world.tiktok.heal()
    done = replay(world, run, "--reason", "rejected", "--reroute")
    assert done["delivered"] == 5


def test_what_was_diverted_is_replayed_from_the_utm_topic(world):
    """The original bytes inside the UTM records go out, with their own ids; what fails again is the original again."""
    world.create_all()
    world.tiktok.on(fake_tiktok.html(503))
    records = world.produce(world.conversions(30, event="Purchase"))
    run = world.detour(with_ledger(world)).start()
    world.wait_settled()
    run.stop()
    assert len(world.read("utm")) == 30
    world.tiktok.heal()
    bad = [r.id for r in records[:4]]
    world.tiktok.on(fake_tiktok.refuse_ids(bad, with_index=True))
    command = ["replay", "-c", run.file, "--from", world.topics["utm"], "--all", "--yes", "--json"]
    done = run.command(*command, timeout=90)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["selected"], told["delivered"], told["dead_lettered"]) == (30, 26, 4), told
    assert all(world.tiktok.accepted[r.id] == 1 for r in records[4:])
    dead = world.read("dead")
    assert sorted(m.value() for m in dead) == sorted(r.value for r in records[:4])
    assert {n.place for n in world.notes("dead")} == {r.place for r in records[:4]}


def test_history_of_a_source_topic_to_one_destination(world):
    """A stretch of the source is delivered again, to one destination alone; and copied to a topic as it is."""
    world.create_all()
    early = world.produce(world.conversions(20, prefix="early"))
    time.sleep(1.1)
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    late = world.produce(world.conversions(30, prefix="late"))
    run = world.detour(with_ledger(world, routes=[{"name": "both", "match": {}, "legs": [["tiktok", "utm"], ["utm"]]}])).start()
    world.wait_settled()
    run.stop()
    assert len(world.read("utm")) == 50
    command = ["replay", "-c", run.file, "--from", world.topics["source"], "--since", since, "--json"]
    done = run.command(*command, "--destination", "tiktok", timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["delivered"] == 30
    assert all(world.tiktok.accepted[r.id] == 2 for r in late) and all(world.tiktok.accepted[r.id] == 1 for r in early)
    assert len(world.read("utm")) == 50, "the other leg was not sent again"
    world.create("copies", partitions=1)
    done = run.command(*command, "--to-topic", "copies", timeout=60)
    assert done.returncode == 0, done.stderr
    assert sorted(m.value() for m in world.read("copies")) == sorted(r.value for r in late)


def test_a_dead_letter_in_parts_is_the_record_it_was(world):
    """Large values, keys and headers, whole again at the destination; of one some parts are missing; a copy keeps its parts."""
    world.create("source", max_message_bytes=4_000_000)
    world.create("utm", max_message_bytes=4_000_000)
    world.create("dead", partitions=2, max_message_bytes=20_000)
    world.topics["copies"] = f"{world.name}.copies"
    world.create("copies", partitions=2, max_message_bytes=20_000)
    chance = random.Random(5)
    records = world.conversions(12, event="Purchase")
    for i, record in enumerate(records[:6]):
        record.headers = [("h", chance.randbytes(50_000 if i % 2 else 10)), ("n", None)]
        record.key = chance.randbytes(30_000) if i == 4 else b"k%d" % i if i else None
    world.produce(records)
    refused = [r.id for r in records]
    world.tiktok.on(fake_tiktok.refuse_ids(refused, with_index=True))
    run = world.detour(with_ledger(world)).start()
    world.wait_settled()
    run.stop()
    notes = world.notes("dead")
    in_parts = {n.place for n in notes if "part" in n.detour}
    assert 3 <= len(in_parts) < 12 and len({n.place for n in notes}) == 12
    torn = next(n for n in notes if n.detour.get("part", "").startswith("2/"))
    headers = [(k, b"999999" if k == "detour.source.offset" else v) for k, v in torn.message.headers()]
    world.produce([Record(torn.message.value(), key=torn.message.key(), headers=headers)], topic=world.topics["dead"])
    world.tiktok.heal()
    dry = replay(world, run, "--all", "--yes", "--dry-run")
    assert (dry["selected"], dry["skipped"]) == (12, {"in_parts": 1}), dry
    copied = replay(world, run, "--all", "--yes", "--to-topic", world.topics["copies"], "--name", "copies")
    assert (copied["selected"], copied["delivered"]) == (12, 12), copied
    assert len(world.read("copies")) == len(notes) + 1
    done = replay(world, run, "--all", "--yes")
    assert (done["selected"], done["delivered"], done["dead_lettered"]) == (12, 12, 0), done
    assert all(world.tiktok.accepted[i] == 1 for i in refused)
    again = replay(world, run, "--all", "--yes", code=1)
    assert again["selected"] == 0, again


def test_a_record_in_parts_that_fails_again_is_whole_in_its_next_parts(world):
    world.create("source", max_message_bytes=4_000_000)
    world.create("utm")
    world.create("dead", partitions=1, max_message_bytes=20_000)
    header = random.Random(6).randbytes(60_000)
    record = Record(b"garbage" * 9, key=b"big", headers=[("h", header), ("n", None)], want="too_large")
    world.produce([record])
    run = world.detour(with_ledger(world)).start()
    world.wait_settled()
    run.stop()
    done = replay(world, run, "--all", "--yes")
    assert (done["selected"], done["dead_lettered"]) == (1, 1), done
    for replays in ("0", "1"):
        notes = [n for n in world.notes("dead") if n.detour.get("replays", "0") == replays]
        assert whole(notes) == (record.key, record.value, record.headers), replays
        assert {n.place for n in notes} == {record.place}
