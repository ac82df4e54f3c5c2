"""A synthesized template, and its values as they read once it is deployed."""

import json
import re
from pathlib import Path
from typing import Any

ACCOUNT, REGION = "123456789012", "eu-west-1"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "PicturePerfect",
}


class Stack:
    """`of(type)` is what there is of a type: its properties, by logical name."""

    def __init__(self, assembly: Path) -> None:
        self.assembly = assembly
        self.path = assembly / "PicturePerfect.template.json"
        self.text = self.path.read_text()
        self.template: dict[str, Any] = json.loads(self.text)
        self.resources: dict[str, dict[str, Any]] = self.template["Resources"]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        found = {name: one for name, one in self.resources.items() if one["Type"] == f"AWS::{kind}"}
        return {name: self.read(one.get("Properties", {})) for name, one in found.items()}

    def one(self, kind: str, **properties: Any) -> dict[str, Any]:
        """The only one that has these properties."""
        return next(iter(self.named(kind, **properties).values()))

    def named(self, kind: str, **properties: Any) -> dict[str, dict[str, Any]]:
        """The same, by its logical name."""
        found = {
            name: one
            for name, one in self.of(kind).items()
            if all(one.get(key) == value for key, value in properties.items())
        }
        assert len(found) == 1, f"{len(found)} of {kind} with {properties}"
        return found

    def logical(self, kind: str, **properties: Any) -> str:
        return next(iter(self.named(kind, **properties)))

    def arn(self, kind: str, **properties: Any) -> str:
        """How another resource refers to it."""
        return f"<{self.logical(kind, **properties)}.Arn>"

    def function(self, entry: str) -> dict[str, Any]:
        return self.one("Lambda::Function", Description=f"handler.{entry}.handle")

    def environment(self, entry: str) -> dict[str, str]:
        found: dict[str, str] = self.function(entry)["Environment"]["Variables"]
        return found

    def read(self, value: Any) -> Any:
        """References become `<logical name>` or `<logical name.attribute>`, the rest is as in eu-west-1."""
        if isinstance(value, list):
            return [self.read(one) for one in value]
        if not isinstance(value, dict):
            return value
        function = {
            ("Ref",): lambda said: _PSEUDO.get(said, f"<{said}>"),
            ("Fn::GetAtt",): lambda said: f"<{'.'.join(said)}>",
            ("Fn::Join",): lambda said: said[0].join(map(str, map(self.read, said[1]))),
            ("Fn::Sub",): self._substituted,
        }.get(tuple(value))
        return function(*value.values()) if function else {key: self.read(one) for key, one in value.items()}

    def _substituted(self, said: Any) -> str:
        text, own = (said, {}) if isinstance(said, str) else said
        known = _PSEUDO | {key: self.read(one) for key, one in own.items()}
        return re.sub(r"\$\{([^}]+)\}", lambda found: str(known.get(found[1], f"<{found[1]}>")), text)


def statements(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a policy, each with lists for what may be one or many."""
    return [
        {key: one if isinstance(one, list) or key not in {"Action", "Resource"} else [one] for key, one in said.items()}
        for said in document["Statement"]
    ]
