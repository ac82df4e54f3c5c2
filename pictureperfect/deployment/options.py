"""Options that the commands for deployments share."""

import click

#: The name that infra/app.py gives the stack.
STACK = "PicturePerfect"

stack_option = click.option(
    "--stack", default=STACK, show_default=True, help="CloudFormation stack; infra/ defines PicturePerfect only."
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
