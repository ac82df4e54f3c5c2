"""A template's policies are resolved to the embedded cloud's ARNs; an unsupported function is an error."""

from typing import Any

import pytest

from localcloud.template_policies import read_policies, resolve

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "pictures-records"}}


def _template(**more: Any) -> dict[str, Any]:
    arn = {"Fn::GetAtt": ["Queue", "Arn"]}
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    return {
        "Resources": {
            "Queue": QUEUE,
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]},
            },
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}, "FunctionName": "my-pictures-process"},
            },
            **more,
        }
    }


def test_a_policy_is_found_by_its_roles_function() -> None:
    (statement,) = read_policies(_template())["process"]["Statement"]
    assert statement["Resource"] == "arn:aws:sqs:us-east-1:123456789012:pictures-records"


def test_join_sub_and_ref_are_resolved() -> None:
    bucket = {"Fn::Sub": "arn:${AWS::Partition}:s3:::pictures-${AWS::AccountId}-${AWS::Region}"}
    value = {"Resource": [{"Fn::Join": ["", [bucket, "/incoming/*"]]}, {"Ref": "AWS::Region"}]}
    assert resolve(value, {}) == {"Resource": ["arn:aws:s3:::pictures-123456789012-us-east-1/incoming/*", "us-east-1"]}


@pytest.mark.parametrize(
    "unknown",
    [
        {"Ref": "Queue"},
        {"Fn::Sub": "${Queue.Arn}"},
        {"Fn::ImportValue": "another-stack"},
        {"Fn::GetAtt": ["Queue", "QueueName"]},
    ],
)
def test_an_unsupported_function_is_an_error(unknown: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not supported here"):
        resolve([unknown], {"Queue": QUEUE})


def test_a_role_without_a_function_is_an_error() -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": []}}
    with pytest.raises(ValueError, match="No function and no job definition has the role Another"):
        read_policies(_template(Another=role))


@pytest.mark.parametrize("kind", ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"])
def test_a_policy_outside_the_roles_is_an_error(kind: str) -> None:
    with pytest.raises(ValueError, match="More is a policy outside the roles"):
        read_policies(_template(More={"Type": kind, "Properties": {}}))


def test_a_managed_policy_is_an_error() -> None:
    template = _template()
    template["Resources"]["Role"]["Properties"]["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    with pytest.raises(ValueError, match="Role has managed policies"):
        read_policies(template)
