"""`detour export` on real Kafka: the files are read by Python's csv module, hashes made again by hashlib."""

import csv
import hashlib
import json
import re
import subprocess
import time

import pytest

import events
import fake_tiktok
from detour import BINARY
from ledger_book import Ledger, iso
from services import wait_for
from test_dlq import letter
from test_ledger import with_ledger
from test_ledger_schema import validator
from test_offsets import Traffic
from world import Record

OFFLINE = ["event_type", "email", "phone", "timestamp", "event_id", "order_id", "shop_id", "event_channel", "content_id",
           "content_type", "content_category", "content_name", "brand", "price", "quantity", "currency", "value"]
CRM = ["Event_type", "Timestamp", "lead_id", "Email", "Phone", "click_id", "event_id"]
EMAIL = events.hashed(events.CANARIES["email"])
PHONE = events.hashed(events.CANARIES["phone"])


def export(run, *arguments, code=0, prefix="out", as_json=True):
    done = run.command("export", "-c", run.file, "--out", prefix, *(["--json"] if as_json else []), *arguments)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout) if as_json and done.stdout else done


def rows(run, prefix="out"):
    """Every row of every file as a mapping, after the files were compared with their manifest."""
    manifest = json.loads((run.directory / f"{prefix}.manifest.json").read_text())
    found = []
    for number, file in enumerate(manifest["files"], 1):
        path = run.directory / file["name"]
        data = path.read_bytes()
        assert file["name"] == f"{prefix}-{number:03d}.csv" and path.stat().st_mode & 0o777 == 0o600
        assert len(data) == file["bytes"] and hashlib.sha256(data).hexdigest() == file["sha256"]
        assert not data.startswith(b"\xef\xbb\xbf") and data.endswith(b"\r\n")
        with open(path, newline="", encoding="utf-8") as lines:
            some = list(csv.DictReader(lines, strict=True))
        assert len(some) == file["rows"] and not any(None in row or None in row.values() for row in some)
        found += some
    assert len(found) == manifest["exported"]
    assert not list(run.directory.glob("*.part"))
    return found


def jobs(world):
    records = [json.loads(m.value()) for m in world.read("ledger")]
    return [r for r in records if r["kind"] == "job" and r["job"] == "export"]


def value_of(event_id, **changes):
    return events.confluent(1, events.avro(events.CONVERSION, events.conversion(event_id, **changes)))


