"""What cdk-nag finds and is left as it is, each with its reason. What is not here fails the synthesis."""

import re
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

#: Actions that AWS lets nobody narrow to a resource.
#: https://docs.aws.amazon.com/service-authorization/latest/reference/
_WITHOUT_RESOURCE = {
    "batch:ListJobs",
    "ecr:GetAuthorizationToken",
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ec2:UnassignPrivateIpAddresses",
}
_WILDCARDS = (
    (
        re.compile(r"arn:.+?:s3:::[^*]+/[^*]+\*"),
        "The names of objects are the customers' own; the prefix is what is known.",
    ),
    (re.compile(r"arn:.+?:s3:::.+/\*/.*\*"), "A place that REFERENCES names, for each customer one of their own."),
    (
        re.compile(r"arn:.+?:batch:.*:job-definition/[^*]+:\*"),
        "Every deployment makes a new revision of that definition.",
    ),
)
_OTHERS = {
    "AwsSolutions-VPC7": (
        "Nothing listens in the VPC but the database, to whose door the functions' security group is the only key; "
        "a flow log is billed by the gigabyte. A company that wants one adds it to the VPC."
    ),
    "AwsSolutions-SMG4": (
        "The password is used once, to let its user in by IAM; from then on PostgreSQL refuses it a login by password."
    ),
    "AwsSolutions-RDS11": "The port hides nothing: only the functions' security group is let in.",
    "AwsSolutions-APIG4": "The page and what is written of the API hold nothing; all else is behind the authorizer.",
    "AwsSolutions-COG2": "Each user may switch the second factor on; whether it is demanded is the company's decision.",
    "AwsSolutions-COG3": "Threat protection is billed for each user and belongs to the Plus plan.",
    "AwsSolutions-COG8": "The Plus plan is billed for each user; the page needs none of what it adds.",
    "AwsSolutions-S1": "It is the bucket of the access logs themselves.",
    "AwsSolutions-CFR1": "Who may see a picture is not a matter of the country.",
    "AwsSolutions-CFR2": "Static files with names that cannot be guessed; a firewall costs five dollars a month.",
    "AwsSolutions-CFR3": "S3 logs each read that reaches it; a log at the edge is the company's decision.",
    "AwsSolutions-CFR4": "HTTPS only; the TLS of CloudFront's own name is AWS's choice, that of another needs a key.",
}


def acknowledge(stack: cdk.Stack) -> None:
    """Say the reasons, at the roles and for the rest. Raises ValueError for a wildcard without one."""
    for rule, reason in _OTHERS.items():
        cdk.Validations.of(stack).acknowledge(cdk.Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason))
    for construct in stack.node.find_all():
        if isinstance(construct, iam.CfnRole):
            for statement in _statements(stack, construct):
                _explain(construct, statement)


def _statements(stack: cdk.Stack, role: iam.CfnRole) -> list[dict[str, Any]]:
    policies = stack.resolve(role.policies) or []
    return [statement for policy in policies for statement in policy["policyDocument"]["Statement"]]


def _explain(role: Construct, statement: dict[str, Any]) -> None:
    for resource in _listed(statement["Resource"]):
        spelled = _spelled(resource)
        if "*" not in spelled or statement["Effect"] == "Deny":
            continue
        if spelled == "*":
            unknown = set(_listed(statement["Action"])) - _WITHOUT_RESOURCE
            reason = "" if unknown else "AWS lets nobody narrow these actions to a resource."
        else:
            reason = next((reason for pattern, reason in _WILDCARDS if pattern.fullmatch(spelled)), "")
        if not reason:
            raise ValueError(f"{role.node.path}: nobody says why {statement['Action']} is allowed on {spelled}")
        finding = f"AwsSolutions::AwsSolutions-IAM5[Resource::{spelled}]"
        cdk.Validations.of(role).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - IAM's JSON: one or many
    return value if isinstance(value, list) else [value]


def _spelled(value: Any) -> str:  # noqa: ANN401 - CloudFormation's JSON
    """As cdk-nag spells a resource in the names of its findings."""
    if isinstance(value, str):
        return value
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([^}]+)\}", r"<\1>", value["Fn::Sub"])
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(map(_spelled, parts))
    if "Ref" in value:
        return f"<{value['Ref']}>"
    name = value["Fn::GetAtt"]
    return f"<{'.'.join(name)}>"
