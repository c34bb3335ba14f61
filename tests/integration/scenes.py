"""The scenes of outages, each played on a stage and measured; the tests hold the bars, the bench prints them."""

import dataclasses
import random

import events
import fake_tiktok
from services import wait_for
from stage import Stage, Tail, Traffic, cpu, quantile, way_changes
from stage_tiktok import now

DARK = 20  # seconds an outage lasts, where the scene does not say otherwise
WARM = 6


@dataclasses.dataclass
class Figures:
    """What a scene came to; None where it does not apply. Seconds, events, bytes."""

    first_diverted: float = None  # after the fault began, by an outage and not for its own failed attempts
    requests: int = None  # to the destination while it was broken
    waiting: int = None  # produced and not yet anywhere, from two seconds after the first diverted, in 19 of 20 looks
    in_flight: float = None  # the same, as detour's own gauge says
    back_after: float = None  # from recovery to the last diverted event
    rss: int = None
    rss_growth: int = None  # from the first to the last third of the fault
    p99: dict = None
    transitions: list = None
    account: object = None
    begun: float = None
    healed: float = None
    more: dict = dataclasses.field(default_factory=dict)


def measure(stage, figures, event=None):
    """What can be read off a stage that has finished its outage from @figures.begun to @figures.healed."""
    begun, healed = figures.begun, figures.healed
    first = stage.tail.first(begun, reason="outage")
    figures.first_diverted = first and first - begun
    figures.requests = figures.requests or stage.tiktok.requests_between(begun, healed, event)
    looks = stage.watch.between(first + 2, now()) if first else []
    if looks:  # the machine stands still for a moment now and then, and the tests with it
        figures.waiting = quantile(sorted(look.waiting for look in looks), 0.95)
        figures.in_flight = quantile(sorted(look.in_flight for look in looks), 0.95)
    third = (healed - begun) / 3
    early, late = stage.watch.between(begun, begun + third), stage.watch.between(healed - third, healed)
    figures.rss = max((look.rss for look in stage.watch.looks), default=None)
    if early and late:
        figures.rss_growth = max(look.rss for look in late) - max(look.rss for look in early)
    figures.transitions = stage.transitions()
    return figures


# Total outage, in the four ways it shows

def break_by_code(stage):
    return stage.tiktok.on(fake_tiktok.code(50000))


def break_by_status(stage):
    return stage.tiktok.on(fake_tiktok.gateway_json(503))


def break_by_reset(stage):
    return stage.tiktok.on(fake_tiktok.reset())


def break_by_refusing(stage):
    stage.tiktok.refuse()


def break_now_and_then(stage, share=0.2):
    chance = random.Random(20)
    return stage.tiktok.on(lambda request: fake_tiktok.code(50000) if chance.random() < share else None)


def break_in_turn(stage, period=4):
    begun = now()
    return stage.tiktok.on(lambda request: fake_tiktok.code(50000) if int((now() - begun) / period) % 2 == 0 else None)


BREAKS = {"code 50000": break_by_code, "503": break_by_status, "refused": break_by_refusing, "reset": break_by_reset}


def heal(stage):
    stage.tiktok.heal()
    if stage.tiktok.server.socket.fileno() < 0:
        stage.tiktok.listen()


def total_outage(fault, rate=200, dark=DARK, kill=False, workers=1):
    def play(stage):
        stage.play(rate, config=stage.config(workers=workers))
        stage.rest(WARM)
        before = stage.requests_made()
        figures = Figures(begun=now())
        BREAKS[fault](stage)
        if kill:
            stage.rest(dark / 2)
            stage.run.kill()
            stage.run.start().wait_ready()
            stage.rest(dark / 2)
        else:
            stage.rest(dark)
        if fault == "refused":
            figures.requests = int(stage.requests_made() - before)
        figures.healed = now()
        heal(stage)
        figures.back_after = stage.wait_back(figures.healed)
        measure(stage, figures)
        figures.account = stage.finish()
        return figures

    return play


# One type of five

def one_type_dark(rate=250, dark=DARK):
    """Beside it plays a twin of the same traffic without a fault, which tells the machine's noise from detour's."""
    others = [t for t in events.TYPES if t != "Purchase"]

    def play(stage):
        twin = Stage(stage.directory / "twin", stage.kafka)
        try:
            for one in (stage, twin):
                one.play(rate)
            return perform(stage, twin)
        finally:
            twin.end()

    def perform(stage, twin):
        stage.rest(WARM / 2)
        calm = now()
        stage.rest(dark)
        figures = Figures(begun=now(), p99={})
        rule = stage.tiktok.on(fake_tiktok.code(50000), event="Purchase")
        stage.rest(dark)
        figures.healed = now()
        stage.rest(1)
        for who, one in (("", stage), ("twin ", twin)):
            for when, begin, end in (("before", calm, figures.begun), ("during", figures.begun, figures.healed)):
                latencies = one.latencies(begin, end, others)
                figures.p99[who + when] = quantile(latencies, 0.99)
                figures.more[f"{who}median {when}"] = quantile(latencies, 0.5)
        assert not twin.finish().lost
        stage.tiktok.off(rule)
        figures.back_after = stage.wait_back(figures.healed)
        measure(stage, figures, "Purchase")
        figures.account = stage.finish()
        figures.more["diverted types"] = {d.headers["event.type"] for d in stage.tail.seen}
        figures.more["others' transitions"] = [t for t in stage.transitions() if t.event != "Purchase"]
        return figures

    return play


# Hanging

