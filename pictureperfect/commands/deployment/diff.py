"""`pictureperfect diff`: what a deployment would change."""

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

    start = cdk.npx()
    who = aws_session.identity(aws_session.session())
    click.echo(f"Account {who.number}, {who.region}, as {who.arn}", err=True)
    cdk.assemble({"image": image} if image else {}, cdk.OUT)
    return cdk.run(cdk.diff_command(start, stack, cdk.OUT), start)
