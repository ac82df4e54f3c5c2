"""The summary that `make synth` prints."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from infra.settings.schema import Settings


def summarise(assembly: Path, stack: str, settings: Settings) -> str:
    """The lines about the template of `stack` in the cloud assembly, and about `settings`."""
    path = assembly / f"{stack}.template.json"
    resources = json.loads(path.read_text("utf-8"))["Resources"]
    count = Counter(resource["Type"] for resource in resources.values())
    report = json.loads((assembly / "validation-report.json").read_text("utf-8"))
    acknowledged = sum(len(plugin["suppressedViolations"]) for plugin in report["pluginReports"])
    lines = {
        "template": f"{path}, {len(resources)} resources",
        "image": settings.image.uri
        or f"built from {settings.image.directory}/Dockerfile, {settings.image.architecture}",
        "bucket": f"images are kept {settings.storage.retention_days} days"
        + (", served by CloudFront" if settings.storage.cloudfront else ""),
        "functions": ", ".join(_functions(resources)),
        "Batch": f"{count['AWS::Batch::JobDefinition']} tiers on Fargate{' Spot' if settings.batch.spot else ''}, "
        f"0 to {settings.batch.max_vcpus} vCPUs",
        "Kafka": _kafka(settings),
        "database": "Aurora, paused when idle" if settings.database.kind == "aurora" else "an existing PostgreSQL",
        "page": "none" if settings.web.login == "none" else f"login by {settings.web.login}",
        "alarms": f"{count['AWS::CloudWatch::Alarm']}, sent to "
        + (settings.alarms.email or "nobody: alarms.email in the settings is empty"),
        "cdk-nag": f"AwsSolutions: no open finding, {acknowledged} acknowledged in infra/nag_findings.py",
    }
    return "\n".join(f"{name:<10} {value}" for name, value in lines.items())


def _functions(resources: dict[str, Any]) -> list[str]:
    functions = [
        resource["Properties"] for resource in resources.values() if resource["Type"] == "AWS::Lambda::Function"
    ]
    return [f"{item['Description'].split('.')[1]} ({item['MemorySize']} MB, {item['Timeout']} s)" for item in functions]


def _kafka(settings: Settings) -> str:
    kafka = settings.kafka
    return "none" if kafka.kind == "none" else f"{kafka.kind}, {kafka.mode}: {', '.join(kafka.topics)}"
