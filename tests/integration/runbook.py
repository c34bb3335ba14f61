"""docs/runbook.md as a list of commands, and the incident that they are run in.

A comment `<!-- test: WORDS -->` in the document says what happens next in the world; every `$ COMMAND` of a console block is
run then. RUNBOOK_WRITE=1 puts the real outputs into the document.
"""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time

import events
import fake_tiktok
from detour import BINARY, Detour
from services import free_port, wait_for
from world import Record, World

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "runbook.md"
SCHEMA = pathlib.Path(__file__).parent / "data" / "readme_order.avsc"
SINCE = re.compile(r"(?<=--since )\S+")
OUTAGE_ID = re.compile(r"\b\d{8}T\d{6}-[0-9a-f]{8}\b")

CONFIG = """\
kafka:
  brokers: {brokers}
  group: detour
  topics: [conversions]
  properties: {{session.timeout.ms: 6000, heartbeat.interval.ms: 1000}}
workers: 1
schemas:
  directory: schemas
  ids: {{1: order.avsc}}
  reader: com.example.shop.Order
event:
  type: kind
  id: order_id
  time: placed_at
  value: total
  currency: currency
destinations:
  tiktok:
    type: tiktok
    url: {tiktok}
    allow_private: true
    event_source_id: CPIXEL123
    access_token: {{file: token}}
    events: {{ORDER_PLACED: Purchase, BASKET_ADD: AddToCart}}
    map:
      user.email: customer.mail
      user.ttclid: landing_page?ttclid
      page.url: landing_page
      properties.contents: {{each: lines, fields: {{content_id: sku, price: price, quantity: pieces}}}}
    batch: {{events: 100, linger: 20ms}}
    health: {{window: 10s, minimum: 10, open: 1s..2s}}
    backfill: {{from: utm}}
  utm:
    type: kafka
    topic: conversions.utm
    format: utm
    utm: {{landing_page: landing_page}}
  dead-letter:
    type: kafka
    topic: conversions.dead-letter
    format: original
routes:
  - name: no-consent
    match: {{customer.consent: "!= true"}}
    drop: no_consent
  - name: everything-else
    match: {{}}
    legs: [[tiktok, utm]]
dead_letter: dead-letter
admin: {{listen: "{admin}"}}
"""

REHEARSAL = "for: 90s\ntraffic: [{event: ORDER_PLACED, rate: 20/s}]\n" \
            "destinations: {tiktok: [{from: 30s, to: 40s, answer: {status: 503}}]}\n"


@dataclasses.dataclass
class Command:
    words: str
    line: int  # in the document
    shown: list  # lines below it


@dataclasses.dataclass
class Step:
    happens: str  # None: nothing
    commands: list


def steps(text):
    """The document's console blocks, each with what happens before it."""
    out, happens, inside = [], None, False
    for number, line in enumerate(text.splitlines()):
        told = re.fullmatch(r"<!-- test: (.*) -->", line)
        if told:
            happens = told[1]
        elif line == "```console":
            inside = True
            out.append(Step(happens, []))
            happens = None
        elif line == "```":
            inside = False
        elif inside and line.startswith("$ "):
            out[-1].commands.append(Command(line[2:], number, []))
        elif inside:
            out[-1].commands[-1].shown.append(line)
    return out


def shape(lines):
    """What stays the same from run to run: the first word of each line, without figures; neighbours that are alike are one."""
    out = []
    for line in lines:
        words = OUTAGE_ID.sub("ID", line).split()
        first = re.sub(r"[\d:.,]+", "0", words[0]) if words else ""
        first = re.sub(r"^0[smhd].*", "0s", first)
        if not out or out[-1] != first:
            out.append(first)
    return out


