"""The whole system, wired: read this first. Free of account and region; `settings.toml` says the rest."""

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack, Tags
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from core.domain.model import Value
from core.settings.entries import DispatchSettings, ReconcileSettings, WebSettings
from infra import kafka, roles
from infra.batch import BatchWork, arn
from infra.database import MASTER, RECORD, WEB, Database
from infra.functions import Function
from infra.image import ContainerImage
from infra.network import Network
from infra.observability import Observability, namespace
from infra.queues import DISPATCH_SECONDS, RECORD_SECONDS, Queues
from infra.settings import TAG, Settings
from infra.storage import Storage, bucket_arn, bucket_name
from infra.web import Login, Page

_MINUTE = 60
#: Five SubmitJob a second each: all of them together stay below the account's 50.
_DISPATCHERS = 8
_SMALL_MB = 512


class PicturePerfect(Stack):
    """`data` says what becomes of the pictures and the history when the stack goes: kept, unless `delete`.

    `closing` takes the database's protection off, which the command that takes the stack down does before it.
    """

    def __init__(
        self, scope: Construct, stack_id: str, settings: Settings, *, data: str = "keep", closing: bool = False
    ) -> None:
        super().__init__(scope, stack_id, description="Picture Perfect: images in, by Lambda and Batch; none lost")
        Tags.of(self).add(TAG, settings.name)
        self._settings = settings
        self._name = settings.name
        delete = data == "delete"
        self._kept = RemovalPolicy.DESTROY if delete else RemovalPolicy.RETAIN
        self._arn = bucket_arn(self._name)

        self._image = ContainerImage(self, settings.image)
        self._network = Network(self, self._arn, settings.database)
        self._database = Database(
            self,
            settings.database,
            self._network,
            RemovalPolicy.DESTROY if delete else RemovalPolicy.SNAPSHOT,
            protected=not (delete or closing),
        )
        self._queues = Queues(self, self._name)
        page = Page(self, settings) if settings.web.login != "none" else None
        origins = [*settings.storage.upload_origins, *([page.address] if page else [])]
        self._storage = Storage(self, self._name, settings.storage, self._kept, origins)

        batch = self._batch()
        self._process = self._make_process()
        admin = self._make_admin()
        functions = [self._process, self._make_dispatch(batch), self._make_record(), admin]
        if page:
            functions.append(self._make_web(page))
        self._tell()
        rule = self._hand_failures_on(batch)
        self._stream()
        self._observe(functions, admin, rule)
        self._say(page)

    def _common(self) -> dict[str, str]:
        return {"BUCKET": bucket_name(self._name)}

    def _shared(self, kind: type[Value]) -> dict[str, str]:
        """What the file says of settings that process has and this entry has too."""
        names = {name.upper() for name in kind.__struct_fields__}
        return {name: value for name, value in self._settings.processing.environment.items() if name in names}

    def _running(self) -> dict[str, str]:
        """What both routes are told, so that they do the same."""
        return {
            **self._common(),
            "RECORDS_QUEUE_URL": self._queues.records.queue_url,
            "OVERFLOW_QUEUE_URL": self._queues.overflow.queue_url,
            "PUBLIC_BASE_URL": self._storage.public_base_url,
            **self._settings.processing.environment,
        }

    def _batch(self) -> BatchWork:
        queues = self._queues
        return BatchWork(
            self,
            self._settings,
            self._image,
            self._network,
            roles.job(self._settings, queues.records.queue_arn, queues.overflow.queue_arn),
            {**self._running(), "AWS_DEFAULT_REGION": Aws.REGION},
        )

    def _make_process(self) -> Function:
        settings, queues = self._settings, self._queues
        own = settings.processing
        partial = settings.kafka.kind != "none" and settings.kafka.mode == "provisioned"
        return Function(
            self,
            "process",
            settings,
            self._image,
            [
                *roles.process(settings, queues.records.queue_arn, queues.overflow.queue_arn),
                *kafka.statements(settings),
            ],
            {
                **self._running(),
                **kafka.environment(settings.kafka),
                **({"REPORT_BATCH_ITEM_FAILURES": "true"} if partial else {}),
            },
            timeout_seconds=own.timeout_seconds,
            memory_mb=own.memory_mb,
            disk_mb=own.disk_mb,
            reserved_concurrency=own.reserved_concurrency,
        )

    def _make_dispatch(self, batch: BatchWork) -> Function:
        settings, queues = self._settings, self._queues
        dispatch = Function(
            self,
            "dispatch",
            settings,
            self._image,
            roles.dispatch(
                settings, queues.records.queue_arn, queues.overflow.queue_arn, batch.queue_arn, batch.definition_arns
            ),
            {
                **self._common(),
                **self._shared(DispatchSettings),
                **kafka.environment(settings.kafka),
                "RECORDS_QUEUE_URL": queues.records.queue_url,
                "BATCH_QUEUE": batch.queue_name,
                "BATCH_DEFINITIONS": self._name,
                "HOLD_HOURS": str(settings.functions.hold_hours),
            },
            timeout_seconds=DISPATCH_SECONDS,
            memory_mb=_SMALL_MB,
        )
        # Nobody else invokes it. A reserved concurrency would say the same, but new accounts have none to give
        dispatch.reads(queues.overflow.queue_arn, batch=100, window_seconds=5, concurrency=_DISPATCHERS)
        return dispatch

    def _make_record(self) -> Function:
        access = self._database.access(RECORD)
        record = Function(
            self,
            "record",
            self._settings,
            self._image,
            [*roles.record(self._settings, self._queues.records.queue_arn), *access.statements],
            {**self._common(), **access.environment},
            timeout_seconds=RECORD_SECONDS,
            memory_mb=_SMALL_MB,
            network=self._network,
        )
        concurrency = self._settings.functions.record_concurrency
        record.reads(self._queues.records.queue_arn, batch=100, window_seconds=2, concurrency=concurrency)
        return record

    def _make_admin(self) -> Function:
        access = self._database.access(MASTER)
        own = self._settings.functions
        admin = Function(
            self,
            "admin",
            self._settings,
            self._image,
            [*roles.admin(self._settings), *access.statements],
            {
                **self._common(),
                **access.environment,
                **self._shared(ReconcileSettings),
                "RECONCILE_AFTER_HOURS": str(own.reconcile_after_hours),
                "RETENTION_DAYS": str(self._settings.storage.retention_days),
            },
            timeout_seconds=15 * _MINUTE,
            memory_mb=_SMALL_MB,
            network=self._network,
        )
        events.Rule(
            self,
            "Reconcile",
            rule_name=f"{self._name}-reconcile",
            description="Every hour: what waits for too long under incoming/ is taken up again",
            schedule=events.Schedule.rate(Duration.hours(1)),
            targets=[
                targets.LambdaFunction(
                    admin.function, event=events.RuleTargetInput.from_object({"action": "reconcile"})
                )
            ],
        )
        return admin

    def _make_web(self, page: Page) -> Function:
        access = self._database.access(WEB)
        login = Login(page, self._settings, page.address, self._kept)
        web = Function(
            self,
            "web",
            self._settings,
            self._image,
            [*roles.web(self._settings), *access.statements],
            {**self._common(), **self._shared(WebSettings), **access.environment, **page.environment(login)},
            timeout_seconds=29,  # an HTTP API waits for 30
            memory_mb=1024,
            network=self._network,
        )
        page.serve(web.function, login)
        return web

    def _tell(self) -> None:
        """The notifications; each part that they need is made before them."""
        queues, process = self._queues, self._process
        self._storage.tell(
            process.function.function_arn,
            queues.records.queue_arn,
            queues.overflow.queue_arn,
            [process.invoked_by("s3.amazonaws.com", self._arn), *queues.told_by(self._arn)],
        )
        process.fails_to(self._arn, self._storage.bucket)

    def _hand_failures_on(self, batch: BatchWork) -> events.Rule:
        """What Batch alone knows has ended: its images are dispatched anew, or end failed."""
        return events.Rule(
            self,
            "BatchJobFailed",
            rule_name=f"{self._name}-batch-job-failed",
            description="Batch jobs that failed go to the overflow queue",
            event_pattern=events.EventPattern(
                source=["aws.batch"],
                detail_type=["Batch Job State Change"],
                detail={"status": ["FAILED"], "jobQueue": [arn(self, "job-queue", batch.queue_name)]},
            ),
            targets=[targets.SqsQueue(self._queues.overflow)],
        )

    def _stream(self) -> None:
        settings = self._settings.kafka
        if settings.kind != "none":
            kafka.Kafka(self, settings, self._process.function, self._arn, self._storage.bucket)

    def _observe(self, functions: list[Function], admin: Function, rule: events.Rule) -> None:
        seen, queues = Observability(self, self._settings), self._queues
        seen.images()
        seen.functions(functions)
        seen.queue(
            queues.records,
            "Records",
            queues.records_dead,
            "images are committed, but not yet in the database. See the log of record, and whether the database is up.",
        )
        seen.queue(
            queues.overflow,
            "Overflow",
            queues.overflow_dead,
            "images wait for Batch. See the log of dispatch, and the job queue.",
        )
        seen.batch_failures(rule.rule_name)
        seen.reconciler(admin)
        if self._settings.kafka.kind != "none":
            seen.kafka(self._process)
        seen.dashboard()

    def _say(self, page: Page | None) -> None:
        """What the commands read of a deployment."""
        said = {
            "BucketName": bucket_name(self._name),
            "ProcessFunctionName": self._process.name,
            "AdminFunctionName": f"{self._name}-admin",
            "ProcessMemoryMb": str(self._settings.processing.memory_mb),
            "OverflowQueueUrl": self._queues.overflow.queue_url,
            "MetricsNamespace": namespace(self._settings),
            "Architecture": self._settings.image.architecture,
        }
        if page:
            said["PageUrl"] = page.address
        kafka_settings = self._settings.kafka
        if kafka_settings.kind != "none":
            said["KafkaTopic"] = kafka_settings.topics[0]
        if kafka_settings.bootstrap_servers:
            said["KafkaBootstrapServers"] = ",".join(kafka_settings.bootstrap_servers)
        cluster = self._database.cluster
        if cluster and cluster.secret:
            said |= {
                "ClusterArn": cluster.cluster_arn,
                "ClusterSecretArn": cluster.secret.secret_arn,
                "DatabaseName": self._settings.database.name,
            }
        for name, value in said.items():
            CfnOutput(self, name, value=value)
