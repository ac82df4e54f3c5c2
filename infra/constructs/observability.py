"""The stack's alarms, their topic, the budget, and one CloudWatch dashboard."""

from collections.abc import Sequence

from aws_cdk import Fn
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from msgspec.structs import fields

from core.settings.entries import ProcessSettings
from infra.alerts import definitions
from infra.alerts.values import Alert
from infra.constructs.alarms import AlarmTopic
from infra.constructs.budget import add_budget
from infra.constructs.functions import Function
from infra.settings.schema import TAG, Settings

#: The default of METRICS_NAMESPACE.
NAMESPACE = next(str(field.default) for field in fields(ProcessSettings) if field.name == "metrics_namespace")
_SUM, _MAXIMUM = "Sum", "Maximum"
_WIDGETS_IN_A_ROW = 3


def namespace(settings: Settings) -> str:
    """The CloudWatch namespace of the product's own metrics."""
    return settings.processing.environment.get("METRICS_NAMESPACE", NAMESPACE)


class Observability(Construct):
    """Add alarms by the parts of the stack, each with its graphs; `add_dashboard` comes last."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(scope, "Observability")
        self._settings = settings
        self._widgets: list[cloudwatch.IWidget] = []
        self._alarms = AlarmTopic(self, settings, namespace(settings))
        if settings.alarms.monthly_budget_usd:
            source = Fn.sub("arn:${AWS::Partition}:budgets::${AWS::AccountId}:*")
            self._alarms.allow_publish("budgets.amazonaws.com", source)
            tag, dollars = f"{TAG}${settings.name}", settings.alarms.monthly_budget_usd
            add_budget(self, f"{settings.name}-month", tag, dollars, self._alarms.topic.topic_arn)

    def add_image_alarms(self) -> None:
        """Alarms on the product's own metrics."""
        self._add_alarms(definitions.BLOCKED, definitions.FAILED, definitions.RECONCILED, definitions.UPLOADS_REFUSED)
        self._add_graph("Images by door and route", [self._search("source,route", "Images")])
        self._add_graph("Images by status", [self._search("status", "Images")])
        self._add_graph("Seconds an image, p95, by door and route", [self._search("source,route", "Duration", "p95")])

    def add_queue_alarms(self, old: Alert, queue: sqs.Queue, dead_letter_queue: sqs.Queue) -> None:
        """Alarms on the age of `queue`, by the row `old` of the table, and on its dead-letter queue."""
        name = old.alarm.name.removesuffix("Old")
        self._alarms.add_alarm(old, old.alarm, queue.queue_name)
        dead = next(alarm for alarm in definitions.DEAD_LETTERS.alarms if alarm.name.startswith(name))
        self._alarms.add_alarm(definitions.DEAD_LETTERS, dead, dead_letter_queue.queue_name)
        oldest = self._alarms.metric(old.alarm.metrics[0], queue.queue_name)
        self._add_graph(f"Oldest message of {name}, seconds", [oldest])

    def add_function_alarms(self, functions: Sequence[Function]) -> None:
        """Alarms on the errors of each function, and on the throttles and lost failures of `process`."""
        for function in functions:
            alert, name = definitions.ERRORS[function.entry], function.function.function_name
            self._alarms.add_alarm(alert, alert.alarm, name)
            if function.entry == "process":
                self._alarms.add_alarm(definitions.THROTTLES, definitions.THROTTLES.alarm, name)
                self._add_alarms(definitions.FAILURES_NOT_KEPT)
        errors = [each.function.metric_errors(statistic=_SUM) for each in functions]
        concurrency = [each.function.metric("ConcurrentExecutions", statistic=_MAXIMUM) for each in functions]
        self._add_graph("Errors of the functions", errors)
        self._add_graph("Concurrent executions", concurrency)

    def add_batch_alarm(self, rule_name: str) -> None:
        """The alarm on failed Batch jobs: each matches the EventBridge rule `rule_name`."""
        alarm = definitions.BATCH_FAILURES.alarm
        self._alarms.add_alarm(definitions.BATCH_FAILURES, alarm, rule_name)
        self._add_graph("Batch jobs that failed", [self._alarms.metric(alarm.metrics[0], rule_name)])

    def add_reconciler_alarm(self, admin: Function) -> None:
        """The alarm on a reconciler that is not started; its errors are errors of `admin`."""
        alert = definitions.RECONCILER_SILENT
        self._alarms.add_alarm(alert, alert.alarm, admin.function.function_name)

    def add_kafka_alarms(self) -> None:
        """Alarms on the lag of the event source mappings, and on refused records."""
        self._add_alarms(definitions.KAFKA_LAG, definitions.KAFKA_REFUSED)
        self._add_graph("Kafka: records not yet read", [self._alarms.metric(definitions.KAFKA_LAG.alarm.metrics[0])])

    def add_dashboard(self) -> None:
        """One dashboard: an account's first three are free. Grafana's show more."""
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._settings.name)
        for start in range(0, len(self._widgets), _WIDGETS_IN_A_ROW):
            board.add_widgets(*self._widgets[start : start + _WIDGETS_IN_A_ROW])

    def _add_alarms(self, *alerts: Alert) -> None:
        for alert in alerts:
            self._alarms.add_alarm(alert, alert.alarm)

    def _search(self, dimensions: str, metric: str, statistic: str = _SUM) -> cloudwatch.MathExpression:
        """One line for each combination of values of `dimensions`, each of which has a closed list of values."""
        search = f"SEARCH('{{{namespace(self._settings)},{dimensions}}} MetricName=\"{metric}\"', '{statistic}', 60)"
        return cloudwatch.MathExpression(expression=search, label="", using_metrics={})

    def _add_graph(self, title: str, metrics: Sequence[cloudwatch.IMetric]) -> None:
        self._widgets.append(cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, height=6))
