"""Acknowledged findings of cdk-nag, each with its reason. Any other finding fails the synthesis."""

import re
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

#: Actions for which IAM accepts no resource but `*`.
#: https://docs.aws.amazon.com/service-authorization/latest/reference/
_ACTIONS_WITHOUT_RESOURCE = {
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
#: Wildcards in the resource of a role's statement, by a pattern of the resource.
_WILDCARDS = (
    (
        re.compile(r"arn:.+?:s3:::[^*]+/[^*]+\*"),
        "Customers choose the names of objects; the prefix limits what the role reaches.",
    ),
    (re.compile(r"arn:.+?:s3:::.+/\*/.*\*"), "REFERENCES names this location with a prefix for each customer."),
    (
        re.compile(r"arn:.+?:batch:.*:job-definition/[^*]+:\*"),
        "Every deployment registers a new revision of this job definition.",
    ),
)
#: Rules that are acknowledged for the whole stack.
_RULES = {
    "AwsSolutions-VPC7": (
        "Only the database listens in the VPC, and only the functions' security group reaches it. A flow log is billed "
        "by the gigabyte; a company that wants one adds it to the VPC."
    ),
    "AwsSolutions-SMG4": (
        "The password is used once, to grant its user login by IAM; from then on PostgreSQL refuses the password."
    ),
    "AwsSolutions-RDS11": "Another port would hide nothing: only the functions' security group reaches the database.",
    "AwsSolutions-APIG4": "The page and the documents of the API hold no customer's data; every other route has the "
    "authorizer.",
    "AwsSolutions-COG2": "Each user may enable a second factor; whether to require one is the company's decision.",
    "AwsSolutions-COG3": "Threat protection needs the Plus plan, which is billed for each user.",
    "AwsSolutions-COG8": "The Plus plan is billed for each user, and the page uses none of its features.",
    "AwsSolutions-S1": "This is the bucket that the access logs are written to.",
    "AwsSolutions-CFR1": "Access to images does not depend on the viewer's country.",
    "AwsSolutions-CFR2": "The distribution serves static files with unguessable names; a firewall costs five dollars "
    "a month.",
    "AwsSolutions-CFR3": "S3 logs the reads that reach it; a log of CloudFront is the company's decision.",
    "AwsSolutions-CFR4": "Only HTTPS is served. AWS sets the TLS version of CloudFront's own domain; another domain "
    "needs a certificate.",
}


def acknowledge(stack: cdk.Stack) -> None:
    """Acknowledge the findings of `stack`. Raises ValueError for a wildcard in a role that has no reason here."""
    for rule, reason in _RULES.items():
        cdk.Validations.of(stack).acknowledge(cdk.Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason))
    for construct in stack.node.find_all():
        if isinstance(construct, iam.CfnRole):
            for statement in _policy_statements(stack, construct):
                _acknowledge_wildcards(construct, statement)


def _policy_statements(stack: cdk.Stack, role: iam.CfnRole) -> list[dict[str, Any]]:
    policies = stack.resolve(role.policies) or []
    return [statement for policy in policies for statement in policy["policyDocument"]["Statement"]]


def _acknowledge_wildcards(role: Construct, statement: dict[str, Any]) -> None:
    for resource in _as_list(statement["Resource"]):
        name = _finding_name(resource)
        if "*" not in name or statement["Effect"] == "Deny":
            continue
        if name == "*":
            narrowable = set(_as_list(statement["Action"])) - _ACTIONS_WITHOUT_RESOURCE
            reason = "" if narrowable else "IAM accepts no resource but * for these actions."
        else:
            reason = next((reason for pattern, reason in _WILDCARDS if pattern.fullmatch(name)), "")
        if not reason:
            raise ValueError(
                f"{role.node.path}: infra/nag_findings.py has no reason for {statement['Action']} on {name}"
            )
        finding = f"AwsSolutions::AwsSolutions-IAM5[Resource::{name}]"
        cdk.Validations.of(role).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 - IAM's JSON: one or many
    return value if isinstance(value, list) else [value]


def _finding_name(value: Any) -> str:  # noqa: ANN401 - CloudFormation's JSON
    """The resource as cdk-nag spells it in the name of a finding."""
    if isinstance(value, str):
        return value
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([^}]+)\}", r"<\1>", value["Fn::Sub"])
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(map(_finding_name, parts))
    if "Ref" in value:
        return f"<{value['Ref']}>"
    return f"<{'.'.join(value['Fn::GetAtt'])}>"
