"""The stack: every construct of the deployment, and the references between them. Read this module first.

It names no account and no region, and makes no context look-ups; `settings.toml` holds the choices.
"""

from aws_cdk import Aws, RemovalPolicy, Stack, Tags
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.alerts import definitions
from infra.constructs import kafka, roles
from infra.constructs.batch import BatchCompute, batch_arn
from infra.constructs.bucket import ImageBucket, bucket_arn
from infra.constructs.database import Database
from infra.constructs.functions import Function
from infra.constructs.image import ContainerImage
from infra.constructs.network import Network
from infra.constructs.observability import Observability
from infra.constructs.queues import Queues
from infra.constructs.web import WebApi
from infra.entry_points import EntryFunctions
from infra.outputs import add_outputs
from infra.settings.schema import TAG, Settings


class PicturePerfect(Stack):
    """`data`: whether `cdk destroy` keeps the images and the database ("keep"), or deletes them ("delete").

    `closing`: whether to lift the database's deletion protection, which `make destroy` deploys before it destroys.
    """

    def __init__(
        self, scope: Construct, stack_id: str, settings: Settings, *, data: str = "keep", closing: bool = False
    ) -> None:
        super().__init__(scope, stack_id, description="Picture Perfect: images in, by Lambda and Batch; none lost")
        Tags.of(self).add(TAG, settings.name)
        self._settings = settings
        self._bucket_arn = bucket_arn(settings.name)
        delete = data == "delete"
        removal_policy = RemovalPolicy.DESTROY if delete else RemovalPolicy.RETAIN

        image = ContainerImage(self, settings.image)
        network = Network(self, self._bucket_arn, settings.database)
        database = Database(
            self,
            settings.database,
            network,
            RemovalPolicy.DESTROY if delete else RemovalPolicy.SNAPSHOT,
            protected=not (delete or closing),
        )
        self._queues = Queues(self, settings.name)
        api = WebApi(self, settings) if settings.web.login != "none" else None
        origins = [*settings.storage.upload_origins, *([api.endpoint] if api else [])]
        self._bucket = ImageBucket(self, settings.name, settings.storage, removal_policy, origins)

        entries = EntryFunctions(self, settings, image, network, database, self._queues, self._bucket)
        batch = self._add_batch(image, network, entries.image_environment())
        process, admin = entries.add_process(), entries.add_admin()
        functions = [process, entries.add_dispatch(batch), entries.add_record(), admin]
        if api:
            functions.append(entries.add_web(api, removal_policy))
        self._add_notifications(process)
        rule = self._add_batch_failure_rule(batch)
        if settings.kafka.kind != "none":
            kafka.KafkaEventSources(self, settings.kafka, process.function, self._bucket_arn, self._bucket.bucket)
        self._add_observability(functions, admin, rule)
        add_outputs(self, settings, self._queues, database, api)

    def _add_batch(self, image: ContainerImage, network: Network, environment: dict[str, str]) -> BatchCompute:
        queues = self._queues
        return BatchCompute(
            self,
            self._settings,
            image,
            network,
            roles.job(self._settings, queues.records.queue_arn, queues.overflow.queue_arn),
            {**environment, "AWS_DEFAULT_REGION": Aws.REGION},
        )

    def _add_notifications(self, process: Function) -> None:
        """The bucket's notifications, with the permissions that they need, and the failure destination of `process`."""
        queues = self._queues
        self._bucket.add_notifications(
            process.function.function_arn,
            queues.records.queue_arn,
            queues.overflow.queue_arn,
            [process.add_permission("s3.amazonaws.com", self._bucket_arn), *queues.allow_bucket(self._bucket_arn)],
        )
        process.add_failure_destination(self._bucket_arn, self._bucket.bucket)

    def _add_batch_failure_rule(self, batch: BatchCompute) -> events.Rule:
        """Failed jobs go to the overflow queue: `dispatch` submits their images again, or ends them failed."""
        return events.Rule(
            self,
            "BatchJobFailed",
            rule_name=f"{self._settings.name}-batch-job-failed",
            description="Batch jobs that failed go to the overflow queue",
            event_pattern=events.EventPattern(
                source=["aws.batch"],
                detail_type=["Batch Job State Change"],
                detail={"status": ["FAILED"], "jobQueue": [batch_arn(self, "job-queue", batch.queue_name)]},
            ),
            targets=[targets.SqsQueue(self._queues.overflow)],
        )

    def _add_observability(self, functions: list[Function], admin: Function, rule: events.Rule) -> None:
        observability, queues = Observability(self, self._settings), self._queues
        observability.add_image_alarms()
        observability.add_function_alarms(functions)
        observability.add_queue_alarms(definitions.RECORDS_OLD, queues.records, queues.records_dead_letters)
        observability.add_queue_alarms(definitions.OVERFLOW_OLD, queues.overflow, queues.overflow_dead_letters)
        observability.add_batch_alarm(rule.rule_name)
        observability.add_reconciler_alarm(admin)
        if self._settings.kafka.kind != "none":
            observability.add_kafka_alarms()
        observability.add_dashboard()
