"""The policies of a synthesized template's roles; CloudFormation's functions become the embedded cloud's ARNs.

Every role must belong to a function or to Batch's tasks. Any other is an error, because no test would enforce it.
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
#: Values of Fn::GetAtt by type and attribute; `{…}` is a property of the resource, `{id}` its logical id.
_ATTRIBUTES = {
    ("AWS::SQS::Queue", "Arn"): f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{QueueName}}",
    ("AWS::Logs::LogGroup", "Arn"): f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{LogGroupName}}:*",
    ("AWS::RDS::DBCluster", "DBClusterResourceId"): "cluster-{id}",
}
#: Holders of Batch's roles: a job's code, and the agent that starts its container.
JOB, EXECUTION = "job", "execution"


def read_policies(template: Mapping[str, Any]) -> dict[str, Policy]:
    """The policies by their role's holder: a function's name, `job` or `execution`. Raises ValueError."""
    resources: Mapping[str, Any] = template["Resources"]
    holders = dict(_holders(resources))
    policies: dict[str, Policy] = {}
    for identity, resource in resources.items():
        kind = resource["Type"]
        if kind in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
            raise ValueError(f"{identity} is a policy outside the roles.")
        if kind != "AWS::IAM::Role":
            continue
        if identity not in holders:
            raise ValueError(f"No function and no job definition has the role {identity}.")
        policies[holders[identity]] = _policy(identity, resource["Properties"], resources)
    return policies


def _policy(identity: str, properties: Mapping[str, Any], resources: Mapping[str, Any]) -> Policy:
    if properties.get("ManagedPolicyArns"):
        raise ValueError(f"{identity} has managed policies.")
    (inline,) = properties["Policies"]
    policy: Policy = resolve(inline["PolicyDocument"], resources)
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


def resolve(value: Any, resources: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a template's JSON
    """`value` without CloudFormation's functions. Raises ValueError for an unsupported one."""
    if isinstance(value, list):
        return [resolve(each, resources) for each in value]
    if not isinstance(value, dict):
        return value
    if any(name == "Ref" or name.startswith("Fn::") for name in value):
        return _resolve_function(value, resources)
    return {name: resolve(each, resources) for name, each in value.items()}


def _resolve_function(function: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    match function:
        case {"Ref": str(name)} if name in _PSEUDO:
            return _PSEUDO[name]
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(resolve(part, resources) for part in parts)
        case {"Fn::Sub": str(text)}:
            for name, known in _PSEUDO.items():
                text = text.replace(f"${{{name}}}", known)
            if "${" not in text:
                return text
        case {"Fn::GetAtt": [str(identity), str(attribute)]}:
            resource = resources[identity]
            attribute_template = _ATTRIBUTES.get((resource["Type"], attribute))
            if attribute_template:
                return attribute_template.format(id=identity, **resource["Properties"])
    raise ValueError(f"{dict(function)} is not supported here.")
