"""The shape of an alert: pure values, of which CloudWatch's alarms and Grafana's rules are made."""

from typing import NamedTuple


class Metric(NamedTuple):
    """A CloudWatch metric. No `namespace`: the product's own. `{stack}` in a dimension is the stack's `name`."""

    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    namespace: str = ""
    statistic: str = "Sum"


class Alarm(NamedTuple):
    """A CloudWatch alarm on `metrics`, summed if there are several.

    It goes off when the value is `threshold` or more, in the metric's unit, for `periods` periods in a row; with
    `silence`, below the threshold and without data. `setting` is the field of `[alarms]` that replaces the threshold;
    `unit` converts it to the metric's unit. `condition` may hold `{threshold}`, and `{minutes}` if that is in seconds.
    """

    name: str
    metrics: tuple[Metric, ...]
    condition: str
    threshold: float
    setting: str = ""
    unit: int = 1
    period_minutes: int = 5
    periods: int = 1
    silence: bool = False


class Rule(NamedTuple):
    """A Grafana alert rule: it fires when the value over the last `window_minutes` is more than `above`.

    Each metric is reduced by `reducer`; `formula` combines them as `$RA`, `$RB`, …. Without metrics, `sql` names the
    PostgreSQL query in dashboards/sql. `panel` is the title of the panel that shows more.
    """

    uid: str
    title: str
    condition: str
    above: float
    window_minutes: int
    panel: str
    metrics: tuple[Metric, ...] = ()
    sql: str = ""
    for_minutes: int = 0
    reducer: str = "sum"
    formula: str = ""
    no_data_alerts: bool = False
    severity: str = "warning"
    dashboard: str = "picture-perfect-operations"


class Alert(NamedTuple):
    """One fault; the texts of its alarms and its rule end with the remedy. `{stack}` in them is the stack's `name`."""

    remedy: str
    alarms: tuple[Alarm, ...] = ()
    rule: Rule | None = None

    @property
    def alarm(self) -> Alarm:
        """The only alarm. Raises ValueError if there are several, or none."""
        (alarm,) = self.alarms
        return alarm


def describe(alert: Alert, trigger: Alarm | Rule, threshold: float, stack: str) -> str:
    """The text of an alarm or a rule of `alert`: its condition at `threshold`, and the remedy."""
    text = f"{trigger.condition} {alert.remedy}"
    return text.format(threshold=threshold, minutes=threshold / 60, stack=stack)
