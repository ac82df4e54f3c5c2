"""The ledger's database: an Aurora Serverless that pauses when idle, or an existing PostgreSQL."""

from dataclasses import dataclass

from aws_cdk import ArnFormat, Duration, RemovalPolicy, SecretValue, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.constructs import roles
from infra.constructs.network import Network
from infra.settings.schema import Database as DatabaseSettings

#: Database users: the cluster's first, which `admin` migrates as, and two of core/adapters/postgres/schema/roles.sql.
MASTER, RECORD, WEB = "picture_perfect", "picture_perfect_record", "picture_perfect_web"
#: Below the 30 seconds of an HTTP API, above the 15 in which a paused Aurora resumes.
_WEB_CONNECT_SECONDS = 20


@dataclass(frozen=True)
class Access:
    """The environment and the role's statements of one function that connects."""

    environment: dict[str, str]
    statements: list[iam.PolicyStatement]


class Database(Construct):
    """`cluster` is None for an existing database."""

    cluster: rds.DatabaseCluster | None = None

    def __init__(
        self,
        scope: Construct,
        settings: DatabaseSettings,
        network: Network,
        removal_policy: RemovalPolicy,
        *,
        protected: bool,
    ) -> None:
        super().__init__(scope, "Database")
        self._settings = settings
        if settings.kind == "aurora":
            self.cluster = self._aurora_cluster(network, removal_policy, protected=protected)
        else:
            ec2.CfnSecurityGroupIngress(
                self,
                "LetFunctionsIn",
                group_id=settings.security_group_id,
                ip_protocol="tcp",
                from_port=settings.port,
                to_port=settings.port,
                source_security_group_id=network.functions.security_group_id,
                description="record, admin and web of Picture Perfect",
            )

    def access(self, user: str) -> Access:
        """Connect as `user`: MASTER, RECORD or WEB. An existing database has one user, that of its URL."""
        timeout = {"DATABASE_CONNECT_SECONDS": str(_WEB_CONNECT_SECONDS)} if user == WEB else {}
        if self.cluster is None:
            return Access({**timeout, **self._existing_environment()}, self._existing_statements())
        endpoint = self.cluster.cluster_endpoint
        url = f"postgresql://{user}@{endpoint.hostname}:{self._settings.port}/{self._settings.name}"
        user_arn = Stack.of(self).format_arn(
            service="rds-db",
            resource="dbuser",
            resource_name=f"{self.cluster.cluster_resource_identifier}/{user}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return Access(
            {**timeout, "DATABASE_URL": url, "DATABASE_AUTH": "iam"}, [roles.allow(["rds-db:connect"], user_arn)]
        )

    def _existing_environment(self) -> dict[str, str]:
        settings = self._settings
        # CloudFormation resolves it while it deploys; the template holds the secret's ARN only
        url = (
            SecretValue.secrets_manager(settings.url_secret_arn).unsafe_unwrap()
            if settings.url_secret_arn
            else settings.url
        )
        return {"DATABASE_URL": url, "DATABASE_AUTH": settings.authentication}

    def _existing_statements(self) -> list[iam.PolicyStatement]:
        if self._settings.authentication != "iam":
            return []
        return [roles.allow(["rds-db:connect"], self._settings.user_arn)]

    def _aurora_cluster(
        self, network: Network, removal_policy: RemovalPolicy, *, protected: bool
    ) -> rds.DatabaseCluster:
        settings = self._settings
        engine = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_17_5)
        group = ec2.SecurityGroup(
            self, "Door", vpc=network.database_vpc, allow_all_outbound=False, description="PostgreSQL, for functions"
        )
        group.add_ingress_rule(network.functions, ec2.Port.tcp(settings.port), "record, admin and web")
        return rds.DatabaseCluster(
            self,
            "Cluster",
            engine=engine,
            writer=rds.ClusterInstance.serverless_v2("Writer", publicly_accessible=False),
            serverless_v2_min_capacity=0,
            serverless_v2_max_capacity=settings.max_acu,
            serverless_v2_auto_pause_duration=Duration.minutes(settings.pause_after_minutes),
            vpc=network.database_vpc,
            vpc_subnets=network.database_subnets,
            security_groups=[group],
            credentials=rds.Credentials.from_generated_secret(MASTER),
            default_database_name=settings.name,
            port=settings.port,
            iam_authentication=True,
            enable_data_api=True,
            storage_encrypted=True,
            parameter_group=rds.ParameterGroup(
                self, "Parameters", engine=engine, parameters={"rds.force_ssl": "1"}, description="TLS only"
            ),
            backup=rds.BackupProps(retention=Duration.days(settings.backup_days)),
            copy_tags_to_snapshot=True,
            deletion_protection=protected and settings.deletion_protection,
            removal_policy=removal_policy,
        )
