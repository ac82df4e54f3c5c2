"""`pictureperfect deploy`: deploy the stack in infra/ to your AWS account."""

import sys

import click

from pictureperfect.console import notes
from pictureperfect.deployment.options import stack_option, yes_option


@click.command()
@click.option("--image", default="", help="An image in your own ECR, instead of one that is built and pushed now.")
@stack_option
@yes_option
def deploy(image: str, stack: str, yes: bool) -> int:
    """Bring the stack in infra/ to your AWS account, or to its newest state: build, push, deploy, migrate.

    What is missing for it is said before anything is begun. Exit 0: it stands, and its database has this release's
    tables.
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
