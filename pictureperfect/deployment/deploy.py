"""What `pictureperfect deploy` does around CDK: look first whether it can, take back what was kept, migrate after."""

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

Say = Callable[[str], object]
_BUCKET = "AWS::S3::Bucket"
#: A cluster that sleeps is woken by the first call; so often, and so long, it is asked again.
_WAKING, _WAKING_SECONDS = 12, 5.0


@dataclass(frozen=True)
class Ready:
    """What the checks found: all that it takes is there."""

    npx: cdk.Npx
    session: "boto3.Session"
    account: Account


@dataclass(frozen=True)
class Deployed:
    """The stack's outputs, and whether it took back buckets that an earlier one had kept."""

    said: dict[str, str]
    kept: bool


def ready(image: str) -> Ready:
    """Look for all that a deployment takes. Raises ClickException that names all that is missing, a line for each.

    Without an image there must be somebody to build one.
    """
    faults: list[str] = []

    def found(look: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is looked for
        try:
            return look()
        except click.ClickException as error:
            faults.append(error.message)
            return None

    start = found(cdk.npx)
    session = found(aws_session.session)
    who = found(lambda: aws_session.identity(session)) if session else None
    if who:
        faults += filter(None, [aws_session.bootstrap_fault(session, who)])
    if not image:
        faults += filter(None, [cdk.docker_fault()])
    if faults or start is None or who is None:
        raise click.ClickException("\n".join(faults))
    return Ready(start, session, who)


def named_buckets(template: Mapping[str, Any], who: Account) -> list[str]:
    """The buckets that the template names, in that account and region."""
    places = {"${AWS::AccountId}": who.number, "${AWS::Region}": who.region}
    found = []
    for resource in template["Resources"].values():
        name = resource.get("Properties", {}).get("BucketName") if resource["Type"] == _BUCKET else None
        spelled = name.get("Fn::Sub") if isinstance(name, dict) else name
        if isinstance(spelled, str):
            for place, value in places.items():
                spelled = spelled.replace(place, value)
            found.append(spelled)
    return sorted(found)


def kept_buckets(session: "boto3.Session", names: list[str]) -> list[str]:
    """Those that are there already. Raises ClickException for one that is another account's."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    s3, found = session.client("s3"), []
    for name in names:
        with aws_session.explained():
            try:
                s3.head_bucket(Bucket=name)
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status == 404:  # noqa: PLR2004 - HTTP's own
                    continue
                if status == 403:  # noqa: PLR2004
                    raise click.ClickException(
                        f"The bucket {name} is there and you may not look at it: it is another account's, or your "
                        "policy lacks s3:ListBucket. Say another `name` in infra/settings.toml, or have it allowed."
                    ) from error
                raise
        found.append(name)
    return found


def owns(standing: Mapping[str, Any] | None) -> bool:
    """Whether a stack has its buckets. One that failed while it was made has left them, and CDK makes it anew."""
    return standing is not None and standing["StackStatus"] not in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}


def deploy(found: Ready, stack: str, image: str, say: Say, *, ask: bool) -> Deployed:
    """Synthesize, build, push, deploy. Raises ClickException."""
    context: dict[str, Any] = {"image": image} if image else {}
    say(f"Account {found.account.number}, {found.account.region}, as {found.account.arn}")
    template = cdk.assemble(context, cdk.OUT)
    client = found.session.client("cloudformation")
    with aws_session.explained():
        standing = aws_session.describe(client, stack)
    kept = [] if owns(standing) else kept_buckets(found.session, named_buckets(template, found.account))
    if kept:
        say(f"Kept from before, and now the stack's again: {', '.join(kept)}")
        # CloudFormation takes over by names that are written out: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
        cdk.assemble({**context, "at": f"{found.account.number}-{found.account.region}"}, cdk.OUT)
    command = cdk.deploy_command(found.npx, stack, cdk.OUT, ask=ask, take_over=bool(kept))
    code = cdk.run(command, found.npx)
    if code:
        raise click.ClickException(f"CDK ended with exit {code}; what it says above names the resource and the reason.")
    with aws_session.explained():
        said = aws_session.outputs(client, stack)
    if said is None:
        raise click.ClickException(f"CDK ended well, but there is no stack {stack} in {found.account.region}.")
    return Deployed(said, bool(kept))


def migrate(
    session: "boto3.Session", said: Mapping[str, str], sleep: Callable[[float], None] = time.sleep
) -> list[str]:
    """Bring the database to this release's tables, by the function inside its network; what was applied."""
    client, event = session.client("lambda", config=aws_session.patient()), {"action": "migrate"}
    try:
        answer = invoke(client, said["AdminFunctionName"], event)
    except click.ClickException as refused:
        if "ClusterArn" not in said:
            raise
        _let_in(session, said, refused, sleep)
        answer = invoke(client, said["AdminFunctionName"], event)
    return [str(name) for name in answer["migrated"]]


def _let_in(
    session: "boto3.Session", said: Mapping[str, str], refused: click.ClickException, sleep: Callable[[float], None]
) -> None:
    """Have a new cluster know its first user by IAM, through the Data API and with the password it was made with.

    Once that is so, the password is good for nothing; what else `refused` the migration is told then.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    client = session.client("rds-data")
    for last in (*[False] * _WAKING, True):
        try:
            client.execute_statement(
                resourceArn=said["ClusterArn"],
                secretArn=said["ClusterSecretArn"],
                database=said["DatabaseName"],
                sql="GRANT rds_iam TO CURRENT_USER",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "DatabaseResumingException" or last:
                raise click.ClickException(
                    f"{refused.message}\nNor could its first user be let in by IAM, as a new cluster needs: {error}"
                ) from error
            sleep(_WAKING_SECONDS)
        else:
            return


def next_words(said: Mapping[str, str], *, kept: bool) -> str:
    """What one does now."""
    bucket, admin = said["BucketName"], said["AdminFunctionName"]
    lines = []
    if said.get("PageUrl"):
        lines.append(f"The page: {said['PageUrl']}")
    if kept:
        lines.append(
            f"The history of what was kept: aws lambda invoke --function-name {admin} --cli-read-timeout 0 "
            '--cli-binary-format raw-in-base64-out --payload \'{"action": "replay"}\' replay.json'
        )
    lines.append(f"Try it:   aws s3 cp photo.jpg s3://{bucket}/incoming/acme/web/first/photo.jpg")
    lines.append("Or:       make smoke")
    return "\n".join(lines)
