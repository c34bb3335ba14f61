"""What TikTok may answer, and what becomes of the events: the verdicts of the contract."""

import pytest

import fake_tiktok
from world import utm_value

# These tests look at one answer at a time: no breaker opens while they do.
# Three events, three attempts: nine calls, one fewer than any rule of health wants to see.
TOO_FEW_FOR_HEALTH = 3


def counted(world, records, run):
    world.wait_settled()
    world.settle_account(records)
    return world.tiktok.requests


def test_40002_with_an_index_condemns_that_event_alone(world):
    world.create_all(partitions=1)
    records = world.conversions(400)
    bad = records[::80]
    for record in bad:
        record.want = "rejected"
    world.tiktok.on(fake_tiktok.refuse_ids([r.id for r in bad], with_index=True))
    world.produce(records)
    run = world.detour().start()
    requests = counted(world, records, run)
    refusals = [r for r in requests if r.answer == "40002 index"]
    assert len(refusals) == len(bad), "one refusal for each culprit"
    note = world.notes("dead")[0].detour
    assert note["code"] == "40002" and note["http.status"] == "200" and note["outcome"] == "rejected"
    assert note["request.id"] and note["destination"] == "tiktok"


def test_40002_without_an_index_is_bisected_with_bounded_requests(world):
    world.create_all(partitions=1)
    records = world.conversions(500, event="Purchase")
    bad = records[17::250]
    for record in bad:
        record.want = "rejected"
    world.tiktok.on(fake_tiktok.refuse_ids([r.id for r in bad], with_index=False))
    world.produce(records)
    run = world.detour(world.config(destinations={"tiktok": {"batch": {"events": 128}}})).start()
    requests = counted(world, records, run)
    # Halving 128 down to one culprit asks at most twice on each of 7 levels, for each culprit.
    batches = 500 / 128 + 8
    assert len(requests) <= batches + len(bad) * 2 * 8, f"{len(requests)} requests"


@pytest.mark.parametrize("message, innocents", [
    ('Invalid value for description: "see data[0] for more" is not allowed.', 0),
    ("data.0.event_id: see data.0", 3),  # an echo where the service names items: believed thrice
])
def test_an_echo_that_looks_like_an_index_condemns_nearly_nobody_else(world, message, innocents):
    world.create_all(partitions=1)
    records = world.conversions(60, event="Purchase")
    culprit = records[40].id
    world.tiktok.on(lambda request: fake_tiktok.Answer(body=fake_tiktok.said(40002, message), name="echo")
                    if culprit in request.ids else None)
    world.produce(records)
    world.detour().start()
    world.wait_settled()
    dead = {note.detour["event.id"]: note.detour for note in world.notes("dead")}
    assert culprit in dead and len(dead) <= 1 + innocents, sorted(dead)
    assert {note["attempts"] for note in dead.values()} == {"1"}, "what others were refused for does not count"
    assert set(world.tiktok.accepted) == {r.id for r in records} - set(dead)


def test_20001_settles_each_event_by_its_own_result(world):
    world.create_all()
    records = world.conversions(300)
    failed = records[::50]
    for record in failed:
        record.want = "rejected"
    world.tiktok.on(fake_tiktok.partial([r.id for r in failed]))
    world.produce(records)
    counted(world, records, world.detour().start())


@pytest.mark.parametrize("name, answer", [
    ("50000", fake_tiktok.code(50000)),
    ("51010", fake_tiktok.code(51010)),
    ("502 html", fake_tiktok.html(502)),
    ("503 json", fake_tiktok.gateway_json(503)),
    ("reset", fake_tiktok.reset()),
    ("no answer", fake_tiktok.hang()),
    ("200 html", fake_tiktok.html(200)),
])
def test_a_transient_failure_is_tried_again(world, name, answer):
    world.create_all()
    records = world.produce(world.conversions(60))
    world.tiktok.on(answer, times=2)
    config = world.config(destinations={"tiktok": {"retry": {"attempts": 5},
                                                   "timeout": {"connect": "500ms", "first_byte": "500ms", "total": "1s"}}})
    counted(world, records, world.detour(config).start())