def test_an_outage_from_its_first_event_to_the_table(world):
    """Hostile values go through an outage into the alternate and into the table, and nothing of them is lost."""
    world.create_all()
    hostile = {
        "plain": {},
        "quotes": {"order_id": 'say "no", twice', "products": [{"sku": 'S"1,', "name": "a\nb\r\nc", "price": 1.5, "quantity": 1}]},
        "formula": {"order_id": "=HYPERLINK(\"http://evil.example\")", "shop_id": "@SUM(1)",
                    "products": [{"sku": "+1+1", "name": "-2+3", "price": 0.01, "quantity": 1}]},
        "number": {"order_id": "-5", "shop_id": "+3.50"},
        "emoji": {"order_id": "ordre-é-🛒-漢", "products": [{"sku": "🧦", "name": " padded ", "price": 7.0, "quantity": 3}]},
        "huge": {"order_id": "h" * 100_000, "products": [{"sku": "h", "name": "h," * 1000}]},
        "several": {"products": [{"sku": "a", "price": 1.0, "quantity": 1}, {"sku": "b", "price": 2.0, "quantity": 1}]},
        "cents": {"value": 19.99}, "whole": {"value": 1000000.0},
    }
    values = {}
    for name, change in hostile.items():
        value = events.conversion(f"{world.name}-{name}", event="Purchase")
        value["properties"] = dict(value["properties"], **change)
        values[name] = value
    more = [events.conversion(f"{world.name}-m{i}", event="AddToCart", user={
        "email": "  Some.One@Mail.EXAMPLE ", "phone": "0049 (0)151 1234567", "country": "de"}) for i in range(40)]
    nobody = events.conversion(f"{world.name}-nobody", event="Purchase", user={"ip": "203.0.113.7"})
    hashed = events.conversion(f"{world.name}-hashed", event="Search", user={"email": EMAIL.upper()})
    custom = events.conversion(f"{world.name}-custom", event="Invented")
    everything = [*values.values(), *more, nobody, hashed, custom]
    encode = events.Encoder(events.CONVERSION)
    world.tiktok.on(fake_tiktok.code(50000))
    run = world.detour(with_ledger(world, destinations={"tiktok": {"health": {"minimum": 10, "window": "10s"}}})).start()
    traffic = Traffic(world, per_second=200, event="Purchase", user={"ip": "203.0.113.7"})
    wait_for(lambda: any(json.loads(m.value())["kind"] == "outage" for m in world.read("ledger")), 30, world.tails, 0.5)
    before = len(traffic.stop())
    world.produce([Record(events.confluent(1, encode(v)), key=v["event_id"].encode()) for v in everything])
    world.wait_settled()
    run.stop()
    diverted = {n.detour["event.id"]: n for n in world.notes("utm")}
    assert len(diverted) == len(everything) + before
    outage = json.loads(run.command("outages", "-c", run.file, "--json").stdout)[0]

    dry = export(run, "--destination", "tiktok", "--all", "--dry-run")
    assert dry["exported"] == len(everything) - 2 and dry["files"] == [] and not list(run.directory.glob("out*"))
    assert jobs(world) == [], "a dry run is on nobody's record"
    done = export(run, "--destination", "tiktok", "--all")
    assert done["left_out"] == {"no_identifier": before + 1, "not_in_form": 1}
    found = {row["event_id"].removeprefix(world.name + "-"): row for row in rows(run)}
    assert len(found) == done["exported"] == len(everything) - 2
    assert json.loads((run.directory / "out.manifest.json").read_text())["value"] == done["value"] == {
        "EUR": f"{sum(round(v['properties']['value'] * 100) for v in everything if v not in (nobody, custom)) / 100:.2f}"}

    plain = found["plain"]
    assert list(plain) == OFFLINE
    assert plain == {
        "event_type": "Purchase", "email": EMAIL, "phone": PHONE, "event_id": f"{world.name}-plain",
        "timestamp": iso(values["plain"]["timestamp"] // 1000)[:-5] + "Z", "order_id": f"order-{world.name}-plain", "shop_id": "",
        "event_channel": "", "content_id": "SKU-1", "content_type": "product", "content_category": "", "content_name": "shoe",
        "brand": "", "price": "24.75", "quantity": "2", "currency": "EUR", "value": "49.5"}
    assert found["quotes"]["order_id"] == 'say "no", twice' and found["quotes"]["content_id"] == 'S"1,'
    assert found["quotes"]["content_name"] == "a\nb\r\nc"
    assert found["formula"]["order_id"] == "'=HYPERLINK(\"http://evil.example\")" and found["formula"]["shop_id"] == "'@SUM(1)"
    assert found["formula"]["content_id"] == "'+1+1" and found["formula"]["content_name"] == "'-2+3"
    assert (found["number"]["order_id"], found["number"]["shop_id"]) == ("-5", "+3.50")
    assert found["emoji"]["order_id"] == "ordre-é-🛒-漢" and found["emoji"]["content_id"] == "🧦"
    assert (found["huge"]["order_id"], found["huge"]["content_name"]) == ("", "h," * 1000), "no such id, as for the API"
    assert (found["several"]["content_id"], found["several"]["price"], found["several"]["value"]) == ("", "", "49.5")
    assert found["cents"]["value"] == "19.99" and float(found["whole"]["value"]) == 1000000
    assert found["m0"]["event_type"] == "Add to Cart" and found["hashed"]["email"] == EMAIL
    assert found["m0"]["email"] == events.hashed("some.one@mail.example") and found["m0"]["phone"] == events.hashed("+491511234567")
    assert (done["changed_cells_rows"], done["products_left_out_rows"]) == (1, 1)

    begun, ended = jobs(world)
    validator().validate(begun)
    validator().validate(ended)
    assert (begun["state"], ended["state"]) == ("started", "ended") and begun["name"] == ended["name"]
    assert ended["counts"]["exported"] == done["exported"] and ended["selection"]["destination"] == ["tiktok"]
    places = {(int(p), o) for p, runs in ended["records"].items() for low, high in runs for o in range(low, high)}
    wanted = {(n.message.partition(), n.message.offset()) for i, n in diverted.items()
              if i.removeprefix(world.name + "-") in found}
    assert places == wanted and sum(p["records"] for t in done["topics"] for p in t["partitions"].values()) == len(wanted)

    again = export(run, "--destination", "tiktok", "--all", prefix="again", code=1)
    assert again["left_out"]["already_exported"] == len(wanted) and again["exported"] == 0 and again["files"] == []
    shown = json.loads(run.command("outages", "show", outage["id"], "-c", run.file, "--json").stdout)
    of_outage = {i for i, n in diverted.items() if n.detour.get("outage") == outage["id"]} & {r["event_id"] for r in found.values()}
    assert of_outage, "some were diverted because of it"
    export(run, "--outage", outage["id"], "--again", prefix="one")
    assert {r["event_id"] for r in rows(run, "one")} == of_outage and shown["exported"] == len(of_outage)
    assert json.loads(run.command("outages", "show", outage["id"], "-c", run.file, "--json").stdout)["exported"] == len(of_outage)
    followed = json.loads(run.command("reconcile", "-c", run.file, "--json").stdout)["followed"]
    assert followed["exported"] == len(wanted), "what was exported twice counts once"


@pytest.fixture
def letters(world):
    """The world's dead-letter topic with records of one's own, and a processor that never ran."""
    world.create("source", "dead", partitions=1)
    world.create("utm", partitions=1)
    run = world.detour(with_ledger(world))
    world.create(world.topics["ledger"], partitions=1)

    def make(*records, topic="dead"):
        world.produce(list(records), topic=world.topics[topic])
        return run

    return make


def test_the_files_are_split_and_never_overwritten(world, letters):
    run = letters(*[letter(value_of(f"s-{i:03d}"), source_offset=str(i)) for i in range(25)])
    done = export(run, "--all", "--file-rows", "10")
    assert [f["rows"] for f in done["files"]] == [10, 10, 5] and len(rows(run)) == 25
    size = done["files"][2]["bytes"]
    refused = export(run, "--all", "--again", code=2)
    assert "out.manifest.json is there already" in refused.stderr and "--force" in refused.stderr
    forced = export(run, "--all", "--again", "--file-bytes", f"{2 * size}B", "--force", "--file-rows", "20")
    assert len(forced["files"]) == 3 and all(f["bytes"] <= 2 * size for f in forced["files"]) and len(rows(run)) == 25
    one = export(run, "--all", "--again", "--force")
    assert [f["rows"] for f in one["files"]] == [25]
    assert sorted(p.name for p in run.directory.glob("out*")) == ["out-001.csv", "out.manifest.json"], "the old ones are gone"
    tiny = export(run, "--all", "--again", "--file-bytes", "200B", prefix="tiny", code=1)
    assert tiny["left_out"] == {"too_large": 25} and not list(run.directory.glob("tiny*"))


def test_what_is_left_out_and_why(world, letters):
    now = time.time()
    old = value_of("old", now=now - 29 * 86400)
    ambiguous = dict(outcome="ambiguous", at=iso(now - 3 * 86400))
    run = letters(
        letter(value_of("a")), letter(value_of("a")), letter(value_of("a", event="AddToCart")), letter(old),
        letter(b"garbage"), letter(None), letter(value_of("b"), **ambiguous), letter(value_of("b", user={"ip": "1.1.1.1"})),
        letter(value_of("other"), leg="warehouse", destination="warehouse"), letter(value_of(None), event_id="derived-1"),
        letter(value_of(None), source_offset="77"), Record(value_of("of nobody"), partition=0),
        letter(value_of(None), source_topic=None, source_offset=None))
    done = export(run, "--all")
    assert done["left_out"] == {"duplicate": 1, "too_old": 1, "decode_failed": 2, "ambiguous": 1, "no_identifier": 1,
                                "no_event_id": 1}
    assert [r["event_id"] for r in rows(run)] == ["a", "a", "derived-1", "shop.events-0-77"]
    more = export(run, "--all", "--again", "--allow-duplicates", "--max-age", "60d", prefix="more")
    assert more["exported"] == 6 and "too_old" not in more["left_out"]
    told = export(run, "--all", "--again", "--from", world.topics["dead"], "--destination", "tiktok", prefix="told")
    assert told["exported"] == 5, "the record without headers is said to be tiktok's"
    text = export(run, "--all", "--again", prefix="text", as_json=False).stdout
    assert "4  events for tiktok exported" in text and "198.00  EUR" in text and "on the ledger: export-" in text
    assert "another copy" in text and max(map(len, text.splitlines())) <= 110


def test_json_lines_and_masks(world, letters):
    run = letters(letter(value_of("j-1"), outage="o-1", reason="rejected"))
    done = export(run, "--all", "--format", "jsonl")
    (line,) = (run.directory / done["files"][0]["name"]).read_text().splitlines()
    found = json.loads(line)
    assert done["files"][0]["name"] == "out-001.jsonl" and found["item"]["user"]["email"] in (EMAIL, [EMAIL])
    assert {k: found[k] for k in ("event_id", "event_type", "value", "currency", "destination", "reason", "outage", "offset")} == {
        "event_id": "j-1", "event_type": "Purchase", "value": "49.50", "currency": "EUR", "destination": "tiktok",
        "reason": "rejected", "outage": "o-1", "offset": 0}
    assert events.CANARIES["email"] not in line
    before = len(jobs(world))
    for form in (["--format", "jsonl"], ["--form", "crm"], []):
        masked = export(run, "--all", "--again", "--mask", "--force", *form, prefix="masked")
        text = (run.directory / masked["files"][0]["name"]).read_text()
        for secret in (EMAIL, PHONE, *events.CANARIES.values(), "E.C.P.url", "203.0.113.7"):
            assert secret not in text, secret
        assert "j-1" in text and "[hidden]" in text
    assert len(jobs(world)) == before, "what nobody can upload is not exported"


def test_the_crm_form(world, letters):
    run = letters(letter(value_of("c-1", event="Qualified Lead")))
    export(run, "--all", "--form", "crm")
    (row,) = rows(run)
    assert list(row) == CRM and (row["Event_type"], row["Email"], row["Phone"]) == ("Qualified Lead", EMAIL, PHONE)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["Timestamp"]) and row["click_id"] == "E.C.P.url"


