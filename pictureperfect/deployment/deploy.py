"""`pictureperfect deploy`: checks the prerequisites, runs CDK, takes over retained buckets, and migrates."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from pictureperfect.deployment import aws_session, cdk
from pictureperfect.deployment.aws_session import Account
from pictureperfect.deployment.outputs import invoke

if TYPE_CHECKING:
    import boto3

#: Prints a sentence of progress.
Say = Callable[[str], object]
_BUCKET = "AWS::S3::Bucket"
#: Tries, and seconds between them, until an Aurora cluster that was paused has resumed.
_RESUME_TRIES, _RESUME_SECONDS = 12, 5.0


@dataclass(frozen=True)
class Prerequisites:
    """The results of checks that have all passed."""

    npx: cdk.Npx
    session: "boto3.Session"
    account: Account


@dataclass(frozen=True)
class DeployedStack:
    """The stack's outputs, and whether it took over buckets that an earlier stack had retained."""

    outputs: dict[str, str]
    took_over: bool


def check_prerequisites(image: str) -> Prerequisites:
    """Check Node, credentials, region, bootstrap and, without an `image` to deploy, Docker.

    Raises ClickException with a line for everything that is missing.
    """
    faults: list[str] = []

    def collect(check: Callable[[], Any]) -> Any:  # noqa: ANN401 - the check's result
        try:
            return check()
        except click.ClickException as error:
            faults.append(error.message)
            return None

    npx = collect(cdk.find_npx)
    session = collect(aws_session.open_session)
    account = collect(lambda: aws_session.caller_account(session)) if session else None
    if account:
        faults += filter(None, [aws_session.bootstrap_fault(session, account)])
    if not image:
        faults += filter(None, [cdk.docker_fault()])
    if faults or npx is None or account is None:
        raise click.ClickException("\n".join(faults))
    return Prerequisites(npx, session, account)


def named_buckets(template: Mapping[str, Any], account: Account) -> list[str]:
    """The names of the template's buckets in this account and region."""
    parameters = {"${AWS::AccountId}": account.number, "${AWS::Region}": account.region}
    names = []
    for resource in template["Resources"].values():
        name = resource.get("Properties", {}).get("BucketName") if resource["Type"] == _BUCKET else None
        pattern = name.get("Fn::Sub") if isinstance(name, dict) else name
        if isinstance(pattern, str):
            for parameter, value in parameters.items():
                pattern = pattern.replace(parameter, value)
            names.append(pattern)
    return sorted(names)


def existing_buckets(session: "boto3.Session", names: list[str]) -> list[str]:
    """The buckets that exist already. Raises ClickException for a bucket of another account."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    s3, existing = session.client("s3"), []
    for name in names:
        with aws_session.errors_explained():
            try:
                s3.head_bucket(Bucket=name)
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status == 404:  # noqa: PLR2004 - not found
                    continue
                if status == 403:  # noqa: PLR2004 - forbidden
                    raise click.ClickException(
                        f"The bucket {name} exists and you may not access it: it belongs to another account, or your "
                        "policy lacks s3:ListBucket. Add that permission, or choose another `name` in "
                        "infra/settings.toml."
                    ) from error
                raise
        existing.append(name)
    return existing


def owns_buckets(stack: Mapping[str, Any] | None) -> bool:
    """Whether the buckets belong to the stack. After a failed creation they do not, and CDK creates the stack again."""
    return stack is not None and stack["StackStatus"] not in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}


def deploy(ready: Prerequisites, stack: str, image: str, say: Say, *, ask: bool) -> DeployedStack:
    """Synthesize, build, push and deploy. `ask`: whether CDK asks before permissions grow. Raises ClickException."""
    account = ready.account
    context: dict[str, Any] = {"image": image} if image else {}
    say(f"Account {account.number}, {account.region}, as {account.arn}")
    template = cdk.assemble(context, cdk.OUT)
    client = ready.session.client("cloudformation")
    with aws_session.errors_explained():
        deployed_stack = aws_session.describe_stack(client, stack)
    retained = [] if owns_buckets(deployed_stack) else existing_buckets(ready.session, named_buckets(template, account))
    if retained:
        say(f"Retained from an earlier stack, and taken over by this one: {', '.join(retained)}")
        # CloudFormation takes over resources with literal names only: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
        cdk.assemble({**context, "at": f"{account.number}-{account.region}"}, cdk.OUT)
    command = cdk.deploy_command(ready.npx, stack, cdk.OUT, ask=ask, take_over=bool(retained))
    code = cdk.run(command, ready.npx)
    if code:
        raise click.ClickException(f"CDK ended with exit {code}; its output above names the resource and the reason.")
    with aws_session.errors_explained():
        outputs = aws_session.stack_outputs(client, stack)
    if outputs is None:
        raise click.ClickException(f"CDK succeeded, but there is no stack {stack} in {account.region}.")
    return DeployedStack(outputs, bool(retained))


def migrate(
    session: "boto3.Session", outputs: Mapping[str, str], sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Migrate the database by the function inside its network. Returns the names of the applied migrations."""
    client, event = session.client("lambda", config=aws_session.patient_config()), {"action": "migrate"}
    try:
        answer = invoke(client, outputs["AdminFunctionName"], event)
    except click.ClickException as refused:
        if "ClusterArn" not in outputs:
            raise
        _grant_iam_login(session, outputs, refused, sleep)
        answer = invoke(client, outputs["AdminFunctionName"], event)
    return [str(name) for name in answer["migrated"]]


def _grant_iam_login(
    session: "boto3.Session", outputs: Mapping[str, str], refused: click.ClickException, sleep: Callable[[float], None]
) -> None:
    """Let a new cluster's first user log in by IAM, through the Data API and with the initial password.

    Afterwards the password no longer works. Raises ClickException with `refused`, the migration's error, if it fails.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    client = session.client("rds-data")
    for last in (*[False] * _RESUME_TRIES, True):
        try:
            client.execute_statement(
                resourceArn=outputs["ClusterArn"],
                secretArn=outputs["ClusterSecretArn"],
                database=outputs["DatabaseName"],
                sql="GRANT rds_iam TO CURRENT_USER",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "DatabaseResumingException" or last:
                raise click.ClickException(
                    f"{refused.message}\nNor could IAM login be granted to a new cluster's first user: {error}"
                ) from error
            sleep(_RESUME_SECONDS)
        else:
            return


def next_steps(outputs: Mapping[str, str], *, took_over: bool) -> str:
    """The commands to run after a deployment."""
    bucket, admin = outputs["BucketName"], outputs["AdminFunctionName"]
    lines = []
    if outputs.get("PageUrl"):
        lines.append(f"The page: {outputs['PageUrl']}")
    if took_over:
        lines.append(
            f"Restore the history from the buckets: aws lambda invoke --function-name {admin} --cli-read-timeout 0 "
            '--cli-binary-format raw-in-base64-out --payload \'{"action": "replay"}\' replay.json'
        )
    lines.append(f"Try it:   aws s3 cp photo.jpg s3://{bucket}/incoming/acme/web/first/photo.jpg")
    lines.append("Or:       make smoke")
    return "\n".join(lines)
