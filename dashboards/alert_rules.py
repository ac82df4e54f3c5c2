"""Grafana's alert rules, made from the rows of `infra.alerts.definitions` that have one.

CloudWatch's alarms (infra.constructs.alarms) come from the same rows and need no Grafana. Contact points and
notification policies are configured in Grafana.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.builders import alerting
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.alerting import RelativeTimeRange

from dashboards import document, names
from dashboards.boards import business, customer, operations
from dashboards.cloudwatch import NAMESPACE, aws_metric, product_metric
from dashboards.document import to_json
from dashboards.postgres import Sql
from infra.alerts.definitions import ALERTS
from infra.alerts.values import Alert, Metric, Rule, describe

#: Rules cannot use variables: these are the defaults, which dashboards/start.sh and `dashboards push` replace.
STACK, METRICS_NAMESPACE, REGION = "picture-perfect", "PicturePerfect", "default"
_LITERALS = {NAMESPACE: METRICS_NAMESPACE, "$region": REGION}
_EXPRESSION = "__expr__"
#: Seconds, of CloudWatch's metrics.
_PERIOD = "300"
_DASHBOARDS = {
    made["uid"]: made
    for made in (document.number_panels(module.build()) for module in (operations, business, customer))
}


def rules() -> Sequence[tuple[Alert, Rule]]:
    """The rows of the table that have a rule."""
    return [(alert, alert.rule) for alert in ALERTS if alert.rule]


def build() -> dict[str, Any]:
    """The file that Grafana's provisioning reads.

    https://grafana.com/docs/grafana/v11.6/alerting/set-up/provision-alerting-resources/file-provisioning/
    """
    # A query of the ledger wakes a paused Aurora: docs/how-to/dashboards.md has the cost
    groups = (
        ("Operations", "5m", [(alert, rule) for alert, rule in rules() if rule.metrics]),
        ("Business", "6h", [(alert, rule) for alert, rule in rules() if rule.sql]),
    )
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": name,
                "folder": names.FOLDER,
                "interval": interval,
                "rules": [_rule(alert, rule, name) for alert, rule in members],
            }
            for name, interval, members in groups
        ],
    }


def _rule(alert: Alert, rule: Rule, group: str) -> dict[str, Any]:
    description = describe(alert, rule, rule.above, STACK)
    made = (
        alerting.Rule(rule.title)
        .uid(rule.uid)
        .rule_group(group)
        .folder_uid(names.FOLDER_UID)
        .condition("TooMuch")
        .for_val(f"{rule.for_minutes}m")
        .no_data_state("Alerting" if rule.no_data_alerts else "OK")
        .exec_err_state("Error")
        .annotations({"summary": rule.title, "description": description, **_panel_link(rule)})
        .labels({"severity": rule.severity, "application": STACK})
    )
    queries = [_metric_query(metric) for metric in rule.metrics] or [Sql(rule.sql)]
    for number, query in enumerate(queries):
        letter = chr(ord("A") + number)
        made = made.with_query(_data_query(query, letter, rule.window_minutes * 60))
        made = made.with_query(_expression(f"R{letter}", {"type": "reduce", "expression": letter, **_reducer(rule)}))
    result = "RA"
    if rule.formula:
        made = made.with_query(_expression("Result", {"type": "math", "expression": rule.formula}))
        result = "Result"
    condition = {"evaluator": {"type": "gt", "params": [rule.above]}}
    made = made.with_query(
        _expression("TooMuch", {"type": "threshold", "expression": result, "conditions": [condition]})
    )
    content: dict[str, Any] = to_json(made.build())
    for key in ("folderUID", "ruleGroup", "orgID"):  # the group has them
        content.pop(key, None)
    return content


def _metric_query(metric: Metric) -> Builder[Dataquery]:
    dimensions = {name: value.format(stack=STACK) for name, value in metric.dimensions}
    if metric.namespace:
        return aws_metric(metric.namespace, metric.name, metric.statistic, dimensions, period=_PERIOD)
    return product_metric(metric.name, metric.statistic, dimensions, period=_PERIOD)


def _panel_link(rule: Rule) -> dict[str, str]:
    """The annotations by which a notification links to the panel."""
    ids = {panel["title"]: panel["id"] for panel in _DASHBOARDS[rule.dashboard]["panels"]}
    return {"__dashboardUid__": rule.dashboard, "__panelId__": str(ids[rule.panel])}


def _reducer(rule: Rule) -> dict[str, Any]:
    """CloudWatch returns no data instead of 0; in a formula, missing data must count as 0."""
    settings = {"mode": "replaceNN", "replaceWithValue": 0} if rule.formula else {"mode": "dropNN"}
    return {"reducer": rule.reducer, "settings": settings}


class _Model(Dataquery):
    """A query's JSON, unchanged."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    def to_json(self) -> dict[str, Any]:
        return dict(self.content)


class _ModelBuilder(Builder[Dataquery]):
    """The SDK takes builders only."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = content

    def build(self) -> Dataquery:
        return _Model(self._content)


def _data_query(query: Builder[Dataquery], letter: str, seconds: int) -> alerting.Query:
    model = to_json(query.build())
    uid = names.POSTGRES_UID if "rawSql" in model else names.CLOUDWATCH_UID
    kind = names.POSTGRES_TYPE if "rawSql" in model else names.CLOUDWATCH_TYPE
    model |= {"refId": letter, "datasource": {"type": kind, "uid": uid}}
    model = {name: _LITERALS.get(value, value) if isinstance(value, str) else value for name, value in model.items()}
    return (
        alerting.Query(letter)
        .datasource_uid(uid)
        .relative_time_range(RelativeTimeRange(from_val=seconds, to=0))
        .model(_ModelBuilder(model))
    )


def _expression(name: str, content: Mapping[str, Any]) -> alerting.Query:
    source = {"type": _EXPRESSION, "uid": _EXPRESSION}
    return (
        alerting.Query(name)
        .datasource_uid(_EXPRESSION)
        .relative_time_range(RelativeTimeRange(from_val=0, to=0))
        .model(_ModelBuilder({**content, "refId": name, "datasource": source}))
    )
