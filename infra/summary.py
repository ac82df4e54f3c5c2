"""What a synthesized stack is, in a few lines that a person understands."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from infra.settings import Settings


def summary(assembly: Path, name: str, settings: Settings) -> str:
    """Of the template of that name in that folder: what is deployed, what is never there, and where to read on."""
    path = assembly / f"{name}.template.json"
    resources = json.loads(path.read_text("utf-8"))["Resources"]
    kinds = Counter(resource["Type"] for resource in resources.values())
    report = json.loads((assembly / "validation-report.json").read_text("utf-8"))
    reasons = [finding for plugin in report["pluginReports"] for finding in plugin["suppressedViolations"]]
    lines = {
        "template": f"{path}, {len(resources)} resources",
        "image": settings.image.uri
        or f"built from {settings.image.directory}/Dockerfile, {settings.image.architecture}",
        "bucket": f"pictures kept {settings.storage.retention_days} days"
        + (", served by CloudFront" if settings.storage.cloudfront else ""),
        "functions": ", ".join(_functions(resources)),
        "Batch": f"{kinds['AWS::Batch::JobDefinition']} sizes on Fargate{' Spot' if settings.batch.spot else ''}, "
        f"0 to {settings.batch.max_vcpus} vCPUs",
        "Kafka": _kafka(settings),
        "database": "an Aurora that sleeps" if settings.database.kind == "aurora" else "an existing PostgreSQL",
        "page": {"none": "none"}.get(settings.web.login, f"login by {settings.web.login}"),
        "alarms": f"{kinds['AWS::CloudWatch::Alarm']}, told to {settings.alarms.email or 'nobody yet: alarms.email'}",
        "cdk-nag": f"AwsSolutions, no finding without a reason; {len(reasons)} rules with one, infra/findings.py",
    }
    return "\n".join(f"{what:<10} {said}" for what, said in lines.items())


def _functions(resources: dict[str, Any]) -> list[str]:
    found = [resource["Properties"] for resource in resources.values() if resource["Type"] == "AWS::Lambda::Function"]
    return [f"{one['Description'].split('.')[1]} ({one['MemorySize']} MB, {one['Timeout']} s)" for one in found]


def _kafka(settings: Settings) -> str:
    kafka = settings.kafka
    return "none" if kafka.kind == "none" else f"{kafka.kind}, {kafka.mode}: {', '.join(kafka.topics)}"