def hanging(rate=2000, dark=30, config=None):
    def play(stage):
        stage.play(rate, config=stage.config(**(config or {})))
        stage.rest(WARM)
        figures = Figures(begun=now())
        rule = stage.tiktok.on(fake_tiktok.hang())
        stage.rest(dark)
        figures.healed = now()
        stage.tiktok.off(rule)
        figures.back_after = stage.wait_back(figures.healed)
        measure(stage, figures)
        figures.account = stage.finish()
        return figures

    return play


# Throttling

TOO_MANY = fake_tiktok.Answer(status=429, body={"error": "slow"}, headers={"Retry-After": "2"}, name="429")

def throttle(answer, rate=200, dark=10, event=None):
    """Two workers: one that was asked for less speaks for both."""

    def play(stage):
        stage.play(rate, config=stage.config(workers=2))
        stage.rest(WARM / 2)
        figures = Figures(begun=now())
        rule = stage.tiktok.on(answer, event=event)
        stage.rest(dark)
        figures.healed = now()
        stage.tiktok.off(rule)
        figures.requests = stage.tiktok.requests_between(figures.begun, figures.healed)
        produced = list(stage.traffic.sent.copy())
        stage.tiktok.wait_accepted(produced, 60)
        figures.back_after = max(stage.tiktok.arrived[i] for i in produced) - figures.healed
        measure(stage, figures)
        figures.account = stage.finish()
        return figures

    return play


# Noise and flapping

def background(share=0.2, rate=250, seconds=45):
    def play(stage):
        break_now_and_then(stage, share)
        stage.play(rate)
        figures = Figures(begun=now())
        stage.rest(seconds)
        figures.healed = now()
        stage.tiktok.heal()
        measure(stage, figures)
        figures.account = stage.finish()
        return figures

    return play


def flapping(period=20, rate=100, periods=6):
    def play(stage):
        stage.play(rate)
        stage.rest(WARM)
        figures = Figures(begun=now())
        for part in range(periods):
            if part % 2 == 0:
                rule = stage.tiktok.on(fake_tiktok.code(50000))
            else:
                stage.tiktok.off(rule)
            stage.rest(period)
        stage.tiktok.heal()
        figures.healed = now()
        measure(stage, figures)
        figures.more["ways"] = {t: [c for c in way_changes(figures.transitions, t) if c < figures.healed]
                                for t in events.TYPES}
        figures.account = stage.finish()
        return figures

    return play


# A type whose every event is refused

def reject_storm(rate=100, dark=DARK):
    def play(stage):
        stage.play(rate)
        stage.rest(2 * WARM)
        figures = Figures(begun=now())
        rule = stage.tiktok.on(fake_tiktok.code(40002, "Invalid value for content_id: not a valid string."), event="Purchase")
        stage.rest(dark)
        figures.healed = now()
        stage.tiktok.off(rule)
        first = stage.tail.first(figures.begun, reason="reject_storm")
        figures.back_after = stage.wait_back(figures.healed)
        measure(stage, figures, "Purchase")
        figures.first_diverted = first and first - figures.begun
        figures.more["condemned after"] = [d for d in stage.tail.seen if d.topic == "dead" and first and d.at > first + 2]
        figures.account = stage.finish()
        return figures

    return play


# A credential that is wrong

def wrong_token(rate=100, wrong=11):
    def play(stage):
        stage.play(rate, config=stage.config(workers=2))
        stage.rest(WARM / 2)
        figures = Figures(begun=now())
        with stage.tiktok.lock:
            stage.tiktok.tokens = {"tok-canary-new-7711"}
        stage.rest(wrong)
        figures.requests = stage.tiktok.requests_between(figures.begun, now())
        token = stage.directory / "token"
        fresh = stage.directory / "token.new"
        fresh.write_text("tok-canary-new-7711\n")
        fresh.chmod(0o600)
        figures.healed = now()
        before = len(stage.tiktok.accepted)
        fresh.rename(token)
        wait_for(lambda: len(stage.tiktok.accepted) > before, 30, lambda: f"delivering again\n{stage.tails()}", 0.02)
        figures.back_after = now() - figures.healed
        stage.rest(2)
        measure(stage, figures)
        figures.account = stage.finish()
        return figures

    return play


# Killed in the middle of it

def killed(begin, rate=60, dark=14):
    """@begin: a function of the stage that breaks something."""

    def play(stage):
        stage.play(rate)
        stage.rest(WARM / 2)
        figures = Figures(begun=now())
        begin(stage)
        stage.rest(dark / 2)
        stage.run.kill()
        figures.more["recent"] = sum(now() - at < 2 for at in stage.tiktok.arrived.copy().values())
        stage.run.start().wait_ready()
        stage.rest(dark / 2)
        figures.healed = now()
        with stage.tiktok.lock:
            stage.tiktok.tokens = {fake_tiktok.TOKEN}
        heal(stage)
        figures.account = stage.finish(150)
        return figures

    return play


# What a backlog costs when nothing is wrong

def throughput(count=200_000):
    def play(stage):
        stage.create_all(stage.partitions)
        stage.tail = Tail(stage)
        stage.tiktok.on(lambda request: fake_tiktok.ok())  # not judged: the fake would be what is measured
        stage.traffic = Traffic(stage, rate=1e9, limit=count)
        wait_for(lambda: stage.traffic.acknowledged == count, 300, "the backlog is produced")
        figures = Figures(begun=now())
        stage.run = stage.detour(stage.config()).start()
        wait_for(lambda: len(stage.tiktok.accepted) == count, 300, lambda: f"all is delivered\n{stage.tails()}")
        figures.more["processor"] = cpu(stage.run.child.pid) / count
        figures.healed = now()
        figures.account = stage.finish()
        return figures

    return play
