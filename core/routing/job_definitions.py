"""What the job definition of each tier says: the shape that RegisterJobDefinition takes, without where it runs.

The embedded cloud registers these, and infra/ deploys the same: there is one list of when an attempt is repeated.
"""

from typing import Any

from core.routing.batch_tiers import Tier

#: What the names begin with, unless the setting BATCH_DEFINITIONS says another.
PREFIX = "picture-perfect"
_ATTEMPTS = 3
_EX_TEMPFAIL = 75  # as batch/__main__.py says it: try again, what is committed is skipped

#: An attempt is repeated where no image is to blame, and where a repetition may help. All else ends, by the last rule:
#: what ran out of memory goes to a larger tier, and never to the same again. Five rules are the most there may be.
#: https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
RETRIES: dict[str, Any] = {
    "attempts": _ATTEMPTS,
    "evaluateOnExit": [
        {"onExitCode": str(_EX_TEMPFAIL), "action": "RETRY"},
        {"onStatusReason": "Your Spot Task was interrupted*", "action": "RETRY"},
        {"onStatusReason": "Host EC2*", "action": "RETRY"},
        {"onStatusReason": "Task failed to start*", "action": "RETRY"},
        {"onReason": "*", "action": "EXIT"},
    ],
}


def name(tier: Tier, prefix: str = PREFIX) -> str:
    """What the tier's definition is called; `core.adapters.aws.batch` submits by it."""
    return f"{prefix}-{tier.name}"


def definition(tier: Tier, image: str, environment: dict[str, str], prefix: str = PREFIX) -> dict[str, Any]:
    """The definition of a tier's jobs: `image` with `environment`, and the memory and the CPUs of the tier.

    The command is each submission's own, and so is the time-out: they depend on what there is to do.
    """
    settings = {**environment, "MEMORY_MB": str(tier.memory_mb)}
    return {
        "jobDefinitionName": name(tier, prefix),
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
        "retryStrategy": RETRIES,
    }
