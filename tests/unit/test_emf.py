"""EMF lines, as CloudWatch reads them."""

import io
import json

from core.adapters.emf import DIMENSION_SETS, METRICS, EmfMetrics
from core.errors import Code
from core.model import Door, Status
from tests.values import NOW, result


def test_an_image_is_one_line_that_holds_what_it_declares() -> None:
    stream = io.StringIO()
    metrics = EmfMetrics(stream, "Pictures")
    metrics.emit(result())
    metrics.emit(result(status=Status.FAILED, code=Code.TIMED_OUT, header=None, renditions=(), customer="line\nbreak"))
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    (declared,) = first["_aws"]["CloudWatchMetrics"]
    assert declared["Namespace"] == "Pictures"
    assert first["_aws"]["Timestamp"] == NOW.timestamp() * 1000
    for line in (first, second):
        assert all(isinstance(line[metric["Name"]], int | float) for metric in declared["Metrics"])
        assert all(isinstance(line[name], str) for names in declared["Dimensions"] for name in names)
    assert (first["Images"], first["Renditions"], first["BytesIn"], first["BytesOut"]) == (1, 1, 7, 5)
    assert (second["status"], second["code"], second["format"]) == ("failed", "timed_out", "unknown")


def test_a_refusal_is_one_line_counted_by_its_door_and_its_code() -> None:
    stream = io.StringIO()
    EmfMetrics(stream, "Pictures").refuse(Door.KAFKA, Code.INVALID_REQUEST, NOW)
    (line,) = (json.loads(line) for line in stream.getvalue().splitlines())
    (declared,) = line["_aws"]["CloudWatchMetrics"]
    assert declared["Dimensions"] == [["source", "code"]]
    assert declared["Metrics"] == [{"Name": "Refused", "Unit": "Count"}]
    assert (line["Refused"], line["source"], line["code"]) == (1, "kafka", "invalid_request")


def test_what_is_blocked_is_one_line_without_dimensions() -> None:
    stream = io.StringIO()
    EmfMetrics(stream, "Pictures").block(7, "Nothing can be\nimported.", NOW)
    (line,) = (json.loads(line) for line in stream.getvalue().splitlines())
    (declared,) = line["_aws"]["CloudWatchMetrics"]
    assert declared["Dimensions"] == [[]]
    assert declared["Metrics"] == [{"Name": "Blocked", "Unit": "Count"}]
    assert (line["Blocked"], line["cause"]) == (7, "Nothing can be\nimported.")


def test_the_customer_is_no_dimension() -> None:
    assert "customer" not in {name for names in DIMENSION_SETS for name in names}
    assert len(METRICS) * len(DIMENSION_SETS) < 100
