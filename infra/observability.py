"""What is drawn, and who is told when something is wrong."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.functions import Function
from infra.settings import Settings

NAMESPACE = "PicturePerfect"
_SUM, _MAXIMUM = "Sum", "Maximum"
_FIVE_MINUTES = Duration.minutes(5)


class Observability(Construct):
    """`topic` hears every alarm. An alarm's description says what broke and what to do."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(scope, "Observability")
        self._settings = settings
        self._widgets: list[cloudwatch.IWidget] = []
        self.topic = sns.Topic(self, "Alarms", topic_name=f"{settings.name}-alarms", enforce_ssl=True)
        if settings.alarms.email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alarms.email))
        if settings.alarms.monthly_budget_usd:
            self._budget(settings.alarms.monthly_budget_usd)

    def images(self) -> None:
        """What the images' own metrics say."""
        self._alarm(
            "Blocked",
            _metric(NAMESPACE, "Blocked", {}, _SUM),
            1,
            "Messages wait because the function could not even start: a bad deployment or setting. See the log of "
            "the function process; roll back or mend it within HOLD_HOURS, then nothing was lost.",
        )
        self._alarm(
            "Failed",
            _metric(NAMESPACE, "Images", {"status": "failed"}, _SUM),
            self._settings.alarms.failed_images,
            "More images than usual ended failed. The view of failures by code, or the log lines with status failed, "
            "say for whom and why; docs/codes.md says what to do for each code.",
        )
        self._draw(
            "Images by door and route",
            [cloudwatch.MathExpression(expression=_search("source,route", "Images"), label="", using_metrics={})],
        )
        self._draw(
            "Images by how they ended",
            [cloudwatch.MathExpression(expression=_search("status", "Images"), label="", using_metrics={})],
        )
        self._draw(
            "Seconds each took, by door and route",
            [
                cloudwatch.MathExpression(
                    expression=_search("source,route", "Duration", "p95"), label="", using_metrics={}
                )
            ],
        )

    def queue(self, queue: sqs.Queue, name: str, dead: sqs.Queue, meaning: str) -> None:
        minutes = self._settings.alarms.oldest_message_minutes
        oldest = _metric("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue.queue_name}, _MAXIMUM)
        lost = _metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": dead.queue_name}, _MAXIMUM)
        self._alarm(f"{name}Old", oldest, minutes * 60, f"A message waits for over {minutes} minutes: {meaning}")
        self._alarm(
            f"{name}DeadLetters",
            lost,
            1,
            f"Messages were given up: {meaning} Read one, mend its cause, then redrive the dead-letter queue; the "
            "queue keeps it 14 days.",
        )
        self._draw(f"Oldest message of {name}, seconds", [oldest])

    def functions(self, functions: Sequence[Function]) -> None:
        """Errors and throttles of each, concurrency of all."""
        for one in functions:
            entry = one.node.id
            errors = one.function.metric_errors(period=_FIVE_MINUTES, statistic=_SUM)
            self._alarm(
                f"{entry}Errors",
                errors,
                self._settings.alarms.function_errors,
                f"{one.name} fails: see /aws/lambda/{one.name}. Its events are kept and come again, or go to Batch.",
            )
            throttles = one.function.metric_throttles(period=_FIVE_MINUTES, statistic=_SUM)
            if entry == "Process":
                self._alarm(
                    "ProcessThrottles",
                    throttles,
                    100,
                    "Images wait for concurrency: raise processing.reserved_concurrency or the account's quota. Lambda "
                    "keeps their events for up to 6 hours, then they go to Batch.",
                )
        self._draw("Errors of the functions", [one.function.metric_errors(statistic=_SUM) for one in functions])
        self._draw(
            "Concurrent executions",
            [one.function.metric("ConcurrentExecutions", statistic=_MAXIMUM) for one in functions],
        )

    def batch_failures(self, rule_name: str) -> None:
        """Each FAILED job passes the rule that hands its images on."""
        failed = _metric("AWS/Events", "MatchedEvents", {"RuleName": rule_name}, _SUM)
        self._alarm(
            "BatchFailures",
            failed,
            self._settings.alarms.batch_failures,
            "Batch jobs fail. Each image of them goes to a larger size or ends failed, with its code; the job's "
            "statusReason in the console of Batch says why.",
        )
        self._draw("Batch jobs that failed", [failed])

    def kafka(self, function: Function) -> None:
        lag = _metric("AWS/Lambda", "OffsetLag", {"FunctionName": function.name}, _MAXIMUM)
        self._alarm(
            "KafkaLag",
            lag,
            self._settings.alarms.kafka_lag_records,
            "The stream is read more slowly than it is written. Look at ProcessThrottles and at the partitions: no "
            "more functions run at once than there are partitions.",
        )
        self._draw("Kafka: records not yet read", [lag])

    def dashboard(self) -> None:
        """One: an account's first three cost nothing. Grafana's are richer."""
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._settings.name)
        for start in range(0, len(self._widgets), 3):
            board.add_widgets(*self._widgets[start : start + 3])

    def _alarm(self, name: str, metric: cloudwatch.IMetric, threshold: float, description: str) -> None:
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._settings.name}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))

    def _draw(self, title: str, metrics: Sequence[cloudwatch.IMetric]) -> None:
        self._widgets.append(cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, height=6))

    def _budget(self, dollars: float) -> None:
        """The account's bill of what carries the stack's tag. Told at four fifths, and when the month will exceed."""
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("budgets.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
            )
        )
        told = [budgets.CfnBudget.SubscriberProperty(address=self.topic.topic_arn, subscription_type="SNS")]

        def at(kind: str, percent: float) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
            return budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=told,
            )

        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{self._settings.name}-month",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:application${self._settings.name}"]},
            ),
            notifications_with_subscribers=[at("ACTUAL", 80), at("FORECASTED", 100)],
        )


def _metric(namespace: str, name: str, dimensions: dict[str, str], statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions or None,
        statistic=statistic,
        period=_FIVE_MINUTES,
    )


def _search(dimensions: str, metric: str, statistic: str = _SUM) -> str:
    """Every value that there is of these dimensions: they are from closed lists."""
    return f"SEARCH('{{{NAMESPACE},{dimensions}}} MetricName=\"{metric}\"', '{statistic}', 60)"