def test_an_outage_of_two_instances(world, letters):
    """Any of its ids selects the records of both; the ledger then says how many of it are exported."""
    books = Ledger(world, create=False)
    now = time.time()
    for outage, instance, begin in (("o-1", "a", 600), ("o-2", "b", 590), ("o-9", "b", 50)):
        books.write(f"outage/{outage}", books.head("outage") | {
            "instance": instance, "id": outage, "state": "closed", "destination": "tiktok", "event": "Purchase", "scope": "cell",
            "cause": "faults", "started": iso(now - begin), "detected": iso(now - begin), "ended": iso(now - begin + 40),
            "last": None, "diverted": 2, "dead_lettered": 0})
    run = letters(*[letter(value_of(f"i-{i}"), outage=o, reason="outage") for i, o in enumerate(("o-1", "o-2", "o-9"))])
    done = export(run, "--outage", "o-2")
    assert [r["event_id"] for r in rows(run)] == ["i-0", "i-1"] and done["destination"] == "tiktok"
    listed = {o["id"]: o["exported"] for o in json.loads(run.command("outages", "-c", run.file, "--json").stdout)}
    assert listed == {"o-1": 2, "o-9": 0}
    wrong = export(run, "--outage", "nothing", code=1)
    assert "no outage nothing" in wrong.stderr and "o-9 o-1" in wrong.stderr
    everything = export(run, "--destination", "tiktok", "--since", "1h", prefix="all", code=0)
    assert everything["exported"] >= 1
    listed = {o["id"]: o["exported"] for o in json.loads(run.command("outages", "-c", run.file, "--json").stdout)}
    assert listed["o-9"] == 1, "an export by another selection counts for its outages too"


