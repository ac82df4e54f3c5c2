"""EMF lines are valid for CloudWatch and match the declarations in core.ports.metric_catalogue."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError

from core.adapters.emf import EmfMetrics
from core.domain.errors import Code
from core.domain.model import Door, Estimate, ImageHeader, Route, Source, Status, Usage
from core.ports import metric_catalogue as declared
from core.ports.metric_catalogue import METRICS, METRICS_BY_NAME, OTHER
from core.routing.batch_tiers import TIERS
from core.services.processing.unfit_image import RETRY_ELSEWHERE
from tests.support.aws import emf_schema
from tests.support.values import NOW, result

Line = dict[str, Any]
ESTIMATE = Estimate(cpu_seconds=1, cpu_seconds_upper=4, parallel=0, peak_bytes=100, peak_bytes_upper=400)


def lines(act: Callable[[EmfMetrics], object]) -> list[Line]:
    """The lines that `act` writes, each checked against CloudWatch's schema."""
    stream = io.StringIO()
    act(EmfMetrics(stream, "Pictures"))
    parsed = []
    for text in stream.getvalue().removesuffix("\n").split("\n"):
        line = json.loads(text)
        emf_schema.check(text, line)
        parsed.append(line)
    return parsed


def metrics_in(line: Line) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, unit and dimension set of each metric that a line adds to."""
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "Pictures"
        for metric in directive["Metrics"]:
            for names in directive["Dimensions"]:
                yield metric["Name"], metric["Unit"], tuple(names)


def emit_everything(metrics: EmfMetrics) -> None:
    metrics.emit(result(estimate=ESTIMATE))
    metrics.emit(result(status=Status.FAILED, code=Code.TIMED_OUT, header=None, renditions=()))
    metrics.refuse(Door.KAFKA, Code.INVALID_REQUEST, NOW)
    metrics.block(1, "Nothing can be imported.", NOW)
    metrics.hand_over(Route.LAMBDA, None, NOW)
    metrics.submit(TIERS[0].name, 3, 2, NOW)
    metrics.reconcile(1, 0, 0, NOW)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_no_numbers_are_left_out_of_a_line(value: float) -> None:
    (line,) = lines(lambda metrics: metrics.emit(result(usage=Usage(seconds=value, cpu_seconds=2.0, peak_bytes=3))))
    names = {name for name, _, _ in metrics_in(line)}
    assert "Duration" not in names
    assert "Duration" not in line
    assert {"Images", "CpuTime", "PeakMemory"} <= names


def test_exactly_the_declared_metrics_are_written() -> None:
    written = {metric for line in lines(emit_everything) for metric in metrics_in(line)}
    assert written == {(metric.name, metric.unit, names) for metric in METRICS for names in metric.dimension_sets}


def test_an_image_is_one_line_with_all_its_values() -> None:
    line, *more = lines(lambda metrics: metrics.emit(result(committed_at=NOW + timedelta(seconds=2.5))))
    assert not more
    assert line["_aws"]["Timestamp"] == (NOW.timestamp() + 2.5) * 1000
    assert (line["Images"], line["Renditions"], line["BytesIn"], line["BytesOut"]) == (1, 1, 7, 5)
    assert (line["source"], line["route"], line["format"], line["status"]) == ("upload", "lambda", "jpeg", "processed")
    assert line["Latency"] == 2.5
    assert "Failed" not in line
    assert "CpuTimeRatio" not in line


def test_an_image_that_failed_is_counted_by_its_code() -> None:
    failed = result(status=Status.FAILED, code=Code.TIMED_OUT, header=None, renditions=(), customer="line\nbreak")
    (line,) = lines(lambda metrics: metrics.emit(failed))
    assert (line["Images"], line["Failed"], line["status"], line["code"]) == (1, 1, "failed", "timed_out")
    assert line["format"] == OTHER


def test_an_estimate_is_compared_with_the_usage_of_processed_images_only() -> None:
    usage = Usage(seconds=1, cpu_seconds=2, peak_bytes=500)
    (line,) = lines(lambda metrics: metrics.emit(result(estimate=ESTIMATE, usage=usage)))
    assert (line["CpuTimeRatio"], line["PeakMemoryRatio"]) == (0.5, 1.25)
    broken = result(estimate=ESTIMATE, usage=usage, status=Status.FAILED, code=Code.OUT_OF_MEMORY)
    (line,) = lines(lambda metrics: metrics.emit(broken))
    assert "CpuTimeRatio" not in line


def test_a_refusal_is_one_line_counted_by_its_door_and_its_code() -> None:
    (line,) = lines(lambda metrics: metrics.refuse(Door.KAFKA, Code.INVALID_REQUEST, NOW))
    assert list(metrics_in(line)) == [("Refused", "Count", ("source", "code"))]
    assert (line["Refused"], line["source"], line["code"]) == (1, "kafka", "invalid_request")


def test_blocked_messages_are_one_line_without_dimensions() -> None:
    (line,) = lines(lambda metrics: metrics.block(7, "Nothing can be\nimported.", NOW))
    assert list(metrics_in(line)) == [("Blocked", "Count", ())]
    assert (line["Blocked"], line["why"]) == (7, "Nothing can be\nimported.")


def test_a_hand_over_has_its_route_and_its_cause() -> None:
    (planned,) = lines(lambda metrics: metrics.hand_over(Route.LAMBDA, None, NOW))
    (tried,) = lines(lambda metrics: metrics.hand_over(Route.BATCH, Code.OUT_OF_MEMORY, NOW))
    assert (planned["route"], planned["cause"], planned["HandedOver"]) == ("lambda", "estimate", 1)
    assert (tried["route"], tried["cause"], tried["HandedOver"]) == ("batch", "out_of_memory", 1)


def test_a_submission_counts_its_images_and_its_children() -> None:
    (line,) = lines(lambda metrics: metrics.submit("2x8", 30, 4, NOW))
    assert (line["tier"], line["Submitted"], line["BatchJobs"]) == ("2x8", 30, 4)


def test_a_round_of_the_reconciler_writes_only_outcomes_that_occurred() -> None:
    written = lines(lambda metrics: metrics.reconcile(2, 1, 0, NOW))
    assert {line["outcome"]: line["Reconciled"] for line in written} == {"handed_over": 2, "abandoned": 1}
    assert all([names for _, _, names in metrics_in(line)] == [(), ("outcome",)] for line in written)


def test_a_round_that_found_nothing_is_one_zero_without_dimensions() -> None:
    """CloudWatch bills each outcome as a metric of its own, so zeros are written without one."""
    (line,) = lines(lambda metrics: metrics.reconcile(0, 0, 0, NOW))
    assert list(metrics_in(line)) == [("Reconciled", "Count", ())]
    assert (line["Reconciled"], line.get("outcome")) == (0, None)


@settings(max_examples=50)
@given(
    kind=st.text(max_size=20),
    customer=st.text(min_size=1, max_size=30),
    door=st.sampled_from(Door),
    route=st.sampled_from(Route),
    code=st.sampled_from([None, *Code]),
)
def test_no_value_of_a_dimension_is_outside_its_closed_list(
    kind: str, customer: str, door: Door, route: Route, code: Code | None
) -> None:
    image = result(
        customer=customer,
        door=door,
        route=route,
        status=Status.FAILED if code else Status.PROCESSED,
        code=code,
        header=ImageHeader(format=kind, width=1, height=1, channels=3, depth=8),
    )
    (line,) = lines(lambda metrics: metrics.emit(image))
    for name, _, names in metrics_in(line):
        (dimensions,) = (one for one in METRICS_BY_NAME[name].sets if tuple(each.name for each in one) == names)
        assert all(line[each.name] in (*each.values, OTHER) for each in dimensions)
    assert line["customer"] == customer


def test_the_customer_is_no_dimension() -> None:
    names = {dimension.name for metric in METRICS for dimensions in metric.sets for dimension in dimensions}
    assert not names & {"customer", "pipeline", "image_id", "run"}


def test_every_code_that_ends_an_image_or_refuses_one_is_in_a_list() -> None:
    listed = {*declared.ENDED.values, *declared.REFUSED.values}
    deployment = {code for code in Code if code not in listed}
    assert {code.value.partition("_")[0] for code in deployment} == {
        "store", "queue", "batch", "database", "invalid", "worker",
        "internal", "no", "not", "upload",  # answers of the web API: none of them ends an image
    }  # fmt: skip
    assert set(RETRY_ELSEWHERE) <= {
        Code(cause.value) for cause in declared.Cause if cause is not declared.Cause.ESTIMATE
    }


def test_a_metric_is_declared_once_and_says_what_it_means() -> None:
    assert len(METRICS_BY_NAME) == len(METRICS)
    for metric in METRICS:
        assert metric.meaning.endswith("."), metric.name
        assert len(set(metric.dimension_sets)) == len(metric.sets), metric.name
        assert all(
            len(set(dimension.values)) == len(dimension.values)
            for dimensions in metric.sets
            for dimension in dimensions
        ), metric.name


def test_a_source_of_unknown_size_counts_as_zero_bytes() -> None:
    image = result(source=Source(object=result().source.object, name="a.jpg"))
    (line,) = lines(lambda metrics: metrics.emit(image))
    assert line["BytesIn"] == 0


def test_the_schema_rejects_lines_that_cloudwatch_rejects() -> None:
    (line,) = lines(lambda metrics: metrics.block(1, "", NOW))
    line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] = "Images"
    with pytest.raises(ValidationError):
        emf_schema.check("", line)
    (line,) = lines(lambda metrics: metrics.submit("2x8", 1, 1, NOW))
    del line["tier"]
    with pytest.raises(KeyError):
        emf_schema.check("", line)