@pytest.mark.parametrize("name, answer, outcome, status, code", [
    ("50000", fake_tiktok.code(50000), "ambiguous", "200", "50000"),
    ("502 html", fake_tiktok.html(502), "ambiguous", "502", None),
    ("reset", fake_tiktok.reset(), "ambiguous", None, None),
])
def test_exhausted_retries_take_the_next_in_the_chain(world, name, answer, outcome, status, code):
    world.create_all()
    records = world.conversions(TOO_FEW_FOR_HEALTH)
    for record in records:
        record.want = "utm"
    world.produce(records)
    world.tiktok.on(answer)
    world.detour(world.config()).start()
    world.wait_settled()
    world.settle_account(records)
    for note in world.notes("utm"):
        assert note.reason == "retries_exhausted"
        assert note.detour["outcome"] == outcome
        assert note.detour.get("http.status") == status
        assert note.detour.get("code") == code
        assert 1 <= int(note.detour["attempts"]) <= 3
        assert utm_value(note.message, "single-object")["reason"] == "retries_exhausted"


def test_20001_that_tells_nothing_is_asked_again_in_halves(world):
    """Nobody knows what became of these events: smaller batches tell, and none takes another way for that."""
    world.create_all()
    records = world.produce(world.conversions(300))
    silent = fake_tiktok.Answer(body={"code": 20001, "message": "Partial success", "data": {}}, name="20001 silent")
    world.tiktok.on(lambda request: silent if len(request.ids) > 1 else None)
    counted(world, records, world.detour().start())
    assert not world.notes("utm") and not world.notes("dead")
    assert len(world.tiktok.requests) <= 2 * len(records) + 20


def test_20001_that_never_tells_is_ambiguous(world):
    world.create_all()
    records = world.conversions(TOO_FEW_FOR_HEALTH)
    for record in records:
        record.want = "utm"
    world.produce(records)
    world.tiktok.on(fake_tiktok.Answer(body={"code": 20001, "message": "Partial success", "data": {}}, name="20001 silent"))
    world.detour().start()
    world.wait_settled()
    world.settle_account(records)
    assert {n.detour["outcome"] for n in world.notes("utm")} == {"ambiguous"}


def test_at_the_end_of_the_chain_is_the_dead_letter_topic(world):
    world.create_all()
    records = world.conversions(TOO_FEW_FOR_HEALTH)
    for record in records:
        record.want = "retries_exhausted"
    world.produce(records)
    world.tiktok.on(fake_tiktok.code(50000))
    world.detour(world.config(routes=[{"name": "only", "match": {}, "legs": [["tiktok"]]}])).start()
    world.wait_settled()
    world.settle_account(records)


def test_one_dark_event_type_leaves_the_others_alone(world):
    world.create_all()
    records = world.conversions(600)
    world.produce(records)
    world.tiktok.on(fake_tiktok.code(50000), event="Purchase")
    world.detour().start()
    world.wait_settled()
    for item in world.tiktok.items.values():
        assert item["event"] != "Purchase"
    delivered = set(world.tiktok.items)
    for record in records:
        record.want = "tiktok" if record.id in delivered else "utm"
    world.settle_account(records)
    assert {n.detour["event.type"] for n in world.notes("utm")} == {"Purchase"}


def test_connection_refused_is_never_sent(world):
    world.create_all()
    records = world.conversions(30)
    for record in records:
        record.want = "utm"
    world.produce(records)
    world.tiktok.stop()
    world.detour().start()
    world.wait_settled()
    world.settle_account(records)
    assert {n.detour["outcome"] for n in world.notes("utm")} == {"never_sent"}


@pytest.mark.parametrize("answer", [
    fake_tiktok.code(40100, "Too many requests.", Retry_After=1),
    fake_tiktok.code(40133),
    fake_tiktok.code(61000),
    fake_tiktok.Answer(status=429, body={"error": "slow"}, headers={"Retry-After": "1"}, name="429"),
], ids=["40100", "40133", "61000", "429"])
def test_throttled_events_wait_and_no_attempt_is_counted(world, answer):
    world.create_all()
    records = world.produce(world.conversions(40, event="Purchase"))
    rule = world.tiktok.on(answer)
    run = world.detour(world.config(destinations={"tiktok": {"retry": {"attempts": 1}}})).start()
    world.tiktok.wait_requests(2, timeout=30)
    assert len(world.tiktok.requests) < 40, "a throttled destination is not hammered"
    world.tiktok.off(rule)
    world.wait_settled()
    world.settle_account(records)
    assert run.metric("detour_deliveries_total", verdict="throttled") > 0


