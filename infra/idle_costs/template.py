"""The synthesized template, as far as idle costs depend on it."""

from collections.abc import Mapping
from typing import Any, Literal

Template = Mapping[str, Any]
#: Resource types without idle costs: they are billed by use, or never.
FREE = frozenset({
    "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Authorizer", "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage", "AWS::Batch::ComputeEnvironment",
    "AWS::Batch::JobDefinition", "AWS::Batch::JobQueue", "AWS::Budgets::Budget", "AWS::CloudFront::Distribution",
    "AWS::CloudFront::OriginAccessControl", "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolDomain", "AWS::EC2::InternetGateway", "AWS::EC2::Route", "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation", "AWS::EC2::VPC", "AWS::EC2::VPCGatewayAttachment", "AWS::Events::Rule",
    "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Function",
    "AWS::Lambda::Permission", "AWS::Logs::LogGroup", "AWS::RDS::DBClusterParameterGroup", "AWS::RDS::DBSubnetGroup",
    "AWS::S3::BucketPolicy", "AWS::SNS::Subscription", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy", "AWS::SecretsManager::SecretTargetAttachment",
})  # fmt: skip
#: Resource types that `infra.idle_costs.lines` prices.
PRICED = frozenset({
    "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::EC2::VPCEndpoint", "AWS::Lambda::EventSourceMapping",
    "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::S3::Bucket", "AWS::SecretsManager::Secret",
})  # fmt: skip


def find_hourly(template: Template) -> list[str]:
    """Logical ids of the resources that are billed by the hour while idle."""
    return [name for name, resource in template["Resources"].items() if _is_hourly(resource, template)]


def find_unknown_types(template: Template) -> set[str]:
    """Resource types that are neither in FREE nor in PRICED."""
    return {resource["Type"] for resource in template["Resources"].values()} - FREE - PRICED


def properties_of(template: Template, kind: str) -> list[dict[str, Any]]:
    """The properties of every resource of the CloudFormation type `kind`."""
    resources = template["Resources"].values()
    return [resource.get("Properties", {}) for resource in resources if resource["Type"] == kind]


def _is_hourly(resource: Mapping[str, Any], template: Template) -> bool:
    properties = resource.get("Properties", {})
    match resource["Type"]:
        case "AWS::EC2::VPCEndpoint":
            return bool(properties.get("VpcEndpointType", "Gateway") != "Gateway")
        case "AWS::Lambda::EventSourceMapping":
            return "ProvisionedPollerConfig" in properties
        case "AWS::RDS::DBInstance":
            return properties.get("DBInstanceClass") != "db.serverless" or not _pauses(template)
        case "AWS::Batch::ComputeEnvironment":
            resources = properties.get("ComputeResources", {})
            return resources.get("Type") not in {"FARGATE", "FARGATE_SPOT"}
        case kind:
            return kind not in FREE | PRICED


def _pauses(template: Template) -> bool:
    clusters = properties_of(template, "AWS::RDS::DBCluster")
    scalings = [cluster.get("ServerlessV2ScalingConfiguration", {}) for cluster in clusters]
    return all(scaling.get("MinCapacity") == 0 and "SecondsUntilAutoPause" in scaling for scaling in scalings)


def event_source_mappings(template: Template, service: Literal["sqs", "kafka"]) -> list[dict[str, Any]]:
    """The event source mappings that read queues, or topics."""
    mappings = properties_of(template, "AWS::Lambda::EventSourceMapping")
    return [mapping for mapping in mappings if ("Topics" in mapping) == (service == "kafka")]


def count_alarm_metrics(template: Template) -> int:
    """Metrics that alarms evaluate: an alarm on a sum of three metrics is billed as three."""
    alarms = properties_of(template, "AWS::CloudWatch::Alarm")
    return sum(max(1, sum("MetricStat" in query for query in alarm.get("Metrics", []))) for alarm in alarms)
