"""A credential that is refused: found by two answers, probed and not hammered, mended by the file."""

import pytest

import fake_tiktok
import scenes
from services import wait_for
from stage import plays
from stage_tiktok import now

PIXELS = ({"context": {"pixel": "CGOODPIXEL"}}, {"context": {"pixel": "CLOSTPIXEL"}})


def one_pixel_refused(number, status=200):
    """The same token, and only one of two pixels may not be written to."""

    def play(stage):
        config = stage.config(destinations={"tiktok": {"event_source_id": {"path": "context.pixel"}}})
        stage.play(60, config=config, variants=PIXELS)
        stage.rest(3)
        figures = scenes.Figures(begun=now())
        refusal = fake_tiktok.code(number, "No permission to operate this pixel.", status=status)
        rule = stage.tiktok.on(lambda r: refusal if r.body.get("event_source_id") == "CLOSTPIXEL" else None)
        stage.rest(12)
        figures.healed = now()
        with stage.tiktok.lock:
            lost = [a for a in stage.tiktok.arrivals if a.source_id == "CLOSTPIXEL" and a.at >= figures.begun]
        figures.requests = len(lost)
        ids = [i for i, at in stage.traffic.sent.copy().items()
               if stage.traffic.kind[i][1] is PIXELS[0] and figures.begun <= at < figures.healed - 1]
        figures.more["healthy latency"] = max(stage.tiktok.arrived.get(i, now()) - stage.traffic.sent[i] for i in ids)
        stage.tiktok.off(rule)
        figures.account = stage.finish()
        figures.transitions = stage.transitions()
        return figures

    return play


def pixel_held_for_long(stage):
    """One pixel is refused for longer than auth_hold: its events, the first refused ones too, go the alternate way."""
    config = stage.config(destinations={"tiktok": {"event_source_id": {"path": "context.pixel"}}})
    stage.play(30, config=config, variants=PIXELS)
    refusal = fake_tiktok.code(40001, "No permission to operate this pixel.")
    stage.tiktok.on(lambda r: refusal if r.body.get("event_source_id") == "CLOSTPIXEL" else None)
    wait_for(lambda: stage.tail.first(reason="credential"), 90, lambda: f"diverted\n{stage.tails()}")
    figures = scenes.Figures(begun=now())
    stage.traffic.stop()
    stage.wait_settled(90)
    stage.tail.catch_up()
    figures.account = stage.account()
    figures.more["pixels"] = {stage.traffic.kind[i][1]["context"]["pixel"] for i in stage.tail.by_id}
    return figures


def refused_by_status(status):
    def play(stage):
        stage.play(60)
        stage.rest(3)
        figures = scenes.Figures(begun=now())
        rule = stage.tiktok.on(fake_tiktok.Answer(status=status, body={"error": "denied"}, name=str(status)))
        stage.rest(11)
        figures.healed = now()
        figures.requests = stage.tiktok.requests_between(figures.begun, figures.healed)
        stage.tiktok.off(rule)
        figures.account = stage.finish()
        figures.transitions = stage.transitions()
        return figures

    return play


def held_for_long(stage):
    """Longer than auth_hold: events go the alternate way with that reason, and come back with the credential."""
    stage.play(30)
    stage.rest(2)
    stage.tiktok.tokens.clear()
    wait_for(lambda: stage.tail.first(reason="credential"), 90, lambda: f"diverted\n{stage.tails()}")
    figures = scenes.Figures(begun=now())
    stage.rest(3)
    stage.tiktok.tokens.add(fake_tiktok.TOKEN)
    figures.account = stage.finish(150)
    figures.more["log"] = stage.run.log
    return figures


SCENES = {
    "held": (held_for_long, 0.1),
    "pixel held": (pixel_held_for_long, 0.1),
    "wrong token": (scenes.wrong_token(), 0.2),
    "one pixel 40001": (one_pixel_refused(40001), 0.15),
    "one pixel 403": (one_pixel_refused(40001, 403), 0.15),
    "401": (refused_by_status(401), 0.1),
    "403": (refused_by_status(403), 0.1),
}


@plays("wrong token")
def test_a_wrong_token_costs_few_requests(figures):
    assert figures.requests <= 8
    assert not figures.account.diverted and not figures.account.dead, figures.account
    assert not figures.transitions, "a refused credential says nothing of health"


@plays("wrong token")
def test_a_new_token_delivers_again_within_seconds(figures):
    assert figures.back_after <= 6
    assert not figures.account.lost and not figures.account.both, figures.account


@plays("401", "403")
def test_a_refusal_by_status_holds_as_well(figures):
    assert figures.requests <= 8
    assert not figures.account.lost and not figures.account.both, figures.account
    assert not figures.account.diverted and not figures.account.dead, figures.account
    assert not figures.transitions


@plays("one pixel 40001", "one pixel 403")
def test_one_refused_source_id_holds_no_other(figures):
    assert figures.requests <= 8
    assert figures.more["healthy latency"] < 2, "events of the other source id waited"
    assert not figures.account.lost and not figures.account.both, figures.account
    assert not figures.account.diverted and not figures.account.dead, figures.account
    assert not figures.transitions


@pytest.mark.slow
@plays("held")
def test_held_for_long_is_diverted_and_named(figures):
    account = figures.account
    assert not account.lost and not account.both, account
    assert set(account.diverted) == {"credential"} and not account.dead, account
    assert "access_token" in figures.more["log"] or "token" in figures.more["log"], "which secret is refused"
    assert fake_tiktok.TOKEN not in figures.more["log"]


@pytest.mark.slow
@plays("pixel held")
def test_one_source_id_held_for_long_holds_up_no_partition(figures):
    account = figures.account
    assert not account.lost and not account.both, account
    assert set(account.diverted) == {"credential"} and not account.dead, account
    assert figures.more["pixels"] == {"CLOSTPIXEL"}
