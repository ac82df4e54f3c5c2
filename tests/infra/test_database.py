"""The database and its network: paused when idle, TLS only, and reached by its functions only."""

import pytest
from msgspec.structs import fields

from core.settings import entries
from tests.infra import variations
from tests.infra.conftest import Synthesize
from tests.infra.stack import ACCOUNT, REGION, Stack, statements

INSIDE = ("record", "admin", "web")
OUTSIDE = ("process", "dispatch")
CONNECT = "database_connect_seconds"


def test_it_pauses_when_idle_and_its_capacity_is_capped(shipped: Stack) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2-auto-pause.html."""
    cluster = shipped.only("RDS::DBCluster")
    assert cluster["ServerlessV2ScalingConfiguration"] == {
        "MinCapacity": 0,
        "MaxCapacity": 4,
        "SecondsUntilAutoPause": 300,
    }
    assert shipped.only("RDS::DBInstance")["DBInstanceClass"] == "db.serverless"


def test_it_takes_iam_logins_over_tls_and_is_backed_up(shipped: Stack) -> None:
    cluster = shipped.only("RDS::DBCluster")
    assert cluster["EnableIAMDatabaseAuthentication"] is True
    assert cluster["StorageEncrypted"] is True
    assert cluster["BackupRetentionPeriod"] == 7
    assert cluster["DeletionProtection"] is True
    parameters = shipped.properties_of("RDS::DBClusterParameterGroup")[
        cluster["DBClusterParameterGroupName"].strip("<>")
    ]
    assert parameters["Parameters"] == {"rds.force_ssl": "1"}
    assert shipped.only("RDS::DBInstance")["PubliclyAccessible"] is False


@pytest.mark.parametrize("entry", INSIDE)
def test_each_function_waits_until_it_resumes(shipped: Stack, entry: str) -> None:
    """About 15 seconds; less than the function's time-out."""
    default = next(properties.default for properties in fields(entries.DatabaseSettings) if properties.name == CONNECT)
    waits = int(shipped.environment(entry).get(CONNECT.upper(), default))
    assert 15 < waits < shipped.function(entry)["Timeout"]


@pytest.mark.parametrize(
    ("entry", "user"),
    [("record", "picture_perfect_record"), ("web", "picture_perfect_web"), ("admin", "picture_perfect")],
)
def test_each_function_is_a_user_of_its_own(shipped: Stack, entry: str, user: str) -> None:
    environment = shipped.environment(entry)
    assert environment["DATABASE_AUTH"] == "iam"
    assert environment["DATABASE_URL"].startswith(f"postgresql://{user}@")
    role = shipped.properties_of("IAM::Role")[shipped.function(entry)["Role"].removesuffix(".Arn>")[1:]]
    cluster = shipped.logical_id("RDS::DBCluster")
    assert [
        statement["Resource"]
        for policy in role["Policies"]
        for statement in statements(policy["PolicyDocument"])
        if statement["Action"] == ["rds-db:connect"]
    ] == [[f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:<{cluster}.DBClusterResourceId>/{user}"]]


def test_functions_outside_the_vpc_have_no_database_url(shipped: Stack, other: Stack) -> None:
    for stack in (shipped, other):
        for entry in OUTSIDE:
            assert "DATABASE_URL" not in stack.environment(entry)
            assert "VpcConfig" not in stack.function(entry)
        for entry in INSIDE:
            assert stack.function(entry)["VpcConfig"]["SubnetIds"]


def test_there_is_no_nat_and_no_paid_endpoint(shipped: Stack) -> None:
    kinds = {properties["Type"] for properties in shipped.resources.values()}
    assert not {"AWS::EC2::NatGateway", "AWS::EC2::EIP"} & kinds
    assert {properties["VpcEndpointType"] for properties in shipped.properties_of("EC2::VPCEndpoint").values()} == {
        "Gateway"
    }


def test_s3_is_reached_by_the_free_endpoint_and_no_other_bucket_is(shipped: Stack, other: Stack) -> None:
    for stack in (shipped, other):
        endpoint = stack.only("EC2::VPCEndpoint")
        pictures = f"arn:aws:s3:::{stack.environment('record')['BUCKET']}"
        (statement,) = statements(endpoint["PolicyDocument"])
        assert statement["Resource"] == [pictures, f"{pictures}/*"]
        assert endpoint["ServiceName"] == f"com.amazonaws.{REGION}.s3"
        assert endpoint["RouteTableIds"]


def test_only_the_functions_reach_the_database(shipped: Stack) -> None:
    assert not any(
        "SecurityGroupIngress" in properties for properties in shipped.properties_of("EC2::SecurityGroup").values()
    )
    (door,) = shipped.properties_of("EC2::SecurityGroupIngress").values()
    functions = {group for entry in INSIDE for group in shipped.function(entry)["VpcConfig"]["SecurityGroupIds"]}
    assert (door["FromPort"], door["ToPort"]) == (5432, 5432)
    assert {door["SourceSecurityGroupId"]} == functions
    assert door["GroupId"] in shipped.only("RDS::DBCluster")["VpcSecurityGroupIds"]


def test_outbound_traffic_is_https_or_to_the_database(shipped: Stack, other: Stack) -> None:
    for stack, port in ((shipped, 5432), (other, 6432)):
        groups = stack.properties_of("EC2::SecurityGroup")
        out = {
            properties["GroupDescription"].split(":")[0]: {
                rule.get("ToPort") for rule in properties["SecurityGroupEgress"]
            }
            for properties in groups.values()
        }
        assert out["Batch tasks"] == {443}
        assert out["record, admin and web"] == {443, port}


def test_an_existing_database_is_reached_by_its_url(other: Stack) -> None:
    assert not other.properties_of("RDS::DBCluster")
    for entry in INSIDE:
        environment = other.environment(entry)
        assert environment["DATABASE_URL"] == "postgresql://pictures@db.example.com:6432/pictures"
        assert environment["DATABASE_AUTH"] == "iam"
    door = other.only("EC2::SecurityGroupIngress")
    assert (door["GroupId"], door["ToPort"]) == ("sg-0123456789abcdef0", 6432)


def test_a_password_is_in_no_template(synthesize: Synthesize) -> None:
    stack = synthesize(variations.EXISTING_BY_SECRET + variations.NO_PAGE)
    url = stack.environment("record")["DATABASE_URL"]
    assert url.startswith("{{resolve:secretsmanager:arn:aws:secretsmanager:")
    assert stack.environment("record")["DATABASE_AUTH"] == "url"
