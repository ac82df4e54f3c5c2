"""What the commands for deployments share on the command line."""

import click

#: The stack's name, as infra/app.py has it.
STACK = "PicturePerfect"

stack_option = click.option("--stack", default=STACK, show_default=True, help="The stack's name in CloudFormation.")
yes_option = click.option("--yes", is_flag=True, help="Ask nothing.")
