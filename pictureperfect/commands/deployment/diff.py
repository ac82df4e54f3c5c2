"""`pictureperfect diff`: show what a deployment would change."""

import click

from pictureperfect.deployment.options import stack_option


@click.command()
@click.option("--image", default="", help="An image in your own ECR, as `deploy` would be given it.")
@stack_option
def diff(image: str, stack: str) -> int:
    """Say what `deploy` would change of the stack that stands, and change nothing. Nothing is built.

    What is missing for it is said first. Exit 0: it was compared.
    """
    from pictureperfect.deployment import aws_session, cdk  # noqa: PLC0415 - not for `--help`

    npx = cdk.find_npx()
    account = aws_session.caller_account(aws_session.open_session())
    click.echo(f"Account {account.number}, {account.region}, as {account.arn}", err=True)
    cdk.assemble({"image": image} if image else {}, cdk.OUT)
    return cdk.run(cdk.diff_command(npx, stack, cdk.OUT), npx)