def test_throttled_for_too_long_is_diverted(world):
    world.create_all()
    records = world.conversions(40)
    for record in records:
        record.want = "utm"
    world.produce(records)
    world.tiktok.on(fake_tiktok.code(40100))
    world.detour(world.config(destinations={"tiktok": {"throttle": {"wait": "2s", "then": "divert"}}})).start()
    world.wait_settled()
    world.settle_account(records)
    assert {n.reason for n in world.notes("utm")} == {"throttled"}


@pytest.mark.parametrize("number", [40105, 40001])
def test_a_refused_credential_holds_everything(world, number):
    """No event is condemned, few requests are made, and all goes on when the answer changes."""
    world.create_all()
    records = world.produce(world.conversions(500))
    rule = world.tiktok.on(fake_tiktok.code(number))
    run = world.detour(world.config(routes=[{"name": "only", "match": {}, "legs": [["tiktok"]]}])).start()
    world.tiktok.wait_requests(1)
    run.wait_log("credential|hold")
    world.tiktok.wait_requests(2, timeout=20)
    assert len(world.tiktok.requests) <= 24, "a held destination is probed, not hammered"
    assert not world.notes("dead") and not world.tiktok.accepted
    world.tiktok.off(rule)
    world.wait_settled()
    world.settle_account(records)


def test_a_changed_token_file_is_used_at_once(world):
    world.create_all()
    records = world.produce(world.conversions(200))
    token = world.directory / "token"
    run = world.detour(world.config(routes=[{"name": "only", "match": {}, "legs": [["tiktok"]]}]))
    token.write_text("tok-revoked-canary-11\n")
    run.start()
    world.tiktok.wait_requests(1, answer="40105")
    fresh = world.directory / "token.new"
    fresh.write_text("tok-canary-4f1d2a\n")
    fresh.chmod(0o600)
    fresh.rename(token)
    world.wait_settled(timeout=40)
    world.settle_account(records)
    assert "tok-revoked-canary-11" not in run.log and "tok-canary-4f1d2a" not in run.log


def test_an_answer_nobody_has_a_rule_for_is_never_delivered(world):
    world.create_all()
    records = world.conversions(6)
    for record in records:
        record.want = "unknown_verdict"
    world.produce(records)
    strange = fake_tiktok.Answer(body={"code": 12345, "message": "who knows", "data": {}}, name="12345")
    world.tiktok.on(strange)
    world.detour(world.config(routes=[{"name": "only", "match": {}, "legs": [["tiktok"]]}])).start()
    world.wait_settled()
    world.settle_account(records)
    assert {n.detour["code"] for n in world.notes("dead")} == {"12345"}


@pytest.mark.parametrize("name, body", [
    ("code as text", '{"code": "0", "message": "OK"}'),
    ("code as fraction", '{"code": 0.0}'),
    ("code twice", '{"code": 50000, "code": 0}'),
    ("no code", '{"message": "OK"}'),
    ("cut", '{"code": 0, "mess'),
    ("empty", ""),
    ("array", "[0]"),
    ("deep", "[" * 5000),
])
def test_only_an_integer_zero_is_delivered(world, name, body):
    world.create_all()
    records = world.produce(world.conversions(10, event="Purchase"))
    world.tiktok.on(fake_tiktok.Answer(body=body, name="strange"), times=1)
    run = world.detour().start()
    world.wait_settled()
    world.settle_account(records)
    assert run.metric("detour_deliveries_total", verdict="delivered") == 10
    assert world.tiktok.requests[0].answer == "strange" and len(world.tiktok.requests) >= 2


def test_accepted_and_then_cut_off_is_sent_again_with_the_same_id(world):
    """The sender cannot know; TikTok's own deduplication needs the same event id."""
    world.create_all()
    records = world.produce(world.conversions(20, event="Purchase"))
    world.tiktok.on(fake_tiktok.reset_after_accepting(), times=1)
    world.detour().start()
    world.wait_settled()
    first = len(world.tiktok.requests[0].ids)
    assert world.settle_account(records, duplicates=first) == first
