"""Secrets and personal data stay where they belong; the broker is spoken to by TLS and a password."""

import subprocess

import events
import fake_tiktok
from events import CANARIES
from world import Record

REVOKED = "tok-canary-revoked-99"


def all_output(world):
    """Everything a person or a machine could read: logs, metrics, headers of our topics."""
    texts = {"log": "".join(run.log for run in world.runs)}
    for run in world.runs:
        if run.child and run.child.poll() is None:
            for path in ("/metrics", "/livez", "/readyz"):
                texts[path] = run.get(path)[1]
    for topic in ("dead", "utm"):
        notes = world.notes(topic)
        texts[f"headers of {topic}"] = "\n".join(f"{k}={v}" for n in notes for k, v in n.detour.items())
    return texts


def test_no_secret_and_no_personal_data_in_what_it_says(world):
    world.create_all()
    encode = events.Encoder(events.CONVERSION)
    good = world.conversions(200)
    wrong = [
        Record(events.confluent(1, encode(events.conversion("cut")))[:-3], key=CANARIES["email"].encode()),
        Record(CANARIES["email"].encode()),
        Record(events.confluent(9, CANARIES["phone"].encode())),
        Record(events.confluent(1, encode(events.conversion("x", event=""))), key=CANARIES["phone"].encode()),
    ]
    world.produce(good + wrong)
    world.tiktok.on(fake_tiktok.Answer(status=500, body={"code": 50000, "message": f"cannot hash {CANARIES['email']}"},
                                       name="echo"), times=4)
    world.tiktok.on(fake_tiktok.Answer(body={"code": 40002, "message": f"Invalid value {CANARIES['email']} {fake_tiktok.TOKEN}"},
                                       name="echo 40002"), ids=[good[0].id])
    world.tiktok.on(fake_tiktok.Answer(body={"code": 12345, "message": CANARIES["phone"]}, name="echo unknown"),
                    ids=[good[1].id])
    config = world.config(log={"level": "debug"})
    config["kafka"]["properties"]["sasl.password"] = "pass-canary-31415"
    run = world.detour(config, environment={"SECRET_ENV": "env-canary-27182"}).start()
    world.wait_settled()
    outputs = all_output(world)
    run.stop()
    outputs["log"] = run.log
    assert outputs["headers of dead"]
    secrets = [fake_tiktok.TOKEN, "pass-canary-31415", "env-canary-27182", *CANARIES.values(),
               *(events.hashed(v) for v in CANARIES.values())]
    for where, text in outputs.items():
        for secret in secrets:
            assert secret not in text, f"{secret} in {where}"


def test_a_secret_is_not_on_the_command_line_and_not_in_errors(world):
    world.create_all()
    token = world.directory / "token"
    token.write_text("two\nlines-canary\n")
    result = world.detour().check()
    assert result.returncode == 1, "a token with a line break inside could inject a header"
    assert "lines-canary" not in result.stdout + result.stderr
    token.write_text(fake_tiktok.TOKEN)
    run = world.detour().start().wait_ready()
    with open(f"/proc/{run.child.pid}/cmdline", "rb") as line:
        assert fake_tiktok.TOKEN.encode() not in line.read()


def secure(world, kafka, **changes):
    properties = {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(kafka.authority.ca),
        "sasl.mechanisms": "PLAIN",
        "sasl.username": kafka.USER,
        "sasl.password": {"env": "KAFKA_PASSWORD"},
    }
    properties.update(changes)
    return world.config(kafka={"brokers": kafka.secure_brokers, "properties": properties})


def test_sasl_ssl_to_the_broker(world, kafka):
    world.create_all()
    records = world.conversions(500)
    records += [Record(b"garbage", want="decode_failed") for _ in range(20)]
    world.produce(records)
    run = world.detour(secure(world, kafka), environment={"KAFKA_PASSWORD": kafka.PASSWORD}).start()
    world.wait_settled()
    world.settle_account(records)
    run.stop()
    assert kafka.PASSWORD not in run.log


def test_a_broker_that_cannot_be_trusted_is_not_used(world, kafka):
    world.create_all()
    other = world.directory / "other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=another CA",
                    "-keyout", world.directory / "other.key", "-out", other], check=True, capture_output=True)
    for changes, password, says in (({"ssl.ca.location": str(other)}, kafka.PASSWORD, ("_SSL", "ssl.ca.location")),
                                    ({}, "wrong-canary-5", ("_AUTHENTICATION", "sasl.password"))):
        run = world.detour(secure(world, kafka, **changes), environment={"KAFKA_PASSWORD": password})
        result = run.command("run", "-c", "detour.yaml")
        assert result.returncode == 3, result.stderr
        assert "wrong-canary-5" not in result.stderr
        assert all(word in result.stderr for word in says), result.stderr
    refused = secure(world, kafka, **{"enable.ssl.certificate.verification": False})
    result = world.detour(refused, environment={"KAFKA_PASSWORD": "x"}).check()
    assert result.returncode == 1 and "enable.ssl.certificate.verification" in result.stdout + result.stderr
