"""What is drawn, and who is told when something is wrong."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration, Fn
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from msgspec.structs import fields

from core.domain.errors import Code
from core.domain.model import Door
from core.ports.metric_catalogue import REFUSED
from core.settings.entries import ProcessSettings
from infra.functions import Function
from infra.settings import TAG, Settings

#: Unless METRICS_NAMESPACE says another.
NAMESPACE = next(str(one.default) for one in fields(ProcessSettings) if one.name == "metrics_namespace")
_SUM, _MAXIMUM = "Sum", "Maximum"
_FIVE_MINUTES = Duration.minutes(5)
#: What an error of each function means for the images.
_MEANS = {
    "Process": "Its events come again, then go to Batch: no image is lost, but each costs more.",
    "Dispatch": "What did not fit waits in the overflow queue, and goes on when this is mended.",
    "Record": "Images go on being processed; the database hears of them when this is mended.",
    "Admin": "The reconciler, or what somebody asked of the command line, did not come to its end.",
    "Web": "Customers see an error on the page; what is on its way goes on.",
}
#: Each works on few events, or, as the reconciler, on one in an hour: a single error is worth a message.
_RARE = {"Admin"}


def namespace(settings: Settings) -> str:
    """Where the images' own metrics are."""
    return settings.processing.environment.get("METRICS_NAMESPACE", NAMESPACE)