class Incident:
    """A shop whose orders TikTok does not take for a while, with a Kafka of its own, so that names are as in the document."""

    def __init__(self, directory, kafka, tiktok):
        self.world = World(directory, kafka, None, tiktok)
        self.world.group = "detour"
        self.world.topics = {"source": "conversions", "utm": "conversions.utm", "dead": "conversions.dead-letter"}
        self.directory, self.tiktok = directory, tiktok
        (directory / "schemas").mkdir()
        shutil.copy(SCHEMA, directory / "schemas" / "order.avsc")
        (directory / "token").write_text(fake_tiktok.TOKEN)
        (directory / "token").chmod(0o400)
        (directory / "outage.yaml").write_text(REHEARSAL)
        self.admin = f"127.0.0.1:{free_port()}"
        self.run = self.world.detour(CONFIG.format(brokers=kafka.brokers, tiktok=tiktok.url, admin=self.admin))
        self.run.config = {"admin": {"listen": self.admin}}
        self.environment = dict(os.environ, NO_COLOR="1", NEW_TOKEN="token-of-november")
        made = self.run.command("topics", "-c", "detour.yaml", "--create")
        assert made.returncode == 0, made.stdout + made.stderr
        self.encode = events.Encoder(json.loads(SCHEMA.read_text()))
        self.count, self.produced = 0, []
        self.is_busy = threading.Event()
        self.traffic = None
        self.run.start().wait_ready()

    # Events

    def order(self, kind, *, number=None, schema_id=1, encode=None, **changes):
        self.count += 1
        name = number or f"ord-{self.count:04d}"
        value = {"kind": kind, "order_id": name, "placed_at": int(time.time() * 1000), "total": 49.9, "currency": "EUR",
                 "customer": {"mail": "someone@mail.example", "consent": True},
                 "landing_page": "https://shop.example/p/1?utm_source=tiktok&ttclid=E.C.P.1",
                 "lines": [{"sku": "SKU-1", "price": 24.95, "pieces": 2}], **changes}
        return Record(events.confluent(schema_id, (encode or self.encode)(value)), key=name.encode(), id=name)

    def produce(self, records):
        self.produced += self.world.produce(records)
        return records

    def flow(self):
        while self.is_busy.is_set():
            self.produce([self.order("ORDER_PLACED" if i == 0 else "BASKET_ADD") for i in range(4)])
            time.sleep(0.1)

    def begin_traffic(self):
        self.is_busy.set()
        self.traffic = threading.Thread(target=self.flow, daemon=True)
        self.traffic.start()

    def end_traffic(self):
        self.is_busy.clear()
        if self.traffic:
            self.traffic.join()
            self.traffic = None

    # Commands

    def outages(self):
        done = self.run.command("outages", "-c", "detour.yaml", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else []

    def words(self, command):
        """The command with this run's ids and places in it."""
        if OUTAGE_ID.search(command):
            command = OUTAGE_ID.sub(self.outages()[0]["id"], command)
        if SINCE.search(command):
            command = SINCE.sub(f"{self.outages()[-1]['started'][:19]}Z", command)
        if "dlq show" in command:
            rows = json.loads(self.run.command("dlq", "ls", "-c", "detour.yaml", "--reason", "rejected", "--json").stdout)
            command = re.sub(r"\d+:\d+$", f"{rows[0]['partition']}:{rows[0]['offset']}", command)
        return command

    def systemctl(self, action):
        if action in ("stop", "restart"):
            self.run.stop()
        if action in ("start", "restart"):
            self.run.start().wait_ready()

    def do(self, command):
        """Exit code and output, as a terminal shows it."""
        if command.startswith("systemctl "):
            self.systemctl(command.split()[1])
            return 0, ""
        shell = command.replace("detour ", f"{BINARY} ", 1) if command.startswith("detour ") else command
        done = subprocess.run(["bash", "-o", "pipefail", "-c", shell], cwd=self.directory, env=self.environment, text=True, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        token = rf"{re.escape(str(self.directory))[:20]}[^\n]*\n\s*\S*"  # may be folded
        return done.returncode, re.sub(rf"file {token}", "file /run/secrets/tiktok", done.stdout)

    # What happens

    def happen(self, what):
        if what:
            getattr(self, re.sub(r"\W+", "_", what))()

    def edit(self, old, new, source="detour.yaml", to="detour.yaml"):
        text = (self.directory / source).read_text()
        assert old in text
        (self.directory / to).write_text(text.replace(old, new))

    def tiktok_fails_for_orders(self):
        refused = [self.order("BASKET_ADD") for _ in range(6)]
        self.tiktok.on(fake_tiktok.refuse_ids([r.id for r in refused], with_index=True))
        self.begin_traffic()
        self.produce(refused)
        self.produce([Record(b"\0\0\0\0\1junk", key=b"junk") for _ in range(2)])
        wait_for(lambda: len(self.tiktok.accepted) > 100, 60, "events are delivered")
        self.tiktok_fails(bool)
        self.produce([self.order("ORDER_PLACED", number="ord-9001")])

    def tiktok_fails(self, is_enough):
        """Until there is an outage of some events."""
        self.fault = self.tiktok.on(fake_tiktok.code(50000, "internal error"), event="Purchase")

        def is_diverted():
            outages = self.outages()
            return is_enough(outages) and outages[-1]["diverted"] >= 20

        wait_for(is_diverted, 90, "orders are diverted", 0.5)

    def tiktok_is_well_again(self):
        self.tiktok.off(self.fault)
        wait_for(lambda: all(o["ended"] for o in self.outages()), 120, "the outage ends", 0.5)

    def the_backfill_has_ended(self):
        def is_done():
            done = self.run.command("reconcile", "-c", "detour.yaml", "--json")
            followed = json.loads(done.stdout)["followed"]
            return followed["waiting"] == 0 and followed["backfilled"] > 0

        wait_for(is_done, 60, "the diverted events are delivered", 0.5)

    def an_outage_without_backfill(self):
        self.run.stop()
        self.edit("    backfill: {from: utm}\n", "")
        time.sleep(1.1)  # the second of its start is its own
        self.run.start().wait_ready()
        before = len(self.outages())
        self.begin_traffic()
        self.tiktok_fails(lambda outages: len(outages) > before)
        self.tiktok_is_well_again()
        self.everything_is_settled()

    def tiktok_takes_everything(self):
        self.tiktok.heal()

    def everything_is_settled(self):
        self.end_traffic()
        self.world.wait_settled()

    def tiktok_takes_the_new_token_alone(self):
        self.tiktok.tokens = {self.environment["NEW_TOKEN"]}
        self.waiting = self.produce([self.order("BASKET_ADD") for _ in range(5)])
        wait_for(lambda: "held" in self.do("detour status -c detour.yaml")[1], 60, "the credential is refused", 0.5)

    def the_new_token_is_taken(self):
        self.tiktok.wait_accepted([r.id for r in self.waiting])

    def a_new_schema_is_in_the_folder_and_the_configuration(self):
        schema = json.loads(SCHEMA.read_text())
        schema["fields"].append({"name": "shipping", "type": "double", "default": 0.0})
        (self.directory / "schemas" / "order_2.avsc").write_text(json.dumps(schema))
        self.edit("ids: {1: order.avsc}", "ids: {1: order.avsc, 2: order_2.avsc}")
        self.edit("reader: com.example.shop.Order", "reader: order.avsc")
        self.encode_2 = events.Encoder(schema)

    def producers_write_the_new_schema(self):
        new = self.produce([self.order("BASKET_ADD", schema_id=2, encode=self.encode_2, shipping=4.9) for _ in range(5)])
        self.tiktok.wait_accepted([r.id for r in new])

    def an_event_type_is_added(self):
        self.edit("BASKET_ADD: AddToCart}", "BASKET_ADD: AddToCart, WISH_ADD: AddToWishlist}")

    def the_new_event_type_is_produced(self):
        new = self.produce([self.order("WISH_ADD") for _ in range(5)])
        self.tiktok.wait_accepted([r.id for r in new])
        assert {self.tiktok.items[r.id]["event"] for r in new} == {"AddToWishlist"}

    def a_copy_is_changed(self):
        self.edit("  - name: everything-else\n", "  - name: high-value\n    match: {total: \">= 100\"}\n    priority: high\n"
                  "    legs: [[tiktok, utm]]\n  - name: everything-else\n", to="detour.new.yaml")

    def events_come_while_it_is_stopped(self):
        self.produce([self.order("BASKET_ADD") for _ in range(7)])

    def a_person_s_event_is_a_dead_letter(self):
        self.tiktok.on(fake_tiktok.refuse_ids(["ord-9001"], with_index=True))
        self.produce([self.order("ORDER_PLACED", number="ord-9001")])
        self.world.wait_settled()

    def end(self):
        self.end_traffic()
        self.world.end()


def write(text, outputs):
    """The document with the commands and outputs of this run: @outputs has them by line."""
    lines, out, skipping = text.splitlines(), [], False
    for number, line in enumerate(lines):
        if number in outputs:
            command, shown = outputs[number]
            out += [f"$ {command}", *shown]
            skipping = True
        elif line == "```" or not skipping:
            skipping = False
            out.append(line)
    return "\n".join(out) + "\n"
