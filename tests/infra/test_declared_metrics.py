"""The stack's alarms, and what its own dashboard draws: each names a metric that somebody sends."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from core.ports.metric_catalogue import METRICS_BY_NAME
from dashboards.cloudwatch import LISTED
from tests.infra.stack import Stack

Json = dict[str, Any]


@pytest.fixture(scope="session")
def resources(other: Stack) -> list[Json]:
    """Of the stack with a stream, so that all alarms are in it."""
    return list(other.resources.values())


def watched(resources: list[Json]) -> Iterator[tuple[str, Json]]:
    """The name of each alarm, and each metric that it looks at."""
    for one in resources:
        if one["Type"] == "AWS::CloudWatch::Alarm":
            said = one["Properties"]
            parts = [part["MetricStat"] for part in said.get("Metrics", []) if "MetricStat" in part]
            for metric in parts or [{"Metric": said, "Stat": said.get("Statistic") or said.get("ExtendedStatistic")}]:
                yield said["AlarmName"], {**metric["Metric"], "Stat": metric["Stat"]}


def test_every_alarm_names_a_metric_that_is_declared_or_listed(resources: list[Json]) -> None:
    found = list(watched(resources))
    assert len(found) >= 10
    for alarm, metric in found:
        asked = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
        if metric["Namespace"].startswith("AWS/"):
            assert set(LISTED[metric["Namespace"], metric["MetricName"]].dimensions) == set(asked), alarm
            continue
        assert not metric["Namespace"].startswith("AWS"), alarm
        declared = METRICS_BY_NAME[metric["MetricName"]]
        (dimensions,) = (one for one in declared.sets if {each.name for each in one} == set(asked))
        assert all(asked[each.name] in each.values for each in dimensions), alarm
        assert metric["Stat"] == "Sum" or declared.unit != "Count", alarm


def test_what_the_stacks_own_dashboard_searches_for_is_declared(resources: list[Json]) -> None:
    (board,) = (one for one in resources if one["Type"] == "AWS::CloudWatch::Dashboard")
    text = json.dumps(board["Properties"]["DashboardBody"]).replace("\\", "")
    found = re.findall(r"\{[\w/]+,([a-z,]+)\} MetricName=\"(\w+)\"", text)
    assert found
    for dimensions, name in found:
        assert set(dimensions.split(",")) in [set(names) for names in METRICS_BY_NAME[name].dimension_sets], name
    for namespace, name in re.findall(r'\["(AWS/\w+)","(\w+)"', text):
        assert (namespace, name) in LISTED