class Observability(Construct):
    """`topic` hears every alarm. An alarm's description says what broke and what to do."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(scope, "Observability")
        self._settings = settings
        self._widgets: list[cloudwatch.IWidget] = []
        self.topic = sns.Topic(self, "Alarms", topic_name=f"{settings.name}-alarms", enforce_ssl=True)
        # A topic with a policy of its own has lost the one by which the account's alarms are let in
        alarms = Fn.sub("arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*")
        self._let_in("cloudwatch.amazonaws.com", alarms)
        if settings.alarms.email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alarms.email))
        if settings.alarms.monthly_budget_usd:
            self._budget(settings.alarms.monthly_budget_usd)

    def images(self) -> None:
        """What the images' own metrics say."""
        hours = self._settings.functions.hold_hours
        self._alarm(
            "Blocked",
            self._own("Blocked"),
            1,
            "Messages wait because the function could not even start: a bad deployment or setting. See the log of "
            f"process; roll back or mend it within {hours:g} hours, and each of them is worked on as if nothing were.",
        )
        self._alarm(
            "Failed",
            self._own("Images", status="failed"),
            self._settings.alarms.failed_images,
            "More images than usual ended failed. The view of failures by code, or the log lines with status failed, "
            "say for whom and why; docs/reference/codes.md says what to do for each code.",
        )
        self._alarm(
            "Reconciled",
            self._own("Reconciled"),
            self._settings.alarms.reconciled_images,
            "The reconciler found images of which nobody had said how they ended, and took them up again. Each should "
            "end by itself: look for what stopped in the meantime, by the other alarms and the logs of process and "
            "dispatch.",
        )
        self._alarm(
            "UploadsRefused",
            self._refused(Door.UPLOAD, (Code.INVALID_EVENT, Code.INVALID_REQUEST)),
            1,
            "Objects lie under incoming/ at keys that say nothing of whose they are, so they became no image. Each has "
            "a document under refused/incoming/ that names it; mend what uploads there, copy them where they belong.",
        )
        self._draw("Images by door and route", [self._search("source,route", "Images")])
        self._draw("Images by how they ended", [self._search("status", "Images")])
        self._draw("Seconds each took, by door and route", [self._search("source,route", "Duration", "p95")])

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
                1 if entry in _RARE else self._settings.alarms.function_errors,
                f"{one.name} fails: see /aws/lambda/{one.name}. {_MEANS[entry]}",
            )
            if entry == "Process":
                self._process(one)
        self._draw("Errors of the functions", [one.function.metric_errors(statistic=_SUM) for one in functions])
        self._draw(
            "Concurrent executions",
            [one.function.metric("ConcurrentExecutions", statistic=_MAXIMUM) for one in functions],
        )

    def _process(self, process: Function) -> None:
        """What Lambda does with its events when there is no function, or no answer."""
        self._alarm(
            "ProcessThrottles",
            process.function.metric_throttles(period=_FIVE_MINUTES, statistic=_SUM),
            100,
            "Images wait for concurrency: raise processing.reserved_concurrency or the account's quota. Lambda "
            "keeps their events for up to 6 hours, then they go to Batch.",
        )
        self._alarm(
            "FailuresNotKept",
            _metric("AWS/Lambda", "DestinationDeliveryFailures", {"FunctionName": process.name}, _SUM),
            1,
            "An event failed, and Lambda could not put it under aws/lambda/ in the bucket: see the policies of the "
            "bucket and of the role of process. What was uploaded is taken up by the reconciler; who invoked the "
            "function directly sends again.",
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

    def reconciler(self, admin: Function) -> None:
        """Its own errors are told as those of `admin`; that it does not even start would be silence."""
        self._alarm(
            "ReconcilerSilent",
            admin.function.metric_invocations(period=Duration.hours(1), statistic=_SUM),
            1,
            "The reconciler did not start for three hours: images that were forgotten stay forgotten. See whether the "
            f"rule {self._settings.name}-reconcile is enabled and may invoke admin; then nothing else is to be done.",
            silence=True,
            periods=3,
        )

    def kafka(self, function: Function) -> None:
        lag = _metric("AWS/Lambda", "OffsetLag", {"FunctionName": function.name}, _MAXIMUM)
        self._alarm(
            "KafkaLag",
            lag,
            self._settings.alarms.kafka_lag_records,
            "The stream is read more slowly than it is written. Look at ProcessThrottles and at the partitions: no "
            "more functions run at once than there are partitions.",
        )
        self._alarm(
            "KafkaRefused",
            self._refused(Door.KAFKA, REFUSED.values),
            self._settings.alarms.refused_records,
            "Records became no image: nobody can tell whose they are, or what they refer to. Each lies under refused/ "
            "in the bucket with what is wrong with it; mend the producer, then produce them anew.",
        )
        self._draw("Kafka: records not yet read", [lag])

    def dashboard(self) -> None:
        """One: an account's first three cost nothing. Grafana's are richer."""
        board = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=self._settings.name)
        for start in range(0, len(self._widgets), 3):
            board.add_widgets(*self._widgets[start : start + 3])

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        description: str,
        *,
        silence: bool = False,
        periods: int = 1,
    ) -> None:
        """At `threshold` or above for so many periods; with `silence` below it, and where nothing is said at all."""
        comparison, missing = cloudwatch.ComparisonOperator, cloudwatch.TreatMissingData
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{self._settings.name}-{name}",
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=comparison.LESS_THAN_THRESHOLD
            if silence
            else comparison.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=missing.BREACHING if silence else missing.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))

    def _own(self, name: str, **dimensions: str) -> cloudwatch.Metric:
        """A metric of the images'; core/adapters/emf.py writes it."""
        return _metric(namespace(self._settings), name, dimensions, _SUM)

    def _refused(self, door: Door, codes: Sequence[str]) -> cloudwatch.MathExpression:
        """Of all codes together: an alarm looks at no more than one number."""
        counts = {f"m{index}": self._own("Refused", source=door, code=code) for index, code in enumerate(codes)}
        return cloudwatch.MathExpression(
            expression=" + ".join(f"FILL({name}, 0)" for name in counts),
            using_metrics=counts,
            label="Refused",
            period=_FIVE_MINUTES,
        )

    def _search(self, dimensions: str, metric: str, statistic: str = _SUM) -> cloudwatch.MathExpression:
        """Every value that there is of these dimensions: they are from closed lists."""
        said = f"SEARCH('{{{namespace(self._settings)},{dimensions}}} MetricName=\"{metric}\"', '{statistic}', 60)"
        return cloudwatch.MathExpression(expression=said, label="", using_metrics={})

    def _let_in(self, service: str, source: str) -> None:
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "ArnLike": {"aws:SourceArn": source},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
        )

    def _draw(self, title: str, metrics: Sequence[cloudwatch.IMetric]) -> None:
        self._widgets.append(cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, height=6))

    def _budget(self, dollars: float) -> None:
        """The account's bill of what carries the stack's tag. Told at four fifths, and when the month will exceed."""
        self._let_in("budgets.amazonaws.com", Fn.sub("arn:${AWS::Partition}:budgets::${AWS::AccountId}:*"))
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
                cost_filters={"TagKeyValue": [f"user:{TAG}${self._settings.name}"]},
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
