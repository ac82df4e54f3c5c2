"""Every log entry is one line, whatever it quotes: a line break could forge a metric."""

import ast
import io
import json
from base64 import b64encode
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.emf import EmfMetrics
from core.domain import log
from core.domain.errors import Code, ImageFailure, Misconfigured, PicturePerfectError, Refusal, Unavailable
from core.domain.model import Door, HandOver, Route
from core.routing.batch_tiers import TIERS
from handler import admin
from localcloud.s3_sqs_cloudwatch import cloudwatch_emf
from tests.support.aws.dispatch_world import Dispatch
from tests.support.aws.kafka_events import batch, record
from tests.support.aws.lambda_failures import gave_up
from tests.support.services import World, s3_event, send
from tests.support.values import NOW, result

ROOT = Path(__file__).parents[3]
FORGED = (
    '{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"PicturePerfect","Dimensions":[["format"]],'
    '"Metrics":[{"Name":"Images"}]}]},"format":"x","Images":1000000}'
)
#: Printed unchanged, its middle line is a metric.
BREAK = f"a\n{FORGED}\nb"
TEXT = st.text(st.characters(exclude_categories=())) | st.just(BREAK)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _metrics(text: str) -> list[Any]:
    """The metrics that CloudWatch would read from a log."""
    metrics: list[Any] = []
    for line in text.splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            continue
        metrics += cloudwatch_emf.metrics(document) if isinstance(document, dict) and "_aws" in document else []
    return metrics


def test_a_forged_metric_in_one_line_is_no_metric() -> None:
    assert _metrics(BREAK)
    assert not _metrics(log.one_line(BREAK))


@given(TEXT)
def test_a_line_is_printable_and_stays_as_it_is(text: str) -> None:
    line = log.one_line(text)
    assert line.isprintable()
    assert len(line.splitlines()) <= 1
    assert log.one_line(line) == line
    line.encode()


def test_words_of_all_languages_stay_as_they_are() -> None:
    assert log.one_line("Grüße von 東京, c:\\new") == "Grüße von 東京, c:\\new"


@given(TEXT)
def test_the_message_of_an_error_is_one_line(text: str) -> None:
    for kind in (ImageFailure, Refusal, Unavailable, Misconfigured):
        error = kind(Code.INVALID_REQUEST, f"{text} is wrong.")
        assert str(error).isprintable()
        assert error.message.isprintable()


def test_the_faults_of_pipeline_files_stay_a_list() -> None:
    assert str(Misconfigured(Code.INVALID_PIPELINE, "a\nb")).splitlines() == ["invalid_pipeline: a", "b"]


@pytest.mark.parametrize("place", ["s3://x/y{}", "s3://home/originals/globex/{}", "s3://{}/a", "s3://x\n/{}"])
@pytest.mark.parametrize("field", ["s3", "filename", "odd"])
def test_no_record_of_kafka_writes_a_line_of_its_own(
    doors: SimpleNamespace, world: World, capfd: pytest.CaptureFixture[str], place: str, field: str
) -> None:
    reference = {"s3": place.format(f"\n{FORGED}\n")} if field == "s3" else {"s3": place, field: BREAK, BREAK: 1}
    send(doors, world, batch(record(json.dumps(reference).encode())))
    captured = capfd.readouterr()
    assert "was refused" in captured.err
    assert not _metrics(captured.err + captured.out)
    assert len(captured.err.splitlines()) == 1


@pytest.mark.parametrize("header", ["customer_id", "pipeline", "filename", "idempotency_key"])
def test_no_header_writes_a_line_of_its_own(
    doors: SimpleNamespace, world: World, capfd: pytest.CaptureFixture[str], header: str
) -> None:
    headers: dict[str, Any] = {header: BREAK}
    event = batch(record(**headers), record(b'{"s3": "s3://x/y"}', 1, **headers))
    send(doors, world, event)
    captured = capfd.readouterr()
    assert not _metrics(captured.err + captured.out)
    assert len(captured.err.splitlines()) in (1, 2)


def test_a_hand_over_is_logged_in_one_line(
    doors: SimpleNamespace, world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    doors.process._log_and_summarise(HandOver(job=Dispatch(world.processor.work_dir).upload(), reason=BREAK))
    captured = capfd.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert not _metrics(captured.err)


@pytest.mark.parametrize(
    "event",
    [
        {BREAK: 1},
        {"customer": BREAK, "pipeline": "web", "image": ""},
        {"customer": "acme", "pipeline": BREAK, "image": ""},
        {"customer": "acme", "pipeline": "web", "image": "", BREAK: 1},
        {"customer": "acme", "pipeline": "web", "s3": f"s3://x/y\n{FORGED}\n"},
        {
            "Records": [
                {"eventSource": BREAK, "eventName": "x", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}
            ]
        },
    ],
)
def test_lambda_prints_a_refusal_in_one_line(doors: SimpleNamespace, world: World, event: Any) -> None:
    with pytest.raises(PicturePerfectError) as caught:
        send(doors, world, event)
    assert str(caught.value).isprintable()


def test_the_dispatcher_logs_each_message_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    dispatch = Dispatch(tmp_path)
    gone = dispatch.store.put(f"failures/{BREAK}", b"x")
    dispatch.store.delete(gone.key)
    request = {"customer": "acme", "pipeline": "web", "image": b64encode(b"photo").decode(), BREAK: 1}
    dispatch.deliver(json.dumps({BREAK: 1}), gave_up(request), json.dumps(s3_event(gone)))
    captured = capfd.readouterr()
    assert len(captured.err.splitlines()) == 3
    assert not _metrics(captured.err)


def test_the_operators_function_tells_of_each_key_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert admin._log_errors({BREAK: Unavailable(Code.STORE_UNAVAILABLE, "No answer.")}) == [BREAK]
    captured = capfd.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert not _metrics(captured.err)


@given(TEXT, TEXT)
def test_a_metric_is_one_line_in_our_namespace_whatever_it_quotes(customer: str, pipeline: str) -> None:
    stream = io.StringIO()
    metrics = EmfMetrics(stream, "Pictures")
    metrics.emit(result(customer=customer, pipeline=pipeline))
    metrics.block(1, customer, NOW)
    metrics.refuse(Door.KAFKA, Code.INVALID_REQUEST, NOW)
    metrics.hand_over(Route.LAMBDA, None, NOW)
    metrics.submit(TIERS[0].name, 1, 1, NOW)
    lines = stream.getvalue().removesuffix("\n").split("\n")
    assert len(lines) == 5
    namespaces = {namespace for line in lines for namespace, _data in cloudwatch_emf.metrics(json.loads(line))}
    assert namespaces == {"Pictures"}


def test_only_batch_commands_print() -> None:
    """core, handler and batch log by `core.domain.log`; the answers of Batch's command are printed."""
    printing = set()
    for folder in ("core", "handler", "batch"):
        for path in (ROOT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
            if any(isinstance(call, ast.Name) and call.id == "print" for call in calls):
                printing.add(str(path.relative_to(ROOT)))
    assert printing == {"batch/commands.py"}
