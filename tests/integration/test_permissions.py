"""check --online asks the brokers what the principal may do: on a Kafka with an authorizer, right by right."""

import json
import re
import time

import pytest
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, ResourcePatternType,
                                   ResourceType)

from services import Kafka, wait_for
from test_metrics import status_of
from test_security import secure
from world import Record, World


class GuardedKafka(Kafka):
    """Whoever comes by the plain listener may do anything; the user of the other one what ACLs say."""

    def settings(self):
        return super().settings() + ("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
                                     "super.users=User:ANONYMOUS\n")


@pytest.fixture(scope="module")
def guarded_kafka(tmp_path_factory, authority):
    kafka = GuardedKafka(tmp_path_factory.mktemp("guarded") / "kafka", authority).start()
    yield kafka
    kafka.stop()


class Guarded:
    """A world whose detour is a principal that may do nothing until it is allowed to."""

    def __init__(self, world):
        self.world = world
        self.run = world.detour(secure(world, world.kafka), environment={"KAFKA_PASSWORD": world.kafka.PASSWORD})

    def allow(self, resource, name, *operations):
        bindings = [AclBinding(resource, name, ResourcePatternType.LITERAL, f"User:{self.world.kafka.USER}", "*", o,
                               AclPermissionType.ALLOW) for o in operations]
        for future in self.world.admin.create_acls(bindings).values():
            future.result(20)

    def forget(self):
        everything = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY,
                                      AclPermissionType.ANY)
        for future in self.world.admin.delete_acls([everything]).values():
            future.result(20)

    def allow_all(self, but=None):
        topics, op = self.world.topics, AclOperation
        rights = {
            "Read source": (ResourceType.TOPIC, topics["source"], op.READ, op.DESCRIBE_CONFIGS),
            "Write utm": (ResourceType.TOPIC, topics["utm"], op.WRITE, op.DESCRIBE_CONFIGS),
            "Write dead": (ResourceType.TOPIC, topics["dead"], op.WRITE, op.DESCRIBE_CONFIGS),
            "Read group": (ResourceType.GROUP, self.world.group, op.READ),
        }
        for name, right in rights.items():
            if name != but:
                self.allow(*right)
        if but and but.split()[1] in topics:
            self.allow(ResourceType.TOPIC, topics[but.split()[1]], op.DESCRIBE, op.DESCRIBE_CONFIGS)
        if but == "Read group":
            self.allow(ResourceType.GROUP, self.world.group, op.DESCRIBE)

    def check(self, code):
        """The answer once the broker has taken in what was allowed just now."""
        answers = []

        def is_it():
            result = self.run.check("--online", "--json")
            answers.append(result)
            return result.returncode == code

        wait_for(is_it, 30, lambda: f"exit {code}: {answers[-1].stdout}{answers[-1].stderr}", 0.5)
        return json.loads(answers[-1].stdout)


@pytest.fixture
def guarded(tmp_path, guarded_kafka, tiktok, binary):
    world = World(tmp_path, guarded_kafka, None, tiktok)
    world.create_all()
    guarded = Guarded(world)
    yield guarded
    guarded.forget()
    world.end()


def states(answer):
    return {(p["operation"], p["name"]): p["ok"] for p in answer["permissions"]}


def messages(answer, level="errors"):
    return "\n".join(d["message"] for d in answer[level])


def test_all_that_run_needs_is_ok_and_nothing_is_left_behind(guarded):
    world = guarded.world
    guarded.allow_all()
    answer = guarded.check(0)
    assert set(states(answer).values()) == {True}
    assert len(answer["permissions"]) == 5
    text = guarded.run.check("--online").stdout
    assert f"permission Write on topic {world.topics['dead']}: granted" in text
    assert re.search(rf"{world.topics['source']} +source +3 +\d+ +7 d", text), text
    assert all(len(line) <= 80 for line in text.split("\n\n", 1)[-1].splitlines() if world.topics["source"] in line), text
    for name in ("source", "utm", "dead"):
        assert set(world.ends(world.topics[name]).values()) == {(0, 0)}, "something was written"
    assert world.committed() == {}
    records = world.produce(world.conversions(20))
    guarded.run.start()
    world.wait_settled()
    world.settle_account(records)


def test_it_may_be_asked_while_a_group_is_at_work(guarded):
    world = guarded.world
    guarded.allow_all()
    guarded.check(0)
    records = world.produce(world.conversions(20))
    run = world.detour(guarded.run.config, name="working", environment=guarded.run.environment).start().wait_ready()
    for _ in range(3):
        guarded.check(0)
    world.wait_settled()
    world.settle_account(records)
    assert "source.revoked" not in run.log


@pytest.mark.parametrize("but, operation, where", [
    ("Read source", "Read", "source"), ("Write utm", "Write", "utm"), ("Write dead", "Write", "dead"),
    ("Read group", "Read", "group")])
def test_a_missing_right_is_named_with_the_way_out(guarded, but, operation, where):
    world = guarded.world
    name = world.group if where == "group" else world.topics[where]
    guarded.allow_all(but)
    answer = guarded.check(1)
    wait_for(lambda: list(states(guarded.check(1)).values()).count(False) == 1, 30, "only one right is missing", 0.5)
    answer = guarded.check(1)
    assert states(answer)[operation, name] is False
    assert f"--operation {operation} --{'group' if where == 'group' else 'topic'} {name}" in messages(answer)
    assert len(answer["errors"]) == 1 and answer["errors"][0]["line"] > 1


