"""What cannot work says so before anything starts: the place, the way out, the exit code."""

import json
import re

import pytest

from detour import yaml
from services import free_port


def edit(**changes):
    return lambda world: world.config(**changes)


# name, configuration, what the message has to say
WRONG = [
    ("unknown key at the top", edit(kafak={"x": 1}), r"kafak.*kafka"),
    ("unknown key inside", edit(kafka={"brokres": "x"}), r"brokres.*brokers"),
    ("wrong type", edit(workers="many"), r"workers"),
    ("out of bounds", edit(workers=0), r"workers"),
    ("a duration without unit", edit(shutdown={"drain": 20}), r"drain"),
    ("no topics", edit(kafka={"topics": []}), r"topics"),
    ("missing section", edit(destinations=...), r"destinations"),
    ("no such destination", edit(routes=[{"name": "a", "match": {}, "legs": [["tiktokk"]]}]), r"tiktokk.*tiktok"),
    ("no such path", edit(routes=[{"name": "a", "match": {"properties.valu": "> 1"}, "legs": [["utm"]]}]),
     r"properties\.valu"),
    ("text against a number", edit(routes=[{"name": "a", "match": {"properties.value": "abc"}, "legs": [["utm"]]}]),
     r"properties\.value"),
    ("bad regular expression", edit(routes=[{"name": "a", "match": {"event": "=~ ("}, "legs": [["utm"]]}]), r"expression|=~"),
    ("a map to a field TikTok has not", edit(destinations={"tiktok": {"map": {"user.emial": "user.email"}}}), r"user\.emial"),
    ("a map from a path the schema has not", edit(destinations={"tiktok": {"map": {"user.email": "user.mail"}}}), r"user\.mail"),
    ("dead letter is not kafka", edit(dead_letter="tiktok"), r"dead_letter|kafka"),
    ("no such dead letter", edit(dead_letter="nowhere"), r"nowhere"),
    ("no schema directory", edit(schemas={"directory": "nowhere"}), r"nowhere"),
    ("no such reader", edit(schemas={"reader": "com.example.Nothing"}), r"com\.example\.Nothing"),
    ("no such schema file", edit(schemas={"ids": {1: "nothing.avsc"}}), r"nothing\.avsc"),
    ("no token file", edit(destinations={"tiktok": {"access_token": {"file": "nowhere/token"}}}), r"nowhere/token"),
    ("no token variable", edit(destinations={"tiktok": {"access_token": {"env": "DETOUR_TEST_NOT_SET", "file": ...}}}), r"DETOUR_TEST_NOT_SET"),
    ("variable without default", edit(kafka={"group": "${DETOUR_TEST_NOT_SET}"}), r"DETOUR_TEST_NOT_SET"),
    ("property that breaks the promises", edit(kafka={"properties": {"enable.auto.commit": True}}), r"enable\.auto\.commit"),
    ("plain http beyond this machine", edit(destinations={"tiktok": {"url": "http://tiktok.example", "allow_private": ...}}), r"http"),
]


@pytest.mark.parametrize("name, make, says", WRONG, ids=[w[0] for w in WRONG])
def test_a_wrong_configuration_says_its_place_and_nothing_starts(world, name, make, says):
    run = world.detour(make(world))
    for command, code in (("check", 1), ("run", 2)):
        result = run.command(command, "-c", "detour.yaml", timeout=20)
        text = result.stdout + result.stderr
        assert result.returncode == code, f"{command}: exit {result.returncode}\n{text}"
        lines = [line for line in text.splitlines() if re.search(r"detour\.yaml:\d+:\d+: ", line)]
        assert lines, f"{command}: no file:line:column in\n{text}"
        assert any(re.search(says, line) for line in lines), f"{command}: nothing of /{says}/ in\n{text}"


NOT_YAML = [
    ("empty", ""),
    ("not yaml", "kafka: [unclosed\n"),
    ("tab", "kafka:\n\tbrokers: x\n"),
    ("duplicate key", "kafka: {brokers: a, group: g, topics: [t]}\nkafka: {brokers: b, group: g, topics: [t]}\n"),
    ("alias", "a: &x [1]\nb: *x\n"),
    ("merge key", "a: {<<: {b: 1}}\n"),
    ("two documents", "a: 1\n---\nb: 2\n"),
    ("deep", "a: " + "[" * 200 + "]" * 200 + "\n"),
    ("huge", "# " + "x" * 2_000_000 + "\n"),
    ("not UTF-8", "kafka: {group: \udcff}\n"),
]


@pytest.mark.parametrize("name, text", NOT_YAML, ids=[n[0] for n in NOT_YAML])
def test_a_file_that_is_not_such_yaml(world, name, text):
    run = world.detour()
    run.file.write_bytes(text.encode("utf-8", "surrogateescape"))
    result = run.check()
    assert result.returncode == 1, result.stdout + result.stderr
    assert "detour.yaml" in result.stdout + result.stderr


def test_all_errors_at_once(world):
    config = world.config(workers=0, kafak=1, dead_letter="nowhere", log={"level": "loud"})
    text = world.detour(config).check()
    found = re.findall(r"detour\.yaml:(\d+):\d+: ", text.stdout + text.stderr)
    assert len(set(found)) >= 4, text.stdout + text.stderr


def test_errors_name_the_right_line(world):
    config = yaml(world.config())
    number = next(i for i, line in enumerate(config.splitlines(), 1) if line.startswith("workers:"))
    column = len("workers: ") + 1
    run = world.detour(config.replace("workers: 1", "workers: none"))
    assert f"detour.yaml:{number}:{column}: " in run.check().stderr + run.check().stdout


