"""`pictureperfect deploy`: deploy the stack in infra/ to your AWS account."""

import sys

import click

from pictureperfect.console import notes
from pictureperfect.deployment.options import stack_option, yes_option


@click.command()
@click.option("--image", default="", help="URI of an image in your ECR; by default an image is built and pushed.")
@stack_option
@yes_option
def deploy(image: str, stack: str, yes: bool) -> int:
    """Deploy or update the stack in infra/: build, push, deploy, and migrate the database.

    Missing prerequisites are named before the deployment starts. Exit 0 if stack and database are up to date.
    """
    from pictureperfect.deployment import deploy  # noqa: PLC0415 - not for `--help`

    def say(sentence: str) -> None:
        notes().print(sentence, soft_wrap=True, markup=False)

    ready = deploy.check_prerequisites(image)
    deployed = deploy.deploy(ready, stack, image, say, ask=not yes and sys.stdin.isatty())
    applied = deploy.migrate(ready.session, deployed.outputs)
    say(f"The database: {', '.join(applied) or 'nothing to migrate'}")
    click.echo(deploy.next_steps(deployed.outputs, took_over=deployed.took_over))
    return 0
