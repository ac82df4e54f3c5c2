"""The app: the one stack, judged by cdk-nag's AwsSolutions as it is synthesized."""

from pathlib import Path

import aws_cdk as cdk
import msgspec
from cdk_nag import AwsSolutionsChecks

from infra.findings import acknowledge
from infra.settings import Settings
from infra.stack import PicturePerfect

STACK = "PicturePerfect"
#: Where CDK's default is what it did years ago. https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/cx-api/FEATUREFLAGS.md
FLAGS = {
    "@aws-cdk/core:validateAgainstDefaultRules": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
}


def assemble(settings: Settings, out: str, name: str = STACK) -> Path:
    """Write the assembly of the stack to `out`, which is returned as a path.

    CDK's context may say: `image`, a URI in ECR; `data`, keep or delete; `closing`, before it is taken down;
    `at`, account and region, where buckets that were kept are taken over.
    """
    app = cdk.App(outdir=out, analytics_reporting=False, context=FLAGS)
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
    judge(app, stack)
    return Path(app.synth().directory)


def judge(app: cdk.App, stack: cdk.Stack) -> None:
    """From here on a finding that nobody gave a reason for fails the synthesis. Raises ValueError, as `acknowledge`."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    acknowledge(stack)
