"""CloudWatch alarms, made from the rows of `infra.alerts.definitions`; each notifies one SNS topic."""

from collections.abc import Sequence

from aws_cdk import Aws, Duration, Fn
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.alerts.values import Alarm, Alert, Metric, describe
from infra.settings.schema import Settings


class AlarmTopic:
    """`topic` in `scope`, and the alarms that notify it when they go off and when they are over."""

    def __init__(self, scope: Construct, settings: Settings, namespace: str) -> None:
        """`namespace`: of the product's own metrics."""
        self._scope, self._settings, self._namespace = scope, settings, namespace
        self.topic = sns.Topic(scope, "Alarms", topic_name=f"{settings.name}-alarms", enforce_ssl=True)
        # The policy that `enforce_ssl` adds replaces AWS's default one, which lets the account's alarms publish
        source = Fn.sub("arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*")
        self.allow_publish("cloudwatch.amazonaws.com", source)
        if settings.alarms.email:
            self.topic.add_subscription(subscriptions.EmailSubscription(settings.alarms.email))

    def allow_publish(self, service: str, source_arn: str) -> None:
        """Let an AWS service of this account publish to the topic."""
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={
                    "ArnLike": {"aws:SourceArn": source_arn},
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                },
            )
        )

    def add_alarm(self, alert: Alert, alarm: Alarm, resource: str = "") -> None:
        """Add one alarm of `alert`. `resource`: a reference to the name of the AWS resource that the alarm is on."""
        threshold = getattr(self._settings.alarms, alarm.setting) * alarm.unit if alarm.setting else alarm.threshold
        comparison, missing = cloudwatch.ComparisonOperator, cloudwatch.TreatMissingData
        made = cloudwatch.Alarm(
            self._scope,
            alarm.name,
            alarm_name=f"{self._settings.name}-{alarm.name}",
            alarm_description=describe(alert, alarm, threshold, self._settings.name),
            metric=self._expression(alarm, resource),
            threshold=threshold,
            evaluation_periods=alarm.periods,
            comparison_operator=comparison.LESS_THAN_THRESHOLD
            if alarm.silence
            else comparison.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=missing.BREACHING if alarm.silence else missing.NOT_BREACHING,
        )
        made.add_alarm_action(actions.SnsAction(self.topic))
        made.add_ok_action(actions.SnsAction(self.topic))

    def metric(self, metric: Metric, resource: str = "", period_minutes: int = 5) -> cloudwatch.Metric:
        """The metric in CDK. `resource` replaces the value of its only dimension by a reference."""
        dimensions = {name: resource or value.format(stack=self._settings.name) for name, value in metric.dimensions}
        return cloudwatch.Metric(
            namespace=metric.namespace or self._namespace,
            metric_name=metric.name,
            dimensions_map=dimensions or None,
            statistic=metric.statistic,
            period=Duration.minutes(period_minutes),
        )

    def _expression(self, alarm: Alarm, resource: str) -> cloudwatch.IMetric:
        """One metric, or the sum of several: an alarm compares a single number."""
        if len(alarm.metrics) == 1:
            return self.metric(alarm.metrics[0], resource, alarm.period_minutes)
        return _total(alarm.metrics[0].name, [self.metric(metric) for metric in alarm.metrics])


def _total(label: str, metrics: Sequence[cloudwatch.Metric]) -> cloudwatch.MathExpression:
    named: dict[str, cloudwatch.IMetric] = {f"m{index}": metric for index, metric in enumerate(metrics)}
    return cloudwatch.MathExpression(
        expression=" + ".join(f"FILL({name}, 0)" for name in named),
        using_metrics=named,
        label=label,
        period=Duration.minutes(5),
    )
