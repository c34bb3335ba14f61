"""A whole incident against a count of the test's own: an outage of 25 s with a kill -9 inside it, everything at TikTok in the
end, and the books right to the event and to the cent."""

import collections
import decimal
import json
import random
import time

import pytest

import books
import fake_tiktok
import runbook

OUTAGE_S, KILL_S = 25, 11
CURRENCIES = ("EUR", "EUR", "USD", "JPY", "KWD")


@pytest.fixture
def incident(tmp_path, own_kafka, tiktok, binary):
    incident = Shop(tmp_path, own_kafka, tiktok)
    yield incident
    incident.end()


class Shop(runbook.Incident):
    """Orders of every price; the test remembers what each one was worth."""

    def __init__(self, *arguments):
        self.chance = random.Random(11)
        self.worth = {}  # event id: currency and amount
        super().__init__(*arguments)

    def order(self, kind, **changes):
        currency = self.chance.choice(CURRENCIES)
        cents = self.chance.randrange(1, 50_000)
        amount = decimal.Decimal(cents) / {"JPY": 1, "KWD": 1000}.get(currency, 100)
        record = super().order(kind, total=float(amount), currency=currency, **changes)
        self.worth[record.id] = currency, amount
        return record

    def value(self, ids):
        total = collections.Counter()
        for name in ids:
            currency, amount = self.worth[name]
            total[currency] += amount
        return dict(total)


def diverted(incident):
    """Of each event on the UTM topic its last record: that of an earlier one was not committed."""
    notes = sorted(incident.world.notes("utm"), key=lambda n: n.message.timestamp()[1])
    return {n.detour["event.id"]: n.detour for n in notes}, len(notes)


def asked(incident, *words):
    done = incident.run.command(*words, "-c", "detour.yaml", "--json", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def money(values):
    return {currency: decimal.Decimal(amount) for currency, amount in values.items()}


def play_outage(incident):
    """Everything is answered with 503 for 25 s; the processor is killed inside, and started again."""
    incident.begin_traffic()
    incident.tiktok.wait_accepted([r.id for r in incident.produced[:1]])
    time.sleep(2)
    began = time.monotonic()
    fault = incident.tiktok.on(fake_tiktok.gateway_json(503))
    time.sleep(KILL_S)
    incident.run.kill()
    incident.run.start().wait_ready()
    time.sleep(max(0, OUTAGE_S - (time.monotonic() - began)))
    incident.tiktok.off(fault)
    states = ("detour_destination_state", "detour_cell_state")
    runbook.wait_for(lambda: not any(incident.run.metric(name, destination="tiktok") for name in states), 90,
                     lambda: f"everything is closed again\n{incident.run.tail(30)}", 0.5)
    incident.everything_is_settled()


def test_an_outage_with_a_kill_inside_ends_with_everything_at_tiktok(incident):
    play_outage(incident)
    produced = {r.id for r in incident.produced}
    incident.world.wait_settled(group="detour.backfill.tiktok", topic="conversions.utm")
    incident.run.stop()
    copies, records = diverted(incident)
    delivered = produced - copies.keys()
    with incident.tiktok.lock:
        accepted = dict(incident.tiktok.accepted)
    assert set(accepted) == produced, "everything is at TikTok"
    assert all(accepted[i] == 1 for i in delivered) and len(copies) > 300
    assert sum(accepted.values()) - len(produced) == records - len(copies), "twice only what the kill had left twice"

    found = books.read(incident.world, "detour.ledger", "detour", "source")
    assert found.events() == {"delivered": len(delivered), "diverted": len(copies)}
    assert found.values("delivered") == incident.value(delivered)
    assert found.values("diverted") == incident.value(copies)
    found = books.read(incident.world, "detour.ledger", "detour.backfill.tiktok", "utm")
    assert found.events() == {"delivered": records}

    told = asked(incident, "reconcile", "--deep")
    assert told["ok"] and told["unaccounted"] == told["in_flight"] == told["waiting"] == 0
    assert (told["consumed"], told["delivered"], told["diverted"]) == (len(produced), len(delivered), len(copies))
    assert told["followed"]["backfilled"] == records and told["followed"]["waiting"] == 0

    outages = asked(incident, "outages")
    named = {i: h["outage"] for i, h in copies.items() if h.get("outage")}
    assert sum(o["diverted"] for o in outages) == len(named)
    total = collections.Counter()
    for outage in outages:
        total.update(money(outage["value"]))
    assert dict(total) == incident.value(named), "to the cent"