def test_describe_alone_is_not_enough(guarded):
    world = guarded.world
    for topic in world.topics.values():
        guarded.allow(ResourceType.TOPIC, topic, AclOperation.DESCRIBE)
    wait_for(lambda: len(guarded.check(1)["permissions"]) == 5, 30, "the topics are seen", 0.5)
    answer = guarded.check(1)
    assert states(answer) == {("Read", world.group): False, ("IdempotentWrite", None): False,
                              ("Read", world.topics["source"]): False, ("Write", world.topics["utm"]): False,
                              ("Write", world.topics["dead"]): False}
    assert "--operation IdempotentWrite --cluster" in messages(answer)
    assert messages(answer, "warnings").count("could not be asked (Broker: Topic authorization failed): "
                                              "grant DescribeConfigs") == 3
    text = guarded.run.check("--online").stdout
    assert f"permission Read on group {world.group}: refused" in text


def test_topics_made_together_agree(guarded):
    """A dead letter's size is taken from the source even when both are new."""
    world = guarded.world
    world.topics = {n: f"{world.name}.new.{n}" for n in ("source", "utm", "dead")}
    run = world.detour(name="new")
    made = run.command("topics", "-c", "new.yaml", "--create", "--json")
    assert made.returncode == 0, made.stdout + made.stderr
    again = run.command("topics", "-c", "new.yaml", "--json")
    for result in (made, again):
        topics = {t["role"]: t for t in json.loads(result.stdout)["topics"]}
        assert not any(t["remark"] for t in topics.values()), result.stdout
        assert topics["dead letter"]["max_message_bytes"] == topics["source"]["max_message_bytes"] + 65536
    checked = run.command("check", "-c", "new.yaml", "--online")
    assert checked.returncode == 0 and "0 warnings" in checked.stdout, checked.stdout


def errors_of(run):
    return {e["error"]: e for e in status_of(run)["kafka"]["errors"]}


@pytest.mark.parametrize("but, error, says", [
    ("Read source", "TOPIC_AUTHORIZATION_FAILED", "--operation Read --topic"),
    ("source unseen", "TOPIC_AUTHORIZATION_FAILED", "--operation Read --topic"),
    ("Read group", "GROUP_AUTHORIZATION_FAILED", "--operation Read --group")])
def test_run_says_which_right_is_missing_and_goes_on_by_itself(guarded, but, error, says):
    world = guarded.world
    guarded.allow_all("Read source" if but == "source unseen" else but)
    if but == "source unseen":
        guarded.forget()
        guarded.allow(ResourceType.GROUP, world.group, AclOperation.READ)
        for topic in ("utm", "dead"):
            guarded.allow(ResourceType.TOPIC, world.topics[topic], AclOperation.WRITE)
    wait_for(lambda: guarded.check(1), 30, "in force")
    records = world.produce(world.conversions(20))
    run = guarded.run.start()
    name = world.group if but == "Read group" else world.topics["source"]
    wait_for(lambda: run.get("/readyz")[0] != 0, 30, lambda: f"it runs: {run.tail()}")
    wait_for(lambda: error in run.log or (error in errors_of(run)), 30, lambda: f"{error} is told: {run.tail()}")
    if but == "Read source":  # seen, not read: each partition is blocked by name
        wait_for(lambda: run.metric("detour_partition_blocked", reason="authorization") == 3, 30, "blocked by name")
        assert {p["error"]["error"] for p in status_of(run)["partitions"]} == {error}
    else:
        found = wait_for(lambda: errors_of(run).get(error), 30, lambda: f"the state says it: {run.tail()}")
        assert found["resource"] == name and says in found["next"] and not found["passes"]
        code, why = run.get("/readyz")
        assert code == 503 and name in why and says in why, why
    lines = run.log.count("\n")
    time.sleep(5)
    assert run.log.count("\n") - lines < 10, f"no line for each try: {run.tail()}"
    assert run.get("/livez")[0] == 200
    guarded.allow_all()
    world.wait_settled()
    world.settle_account(records)
    wait_for(lambda: run.get("/readyz")[0] == 200 and not errors_of(run), 30, lambda: f"over: {errors_of(run)}")
    assert run.metric("detour_partition_blocked", reason="authorization") == 0


def test_a_right_that_is_taken_away_stops_what_needs_it_by_name(guarded):
    world = guarded.world
    guarded.allow_all()
    guarded.check(0)
    records = world.produce(world.conversions(20) + [Record(b"garbage", want="decode_failed")])
    run = guarded.run.start().wait_ready()
    world.wait_settled()
    guarded.forget()
    guarded.allow_all("Read source")
    records += world.produce(world.conversions(20, "later"))
    wait_for(lambda: run.metric("detour_partition_blocked", reason="authorization") > 0, 30, lambda: run.tail())
    assert "--operation Read --topic" in run.wait_log("event=source.unreadable .*").group()
    guarded.forget()
    guarded.allow_all("Write dead")
    records += world.produce([Record(b"more garbage", want="decode_failed")])
    wait_for(lambda: run.metric("detour_partition_blocked", reason="dead_letter") > 0, 60, lambda: run.tail())
    told = wait_for(lambda: re.search("event=kafka.error from=producer .*", run.log), 30, "told").group()
    assert f"--operation Write --topic {world.topics['dead']}" in told
    guarded.allow_all()
    world.wait_settled()
    world.settle_account(records)
