"""The synthesized policies of the shipped settings, and of a deployment with Kafka and references."""

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
#: Kafka, and a prefix of REFERENCES for each customer.
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
    """Synthesize the template of settings, given as the text of a settings file."""

    def read_template(settings: str) -> Template:
        template: Template = json.loads(synthesis.template(settings).read_text("utf-8"))
        return template

    return read_template


@pytest.fixture(scope="session")
def template(synthesize: Synthesize) -> Template:
    return synthesize(SHIPPED)


@pytest.fixture(scope="session")
def shipped(template: Template) -> dict[str, Policy]:
    return template_policies.read_policies(template)


@pytest.fixture(scope="session")
def whole(synthesize: Synthesize) -> dict[str, Policy]:
    return template_policies.read_policies(synthesize(WHOLE))
