"""The Batch job definition of each tier, in the shape of RegisterJobDefinition, without network, roles and log.

The embedded cloud registers these definitions and infra/ deploys them, so that both retry attempts by the same rules.
"""

import os
from typing import Any

from core.routing.batch_tiers import Tier

#: The first part of the definitions' names, unless the setting BATCH_DEFINITIONS gives another.
DEFAULT_PREFIX = "picture-perfect"

#: An attempt is retried if no image is to blame and a retry may help; the last rule ends every other attempt. A job
#: that ran out of memory is submitted to a larger tier, never to the same again. Batch allows five rules:
#: https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
RETRY_STRATEGY: dict[str, Any] = {
    "attempts": 3,
    "evaluateOnExit": [
        {"onExitCode": str(os.EX_TEMPFAIL), "action": "RETRY"},  # batch/__main__.py: it skips committed images
        {"onStatusReason": "Your Spot Task was interrupted*", "action": "RETRY"},
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onStatusReason": "Task failed to start*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ],
}


def definition_name(tier_name: str, prefix: str = DEFAULT_PREFIX) -> str:
    """The name of a tier's job definition."""
    return f"{prefix}-{tier_name}"


def job_definition(tier: Tier, image: str, environment: dict[str, str], prefix: str = DEFAULT_PREFIX) -> dict[str, Any]:
    """The job definition of a tier: the container `image` with `environment`, and the tier's memory and vCPUs.

    SubmitJob sets arguments and time-out, since they depend on the images of the job.
    """
    settings = {**environment, "MEMORY_MB": str(tier.memory_mb)}
    return {
        "jobDefinitionName": definition_name(tier.name, prefix),
        "type": "container",
        "platformCapabilities": ["FARGATE"],
        "containerProperties": {
            "image": image,
            "command": ["batch"],
            "environment": [{"name": key, "value": value} for key, value in sorted(settings.items())],
            "resourceRequirements": [
                {"type": "VCPU", "value": str(tier.vcpus)},
                {"type": "MEMORY", "value": str(tier.memory_mb)},
            ],
        },
        "retryStrategy": RETRY_STRATEGY,
    }
