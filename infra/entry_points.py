"""The five functions: for each entry its role's statements, its environment, its size, and the queue that it reads."""

from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from core.domain.model import Value
from core.settings.entries import DispatchSettings, ReconcileSettings, WebSettings
from infra.constructs import kafka, roles
from infra.constructs.batch import BatchCompute
from infra.constructs.bucket import ImageBucket, bucket_name
from infra.constructs.database import MASTER, RECORD, WEB, Database
from infra.constructs.functions import Function
from infra.constructs.image import ContainerImage
from infra.constructs.network import Network
from infra.constructs.queues import DISPATCH_SECONDS, RECORD_SECONDS, Queues
from infra.constructs.web import OidcProvider, WebApi
from infra.settings.schema import Settings

#: Concurrent dispatchers. Each calls SubmitJob five times a second, and an account may call it 50 times.
#: https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html
_DISPATCHERS = 8
_SMALL_MB = 512
_ADMIN_SECONDS = 15 * 60
#: Below the 30 seconds after which an HTTP API times out.
_WEB_SECONDS, _WEB_MB = 29, 1024


@dataclass(frozen=True)
class EntryFunctions:
    """Adds functions to `scope`, the stack."""

    scope: Construct
    settings: Settings
    image: ContainerImage
    network: Network
    database: Database
    queues: Queues
    bucket: ImageBucket

    def image_environment(self) -> dict[str, str]:
        """The environment that `process` and the Batch jobs share, so that both routes give the same result."""
        return {
            **self._bucket_environment(),
            "RECORDS_QUEUE_URL": self.queues.records.queue_url,
            "OVERFLOW_QUEUE_URL": self.queues.overflow.queue_url,
            "PUBLIC_BASE_URL": self.bucket.public_base_url,
            **self.settings.processing.environment,
        }

    def add_process(self) -> Function:
        """Add `process` without event sources: S3 notifies it, and Kafka's mappings are a construct of their own."""
        settings, queues = self.settings, self.queues
        partial = settings.kafka.kind != "none" and settings.kafka.mode == "provisioned"
        return Function(
            self.scope,
            "process",
            settings,
            self.image,
            [
                *roles.process(settings, queues.records.queue_arn, queues.overflow.queue_arn),
                *kafka.role_statements(settings),
            ],
            {
                **self.image_environment(),
                **kafka.environment(settings.kafka),
                **({"REPORT_BATCH_ITEM_FAILURES": "true"} if partial else {}),
            },
            timeout_seconds=settings.processing.timeout_seconds,
            memory_mb=settings.processing.memory_mb,
            disk_mb=settings.processing.disk_mb,
            reserved_concurrency=settings.processing.reserved_concurrency,
        )

    def add_dispatch(self, batch: BatchCompute) -> Function:
        """Add `dispatch`, which reads the overflow queue."""
        settings, queues = self.settings, self.queues
        dispatch = Function(
            self.scope,
            "dispatch",
            settings,
            self.image,
            roles.dispatch(
                settings, queues.records.queue_arn, queues.overflow.queue_arn, batch.queue_arn, batch.definition_arns
            ),
            {
                **self._bucket_environment(),
                **self._processing_environment(DispatchSettings),
                **kafka.environment(settings.kafka),
                "RECORDS_QUEUE_URL": queues.records.queue_url,
                "BATCH_QUEUE": batch.queue_name,
                "BATCH_DEFINITIONS": settings.name,
                "HOLD_HOURS": str(settings.functions.hold_hours),
            },
            timeout_seconds=DISPATCH_SECONDS,
            memory_mb=_SMALL_MB,
        )
        # Not a reserved concurrency, which new accounts cannot give; the queue is the only caller
        dispatch.add_queue_source(
            queues.overflow.queue_arn, batch_size=100, window_seconds=5, max_concurrency=_DISPATCHERS
        )
        return dispatch

    def add_record(self) -> Function:
        """Add `record`, which reads the records queue, inside the database's VPC."""
        access = self.database.access(RECORD)
        record = Function(
            self.scope,
            "record",
            self.settings,
            self.image,
            [*roles.record(self.settings, self.queues.records.queue_arn), *access.statements],
            {**self._bucket_environment(), **access.environment},
            timeout_seconds=RECORD_SECONDS,
            memory_mb=_SMALL_MB,
            network=self.network,
        )
        record.add_queue_source(
            self.queues.records.queue_arn,
            batch_size=100,
            window_seconds=2,
            max_concurrency=self.settings.functions.record_concurrency,
        )
        return record

    def add_admin(self) -> Function:
        """Add `admin`. An EventBridge rule invokes its reconciler every hour; the command line invokes the others."""
        access, own = self.database.access(MASTER), self.settings.functions
        admin = Function(
            self.scope,
            "admin",
            self.settings,
            self.image,
            [*roles.admin(self.settings), *access.statements],
            {
                **self._bucket_environment(),
                **access.environment,
                **self._processing_environment(ReconcileSettings),
                "RECONCILE_AFTER_HOURS": str(own.reconcile_after_hours),
                "RETENTION_DAYS": str(self.settings.storage.retention_days),
            },
            timeout_seconds=_ADMIN_SECONDS,
            memory_mb=_SMALL_MB,
            network=self.network,
        )
        reconcile = events.RuleTargetInput.from_object({"action": "reconcile"})
        events.Rule(
            self.scope,
            "Reconcile",
            rule_name=f"{self.settings.name}-reconcile",
            description="Every hour: hand over sources that have waited under incoming/ for too long",
            schedule=events.Schedule.rate(Duration.hours(1)),
            targets=[targets.LambdaFunction(admin.function, event=reconcile)],
        )
        return admin

    def add_web(self, api: WebApi, removal_policy: RemovalPolicy) -> Function:
        """Add `web`, which serves `api`. `removal_policy` is for the user pool, if there is one."""
        access = self.database.access(WEB)
        provider = OidcProvider(api, self.settings, api.endpoint, removal_policy)
        web = Function(
            self.scope,
            "web",
            self.settings,
            self.image,
            [*roles.web(self.settings), *access.statements],
            {
                **self._bucket_environment(),
                **self._processing_environment(WebSettings),
                **access.environment,
                **provider.environment(),
            },
            timeout_seconds=_WEB_SECONDS,
            memory_mb=_WEB_MB,
            network=self.network,
        )
        api.add_routes(web.function, provider)
        return web

    def _bucket_environment(self) -> dict[str, str]:
        return {"BUCKET": bucket_name(self.settings.name)}

    def _processing_environment(self, kind: type[Value]) -> dict[str, str]:
        """The variables of `processing.environment` that an entry with settings of `kind` reads too."""
        names = {name.upper() for name in kind.__struct_fields__}
        return {name: value for name, value in self.settings.processing.environment.items() if name in names}
