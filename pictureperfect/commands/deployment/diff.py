"""`pictureperfect diff`: show what a deployment would change."""

import click

from pictureperfect.deployment.options import stack_option


@click.command()
@click.option("--image", default="", help="URI of the image that `deploy` would be given.")
@stack_option
def diff(image: str, stack: str) -> int:
    """Show what `deploy` would change. Nothing is changed or built.

    Exit 0 if the stacks could be compared, whether they differ or not.
    """
    from pictureperfect.deployment import aws_session, cdk  # noqa: PLC0415 - not for `--help`

    npx = cdk.find_npx()
    account = aws_session.caller_account(aws_session.open_session())
    click.echo(f"Account {account.number}, {account.region}, as {account.arn}", err=True)
    cdk.assemble({"image": image} if image else {}, cdk.OUT)
    return cdk.run(cdk.diff_command(npx, stack, cdk.OUT), npx)
