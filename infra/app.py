"""The CDK app: one stack, checked by cdk-nag's AwsSolutions whenever it is synthesized."""

import json
from pathlib import Path

import aws_cdk as cdk
import msgspec
from cdk_nag import AwsSolutionsChecks

from infra.nag_findings import acknowledge
from infra.settings.schema import Settings
from infra.stack import PicturePerfect

ROOT = Path(__file__).parent.parent
STACK = "PicturePerfect"
#: The feature flags of cdk.json, for a synthesis without CDK's command line.
FEATURE_FLAGS = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]


def assemble(settings: Settings, out: str, name: str = STACK) -> Path:
    """Write the cloud assembly of the stack `name` to the folder `out`, and return that path.

    The context may hold `image`, a URI in Amazon ECR; `data`, "keep" or "delete"; `closing`, to lift the database's
    deletion protection; and `at`, account and region, to import buckets that an earlier stack kept.
    """
    app = cdk.App(outdir=out, analytics_reporting=False, context=FEATURE_FLAGS)
    image = app.node.try_get_context("image")
    if image:
        settings = msgspec.structs.replace(settings, image=msgspec.structs.replace(settings.image, uri=image))
    stack = PicturePerfect(
        app,
        name,
        settings,
        data=app.node.try_get_context("data") or "keep",
        closing=bool(app.node.try_get_context("closing")),
    )
    add_checks(app, stack)
    return Path(app.synth().directory)


def add_checks(app: cdk.App, stack: cdk.Stack) -> None:
    """Make a finding without an acknowledgement fail the synthesis. Raises ValueError, as `acknowledge`."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    acknowledge(stack)
