"""A synthesized template whose references and pseudo parameters are resolved."""

import json
import re
from pathlib import Path
from typing import Any

ACCOUNT, REGION = "123456789012", "eu-west-1"
_PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "PicturePerfect",
}


class Stack:
    """The stack of a cloud assembly. Types are given without `AWS::`."""

    def __init__(self, assembly: Path) -> None:
        self.assembly = assembly
        self.path = assembly / "PicturePerfect.template.json"
        self.text = self.path.read_text()
        self.template: dict[str, Any] = json.loads(self.text)
        self.resources: dict[str, dict[str, Any]] = self.template["Resources"]

    def properties_of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resolved properties of every resource of the type, by logical id."""
        return {
            logical_id: self.resolve(resource.get("Properties", {}))
            for logical_id, resource in self.resources.items()
            if resource["Type"] == f"AWS::{kind}"
        }

    def only(self, kind: str, **properties: Any) -> dict[str, Any]:
        """The properties of the only resource of the type with these properties."""
        return self._only_item(kind, **properties)[1]

    def logical_id(self, kind: str, **properties: Any) -> str:
        return self._only_item(kind, **properties)[0]

    def arn(self, kind: str, **properties: Any) -> str:
        """Another resource's resolved reference to the ARN."""
        return f"<{self.logical_id(kind, **properties)}.Arn>"

    def function(self, entry: str) -> dict[str, Any]:
        return self.only("Lambda::Function", Description=f"handler.{entry}.handle")

    def environment(self, entry: str) -> dict[str, str]:
        variables: dict[str, str] = self.function(entry)["Environment"]["Variables"]
        return variables

    def resolve(self, value: Any) -> Any:
        """References become `<logical id>` or `<logical id.attribute>`; pseudo parameters are those of eu-west-1."""
        if isinstance(value, list):
            return [self.resolve(each) for each in value]
        if not isinstance(value, dict):
            return value
        function = {
            ("Ref",): lambda name: _PSEUDO_PARAMETERS.get(name, f"<{name}>"),
            ("Fn::GetAtt",): lambda parts: f"<{'.'.join(parts)}>",
            ("Fn::Join",): lambda parts: parts[0].join(map(str, map(self.resolve, parts[1]))),
            ("Fn::Sub",): self._substitute,
        }.get(tuple(value))
        return function(*value.values()) if function else {key: self.resolve(each) for key, each in value.items()}

    def _substitute(self, argument: Any) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument
        known = _PSEUDO_PARAMETERS | {name: self.resolve(value) for name, value in variables.items()}
        return re.sub(r"\$\{([^}]+)\}", lambda match: str(known.get(match[1], f"<{match[1]}>")), text)

    def _only_item(self, kind: str, **properties: Any) -> tuple[str, dict[str, Any]]:
        matching = [
            (logical_id, resource)
            for logical_id, resource in self.properties_of(kind).items()
            if all(resource.get(key) == value for key, value in properties.items())
        ]
        assert len(matching) == 1, f"{len(matching)} of {kind} with {properties}"
        return matching[0]


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy, with Action and Resource as lists."""
    return [
        {
            key: [value] if key in {"Action", "Resource"} and not isinstance(value, list) else value
            for key, value in statement.items()
        }
        for statement in document["Statement"]
    ]
