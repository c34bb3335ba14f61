"""docs/runbook.md, command by command, in an incident on a real Kafka."""

import os

import pytest

import runbook

# Commands whose answer is "no": nothing is found, nothing is done, or a record stays.
NO = {
    "detour dlq purge -c detour.yaml --event-id ord-9001": 1,
    "detour dlq ls -c detour.yaml --reason schema_unknown,schema_incompatible": 1,
    "detour dlq purge -c detour.yaml --from conversions.utm --event-id ord-9001": 1,
}


@pytest.fixture
def incident(tmp_path, own_kafka, tiktok, binary):
    incident = runbook.Incident(tmp_path, own_kafka, tiktok)
    yield incident
    incident.end()


def test_every_command_of_the_runbook(incident):
    text = runbook.DOCUMENT.read_text()
    outputs, wrong = {}, []
    for step in runbook.steps(text):
        incident.happen(step.happens)
        for command in step.commands:
            words = incident.words(command.words)
            code, out = incident.do(words)
            outputs[command.line] = words, out.rstrip("\n").splitlines()
            if code != NO.get(words, 0):
                wrong.append(f"exit {code}: {words}\n{out}")
            if not os.environ.get("RUNBOOK_WRITE") and runbook.shape(command.shown) != runbook.shape(out.splitlines()):
                wrong.append(f"other output: {words}\n{out}")
    if os.environ.get("RUNBOOK_WRITE"):
        runbook.DOCUMENT.write_text(runbook.write(text, outputs))
    assert not wrong, "\n\n".join(wrong)
    assert {r.id for r in incident.produced if r.id} == set(incident.tiktok.accepted), "all orders are at TikTok in the end"
    assert not incident.tiktok.duplicates()


def test_the_reader_of_the_document():
    steps = runbook.steps("<!-- test: a -->\n```console\n$ one\nx 1\n$ two\n```\ntext\n```console\n$ three\n```\n")
    assert [(s.happens, [(c.words, c.line, c.shown) for c in s.commands]) for s in steps] == [
        ("a", [("one", 2, ["x 1"]), ("two", 4, [])]), (None, [("three", 8, [])])]
    assert runbook.shape(["3:12  a", "4:1 b", "", "tiktok 3", "tiktok 4", "5s ago"]) == ["0", "", "tiktok", "0s"]
    assert runbook.write("a\n```console\n$ one\nold\n```\nb\n", {2: ("one 1", ["new"])}) == "a\n```console\n$ one 1\nnew\n```\nb\n"
