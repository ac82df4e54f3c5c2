"""Alarms and the CloudWatch dashboard use metrics that are sent."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from core.ports.metric_catalogue import METRICS_BY_NAME
from dashboards.cloudwatch import AWS_METRICS
from tests.infra.stack import Stack

Json = dict[str, Any]


@pytest.fixture(scope="session")
def resources(other: Stack) -> list[Json]:
    """Of the stack with Kafka, which has all alarms."""
    return list(other.resources.values())


def watched(resources: list[Json]) -> Iterator[tuple[str, Json]]:
    """The name of each alarm with each of its metrics."""
    for resource in resources:
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            properties = resource["Properties"]
            parts = [part["MetricStat"] for part in properties.get("Metrics", []) if "MetricStat" in part]
            for metric in parts or [
                {"Metric": properties, "Stat": properties.get("Statistic") or properties.get("ExtendedStatistic")}
            ]:
                yield properties["AlarmName"], {**metric["Metric"], "Stat": metric["Stat"]}


def test_every_alarm_names_a_metric_that_is_declared_or_listed(resources: list[Json]) -> None:
    result = list(watched(resources))
    assert len(result) >= 10
    for alarm, metric in result:
        asked = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
        if metric["Namespace"].startswith("AWS/"):
            assert set(AWS_METRICS[metric["Namespace"], metric["MetricName"]].dimensions) == set(asked), alarm
            continue
        assert not metric["Namespace"].startswith("AWS"), alarm
        declared = METRICS_BY_NAME[metric["MetricName"]]
        (dimensions,) = (group for group in declared.sets if {each.name for each in group} == set(asked))
        assert all(asked[each.name] in each.values for each in dimensions), alarm
        assert metric["Stat"] == "Sum" or declared.unit != "Count", alarm


def test_what_the_stacks_own_dashboard_searches_for_is_declared(resources: list[Json]) -> None:
    (board,) = (resource for resource in resources if resource["Type"] == "AWS::CloudWatch::Dashboard")
    text = json.dumps(board["Properties"]["DashboardBody"]).replace("\\", "")
    result = re.findall(r"\{[\w/]+,([a-z,]+)\} MetricName=\"(\w+)\"", text)
    assert result
    for dimensions, name in result:
        assert set(dimensions.split(",")) in [set(names) for names in METRICS_BY_NAME[name].dimension_sets], name
    for namespace, name in re.findall(r'\["(AWS/\w+)","(\w+)"', text):
        assert (namespace, name) in AWS_METRICS
