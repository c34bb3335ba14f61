"""What an operator is told of Kafka: how much waits, how old that figure is, and whether anybody answers."""

import json
import time

import pytest
from confluent_kafka import Producer

import fake_tiktok
from services import Gate, Kafka, wait_for
from test_metrics import is_recent, status_of


def lag(run):
    return run.metric("detour_consumer_lag")


def partition(run, number=0):
    return next(p for p in status_of(run)["partitions"] if p["partition"] == number)


def transactional(world, name="t"):
    producer = Producer({"bootstrap.servers": world.kafka.brokers, "transactional.id": f"{world.name}-{name}",
                         "transaction.timeout.ms": 600_000, "log_level": 0})
    producer.init_transactions(30)
    return producer


def put(producer, world, records):
    for record in records:
        producer.produce(world.topics["source"], record.value, record.key, partition=0)
    assert producer.flush(30) == 0


def test_the_tail_of_a_log_that_holds_no_events_is_no_lag(world):
    """A commit's mark, an aborted transaction, an open one: told apart from events that wait."""
    world.create_all(partitions=1)
    run = world.detour().start().wait_ready()
    producer = transactional(world)
    producer.begin_transaction()
    first = world.conversions(20, "committed")
    put(producer, world, first)
    producer.commit_transaction(30)
    world.tiktok.wait_accepted(r.id for r in first)
    wait_for(lambda: lag(run) == 0, 20, lambda: f"no lag behind a commit: {lag(run)}")
    producer.begin_transaction()
    put(producer, world, world.conversions(30, "aborted"))
    producer.abort_transaction(30)
    # The mark of the end is written by the coordinator after it has answered.
    wait_for(lambda: world.ends(world.topics["source"])[0][1] == 52, 20, "the transaction is over for readers as well")
    wait_for(lambda: partition(run)["lag_age_s"] is not None and partition(run)["lag"] == 0, 20, "aborted is no lag")
    time.sleep(5)  # several rounds: it stays so
    assert lag(run) == 0
    # a restart begins at the last event: the tail is no lag to it, either
    run.stop()
    run.start().wait_ready()
    wait_for(lambda: partition(run)["lag"] == 0 and partition(run)["lag_age_s"] is not None, 20,
             lambda: f"no lag after the restart: {partition(run)}")
    # an open one, and committed events behind it that cannot be read before it ends
    producer.begin_transaction()
    put(producer, world, world.conversions(5, "open"))
    behind = world.conversions(10, "behind")
    for record in behind:
        record.partition = 0
    world.produce(behind)
    wait_for(lambda: run.metric("detour_open_transaction_seconds") >= 3, 30, "the open transaction is named")
    assert lag(run) == 0 and partition(run)["open_transaction_s"] >= 3
    assert "open transaction" in run.command("status", "-c", run.file).stdout
    line = run.wait_log("event=source.open_transaction .*", 30).group()
    assert "behind=15" in line and "transaction.timeout.ms" in line
    producer.abort_transaction(30)
    world.tiktok.wait_accepted(r.id for r in behind)
    wait_for(lambda: run.metric("detour_open_transaction_seconds") == 0 and lag(run) == 0, 20, "over")
    assert partition(run)["open_transaction_s"] is None


def test_lag_and_age_grow_while_a_partition_is_paused(world):
    """Nothing is fetched of a full worker's partitions, so a cached watermark would stand still."""
    world.create_all(partitions=1)
    rule = world.tiktok.on(fake_tiktok.code(40100, "Requests too frequent", Retry_After=30))
    run = world.detour(world.config(in_flight={"events": 100})).start().wait_ready()
    records = world.produce(world.conversions(300, "a"))
    wait_for(lambda: run.metric("detour_partition_blocked", reason="in_flight_events") == 1, 30, "paused")
    wait_for(lambda: lag(run) == 300, 20, lambda: f"300 wait: {lag(run)}")
    for part in range(2, 5):
        records += world.produce(world.conversions(200, f"b{part}"))
        wait_for(lambda: lag(run) == len(records), 20, lambda: f"{len(records)} wait: {lag(run)}")
    assert run.metric("detour_oldest_unsettled_seconds") >= 2
    assert status_of(run)["lag"] == len(records)
    world.tiktok.off(rule)
    run.kill()
    run.start()
    world.wait_settled()
    wait_for(lambda: lag(run) == 0 and run.metric("detour_oldest_unsettled_seconds") == 0, 20, "all settled")


class GatedKafka(Kafka):
    """Says that it is where the gate is."""

    def settings(self):
        self.gate = Gate(self.port)
        self.brokers = f"127.0.0.1:{self.gate.port}"
        return super().settings().replace(f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}",
                                          f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.gate.port}")


@pytest.fixture
def own_kafka(tmp_path):
    kafka = GatedKafka(tmp_path / "kafka").start()
    yield kafka
    kafka.stop()


def test_a_broker_that_is_gone_is_said_and_no_figure_is_fresh(own_world):
    world = own_world
    world.create_all(partitions=1)
    run = world.detour(world.config(in_flight={"events": 50})).start().wait_ready()
    assert run.metric("detour_kafka_up") == 1
    kafka = status_of(run)["kafka"]
    assert kafka["up"] is True and is_recent(kafka["since"]) and kafka["error"] is None and kafka["errors"] == []
    world.tiktok.on(fake_tiktok.code(40100, "Requests too frequent", Retry_After=600))
    world.produce(world.conversions(200))
    wait_for(lambda: lag(run) == 200, 20, lambda: f"200 wait: {lag(run)}")
    world.kafka.gate.shut()
    began = time.monotonic()
    wait_for(lambda: run.metric("detour_kafka_up") == 0, 15, "it is seen")
    print(f"seen after {time.monotonic() - began:.1f} s")
    code, why = run.get("/readyz")
    assert code == 503 and "Kafka" in why and run.get("/livez")[0] == 200
    age = run.metric("detour_consumer_lag_age_seconds")
    wait_for(lambda: run.metric("detour_consumer_lag_age_seconds") >= age + 3, 20, "the figure grows old")
    assert lag(run) == 200, "the last figure known, not 0"
    oldest = run.metric("detour_oldest_unsettled_seconds")
    run.wait_log("event=source.revoked .* lost=true", 30)
    time.sleep(2)
    assert lag(run) == 200, "nor when the group has given up the partition"
    assert run.metric("detour_oldest_unsettled_seconds") > oldest
    status = status_of(run)
    assert status["kafka"]["up"] is False and status["kafka"]["error"] and status["kafka"]["errors"][0]["next"]
    assert status["partitions"][0]["lag_age_s"] >= 3 and status["lag"] == 200
    shown = run.command("status", "-c", run.file).stdout
    assert "Kafka NOT REACHED" in shown and max(map(len, shown.splitlines())) <= 80, shown
    assert run.log.count("event=kafka.error from=cluster") <= 2, "told, and not once a round"
    world.kafka.gate.open()
    wait_for(lambda: run.metric("detour_kafka_up") == 1 and run.get("/readyz")[0] == 200, 60, "back")
    wait_for(lambda: run.metric("detour_consumer_lag_age_seconds") <= 3, 20, "asked again")
    assert "event=kafka.error_over from=cluster" in run.log
    json.dumps(status_of(run))