def test_killed_it_has_exported_nothing(world, letters):
    """No file has its name, the ledger says of no event that it is exported, and the same command does it all."""
    place = "0" * 8
    template = value_of(place)
    run = letters(*[letter(template.replace(place.encode(), b"%08d" % i), source_offset=str(i)) for i in range(20_000)])
    child = subprocess.Popen([BINARY, "export", "-c", run.file, "--all", "--out", "out", "--file-rows", "100"], cwd=run.directory)
    wait_for(lambda: (run.directory / "out-002.csv.part").exists(), 30, "it writes", 0.01)
    child.kill()
    assert child.wait() == -9
    assert not list(run.directory.glob("out-*.csv")) and [j["state"] for j in jobs(world)] == ["started"]
    done = export(run, "--all", "--file-rows", "15000")
    assert done["exported"] == 20_000 and done["left_out"] == {}
    for left in run.directory.glob("out-*.csv.part"):
        left.unlink()
    assert len({row["event_id"] for row in rows(run)}) == 20_000


def test_what_a_backfill_has_settled(world, letters):
    """It is not exported; what was too old for the backfill is, when it is asked for."""
    now = time.time()
    run = letters(*[letter(value_of(f"b-{i}", now=now - (3 * 86400 if i < 2 else 0)), reason="outage") for i in range(6)], topic="dead")
    group = f"{world.group}.backfill.tiktok"
    Ledger(world, create=False).commit(4, topic=world.topics["dead"], group=group)
    done = export(run, "--all")
    assert done["left_out"] == {"backfilled": 4} and [r["event_id"] for r in rows(run)] == ["b-4", "b-5"]
    expired = export(run, "--all", "--expired", prefix="expired")
    assert expired["left_out"] == {"backfilled": 2, "already_exported": 2}
    assert [r["event_id"] for r in rows(run, "expired")] == ["b-0", "b-1"]


def test_wrong_words(world, letters):
    run = letters()
    for words, code, text in (
            ([], 2, "no bound"), (["--all", "--format", "xml"], 2, "csv or jsonl"), (["--all", "--form", "web"], 2, "offline or crm"),
            (["--destination", "tiktak"], 2, "tiktok"), (["--destination", "utm"], 2, "--destination can be tiktok"),
            (["--from", "nowhere", "--all"], 2, world.topics["dead"]), (["--all", "--out", "no/such/dir/x"], 1, "nothing"),
            (["--reason", "because"], 2, "rejected"), (["--since", "monday"], 2, "--since")):
        done = run.command("export", "-c", run.file, *words)
        assert done.returncode == code and text in done.stderr + done.stdout, (words, done.returncode, done.stdout, done.stderr)
    letters(letter(value_of("x")))
    done = run.command("export", "-c", run.file, "--all", "--out", "no/such/dir/x")
    assert done.returncode == 1 and "no/such/dir/x-001.csv.part cannot be made" in done.stderr
    assert [j["state"] for j in jobs(world)] == ["started", "stopped"]
