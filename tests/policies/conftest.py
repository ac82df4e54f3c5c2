"""The synthesized policies: of the settings as they are shipped, and of a deployment with everything in it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from localcloud import template_policies
from localcloud.clients import ACCOUNT, REGION
from localcloud.iam import Policy
from localcloud.s3_sqs_cloudwatch.resources import bucket_name
from tests.support.aws import synthesis

DEPLOYMENT = "picture-perfect"
BUCKET = bucket_name(DEPLOYMENT)

SHIPPED = ""
#: A stream, and a place of the customers' own besides the standing ones.
WHOLE = f"""
[processing.environment]
REFERENCES = "s3://{BUCKET}/library/{{customer}}/"

[kafka]
kind = "msk"
topics = ["images"]
cluster_arn = "arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/pictures/0a1b2c3d-0000-0000-0000-000000000000-1"
mode = "provisioned"
"""
Template = dict[str, Any]
Synthesize = Callable[[str], Template]


@pytest.fixture(scope="session")
def synthesize() -> Synthesize:
    """The template of a stack with these settings."""

    def synthesized(settings: str) -> Template:
        made: Template = json.loads(synthesis.template(settings).read_text("utf-8"))
        return made

    return synthesized


@pytest.fixture(scope="session")
def template(synthesize: Synthesize) -> Template:
    return synthesize(SHIPPED)


@pytest.fixture(scope="session")
def shipped(template: Template) -> dict[str, Policy]:
    return template_policies.read_policies(template)


@pytest.fixture(scope="session")
def whole(synthesize: Synthesize) -> dict[str, Policy]:
    return template_policies.read_policies(synthesize(WHOLE))