def test_check_as_json(world):
    good = world.detour()
    result = good.check("--json")
    assert result.returncode == 0
    assert json.loads(result.stdout)["ok"] is True
    good.write(world.config(kafak=1))
    result = good.check("--json")
    assert result.returncode == 1
    answer = json.loads(result.stdout)
    assert answer["ok"] is False
    assert {"file", "line", "column", "message"} <= answer["errors"][0].keys()
    assert answer["errors"][0]["file"].endswith("detour.yaml")


def test_a_route_that_never_matches_is_named(world):
    routes = [{"name": "everything", "match": {}, "legs": [["tiktok"]]},
              {"name": "too-late", "match": {"event": "Purchase"}, "legs": [["utm"]]}]
    result = world.detour(world.config(routes=routes)).check()
    assert "too-late" in result.stdout + result.stderr


@pytest.mark.parametrize("command", [("run",), ("check", "--online")], ids=["run", "check --online"])
def test_brokers_that_do_not_answer_are_exit_3(world, command):
    port = free_port()
    run = world.detour(world.config(kafka={"brokers": f"127.0.0.1:{port}"}))
    result = run.command(*command, "-c", "detour.yaml", timeout=60)
    assert result.returncode == 3, result.stdout + result.stderr
    assert str(port) in result.stdout + result.stderr or "broker" in result.stdout + result.stderr


def test_a_broker_whose_name_does_not_resolve_is_exit_3_and_says_so(world):
    run = world.detour(world.config(kafka={"brokers": "no-such-broker.invalid:9092"}))
    result = run.command("run", "-c", "detour.yaml", timeout=60)
    assert result.returncode == 3, result.stderr
    assert "does not resolve" in result.stderr and "_RESOLVE" in result.stderr


def test_a_source_topic_that_is_not_there_is_exit_3_with_the_way_out(world):
    result = world.detour().command("run", "-c", "detour.yaml")
    assert result.returncode == 3, result.stderr
    assert world.topics["source"] in result.stderr
    assert "detour topics -c" in result.stderr and "--create" in result.stderr
    line = next(i for i, text in enumerate(yaml(world.config()).splitlines(), 1) if text.startswith("  topics:"))
    column = len('  topics: [') + 1
    assert f"detour.yaml:{line}:{column}: the source topic" in result.stderr


def test_topics_are_shown_and_made(world):
    run = world.detour()
    looked = run.command("topics", "-c", "detour.yaml")
    assert looked.returncode == 1, looked.stdout + looked.stderr
    for topic in world.topics.values():
        assert topic in looked.stdout
    made = run.command("topics", "-c", "detour.yaml", "--create")
    assert made.returncode == 0, made.stdout + made.stderr
    assert set(world.topics.values()) <= set(world.admin.list_topics(timeout=10).topics)
    assert run.command("topics", "-c", "detour.yaml").returncode == 0
    records = world.produce(world.conversions(30))
    run.start()
    world.wait_settled()
    world.settle_account(records)


def test_check_online_asks_the_world(world):
    run = world.detour()
    missing = run.command("check", "-c", "detour.yaml", "--online")
    assert missing.returncode == 1, missing.stdout + missing.stderr
    assert world.topics["source"] in missing.stdout + missing.stderr
    world.create_all()
    good = run.command("check", "-c", "detour.yaml", "--online")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "credential of tiktok: accepted" in good.stdout
    for topic in world.topics.values():
        assert re.search(rf"{topic} .* 3 +\d+ +7 d", good.stdout), good.stdout


def test_check_online_says_what_it_did_not_ask(world):
    world.create_all()
    destinations = {"warehouse": {"type": "http", "url": "http://127.0.0.1:1/", "allow_private": True}}
    routes = [{"name": "all", "match": {}, "legs": [["tiktok", "utm"], ["warehouse"]]}]
    run = world.detour(world.config(destinations=destinations, routes=routes))
    text = run.command("check", "-c", "detour.yaml", "--online")
    assert text.returncode == 0, text.stdout + text.stderr
    assert "credential of warehouse: not asked" in text.stdout
    answer = json.loads(run.command("check", "-c", "detour.yaml", "--online", "--json").stdout)
    assert {c["destination"]: c["ok"] for c in answer["credentials"]} == {"tiktok": True, "warehouse": None}


def test_the_admin_port_in_use_is_said(world):
    world.create_all()
    first = world.detour(name="first").start().wait_ready()
    second = world.detour(first.config, name="second")
    result = second.command("run", "-c", "second.yaml")
    assert result.returncode in (2, 3), result.stderr
    assert first.config["admin"]["listen"].split(":")[1] in result.stderr


@pytest.mark.parametrize("words", [[], ["rnu"], ["run"], ["run", "-c"], ["run", "--nonsense"], ["check"], ["run", "-c", "nowhere.yaml"]])
def test_wrong_usage_is_exit_2(world, words):
    result = world.detour().command(*words)
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr.strip()


def test_help_and_version(world):
    run = world.detour()
    assert run.command("--help").returncode == 0 and "run" in run.command("--help").stdout
    for command in ("run", "check", "topics", "sandbox", "generate", "simulate"):
        result = run.command(command, "--help")
        assert result.returncode == 0 and command in result.stdout, command
    assert re.search(r"\d+\.\d+\.\d+", run.command("--version").stdout)
