"""The policies of a synthesized template's roles, as the embedded cloud can enforce them.

CloudFormation's functions are resolved to the ARNs that things have here. Each role must be that of a function, or of
Batch's tasks: a role that nobody is known to have is an error, for nobody would look at it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.clients import ACCOUNT, REGION
from localcloud.iam import Policy

_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}
#: By type and attribute; `{…}` is a property of the resource, and `{id}` what it is called in the template.
_ATTRIBUTES = {
    ("AWS::SQS::Queue", "Arn"): f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{QueueName}}",
    ("AWS::Logs::LogGroup", "Arn"): f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{LogGroupName}}:*",
    ("AWS::RDS::DBCluster", "DBClusterResourceId"): "cluster-{id}",
}
#: Batch's own, beside those of the functions: what a job's code is, and what starts its container.
JOB, EXECUTION = "job", "execution"


def read(template: Mapping[str, Any]) -> dict[str, Policy]:
    """By who has the role: `process`, `dispatch`, …, `job` and `execution`. Raises ValueError for what is none."""
    resources: Mapping[str, Any] = template["Resources"]
    holders = dict(_holders(resources))
    found: dict[str, Policy] = {}
    for identity, resource in resources.items():
        kind = resource["Type"]
        if kind in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
            raise ValueError(f"{identity} grants beside the roles' own policies.")
        if kind != "AWS::IAM::Role":
            continue
        if identity not in holders:
            raise ValueError(f"Nobody is known to have the role {identity}.")
        found[holders[identity]] = _policy(identity, resource["Properties"], resources)
    return found


def _policy(identity: str, properties: Mapping[str, Any], resources: Mapping[str, Any]) -> Policy:
    if properties.get("ManagedPolicyArns"):
        raise ValueError(f"{identity} has managed policies.")
    (own,) = properties["Policies"]
    policy: Policy = resolved(own["PolicyDocument"], resources)
    return policy


def _holders(resources: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function":
            # `<name>-process` runs handler.process.handle
            yield properties["Role"]["Fn::GetAtt"][0], properties["FunctionName"].rsplit("-", 1)[-1]
        if resource["Type"] == "AWS::Batch::JobDefinition":
            container = properties["ContainerProperties"]
            yield container["JobRoleArn"]["Fn::GetAtt"][0], JOB
            yield container["ExecutionRoleArn"]["Fn::GetAtt"][0], EXECUTION


def resolved(value: Any, resources: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a template's JSON
    """`value` without CloudFormation's functions. Raises ValueError for one that is not known here."""
    if isinstance(value, list):
        return [resolved(each, resources) for each in value]
    if not isinstance(value, dict):
        return value
    if any(name == "Ref" or name.startswith("Fn::") for name in value):
        return _answer(value, resources)
    return {name: resolved(each, resources) for name, each in value.items()}


def _answer(function: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    match function:
        case {"Ref": str(name)} if name in _PSEUDO:
            return _PSEUDO[name]
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(resolved(part, resources) for part in parts)
        case {"Fn::Sub": str(text)}:
            for name, known in _PSEUDO.items():
                text = text.replace(f"${{{name}}}", known)
            if "${" not in text:
                return text
        case {"Fn::GetAtt": [str(identity), str(attribute)]}:
            resource = resources[identity]
            spelled = _ATTRIBUTES.get((resource["Type"], attribute))
            if spelled:
                return spelled.format(id=identity, **resource["Properties"])
    raise ValueError(f"{dict(function)} is not known here.")
