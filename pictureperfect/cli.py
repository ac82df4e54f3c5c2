"""The command line `pictureperfect`. The modules of commands are imported on use, so that `--help` is fast."""

import importlib
import sys
from collections.abc import Callable

import click

from pictureperfect.console import printable

#: Command → its module under pictureperfect.commands, and its line in `--help`.
COMMANDS = {
    "demo": ("local.demo", "Run the whole system on this machine with sample images."),
    "up": ("local.up", "Start the embedded cloud; it runs until Ctrl-C."),
    "submit": ("local.submit", "Send image files to the running cloud."),
    "stream": ("local.stream", "Send a folder's images to a Kafka topic."),
    "status": ("local.status", "Show the results and queues of the running cloud."),
    "report": ("operate.report", "Report images, formats, customers, doors and cost."),
    "dashboards": ("operate.dashboards", "Push the dashboards and alert rules to a Grafana."),
    "process": ("files.process", "Run a pipeline over image files, without a cloud."),
    "estimate": ("files.estimate", "Estimate time, memory, route and cost of an image."),
    "calibrate": ("files.calibrate", "Measure the cost table for estimates on this machine."),
    "operations": ("files.operations", "Make a page that shows every image operation."),
    "formats": ("files.formats", "Show which image formats are accepted."),
    "migrate": ("operate.database", "Migrate the database to this release."),
    "replay": ("operate.database", "Rebuild the database from the bucket."),
    "deploy": ("deployment.deploy", "Deploy or update the stack in your AWS account."),
    "diff": ("deployment.diff", "Show what `deploy` would change."),
    "smoke": ("deployment.smoke", "Test a deployment with an image through each door."),
    "destroy": ("deployment.destroy", "Delete a deployment, but keep its data by default."),
}


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pictureperfect.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="picture-perfect", message="%(version)s")
def cli() -> None:
    """Picture Perfect: your image code over every image your customers send."""


def main() -> None:
    """The console script. Errors are a sentence on stderr; the exit is 2 for wrong usage and 130 for Ctrl-C."""
    sys.exit(run(lambda: cli.main(standalone_mode=False)))


def run(command: Callable[[], object]) -> int:  # noqa: PLR0911 - one for each kind of error
    """Run a command, print its error to stderr, and return the exit code."""
    try:
        result = command()
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        hint = f" See `{error.ctx.command_path} --help`." if error.ctx else ""
        _print_error(f"{error.format_message()}{hint}")
        return 2
    except click.ClickException as error:
        _print_error(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone
        return 1
    except OSError as error:  # of a file, a folder or a port
        cause = error.strerror or str(error) or type(error).__name__
        click.echo(f"{error.filename}: {cause}." if error.filename else f"{cause}.", err=True)
        return 1
    except Exception as error:
        from core.domain.errors import PicturePerfectError  # noqa: PLC0415 - for errors only

        if not isinstance(error, PicturePerfectError):
            raise
        _print_error(str(error))
        return 1
    return result if isinstance(result, int) else 0


def _print_error(message: str) -> None:
    """Print a message of one or more lines, such as the faults of a pipeline file."""
    click.echo("\n".join(map(printable, message.split("\n"))), err=True)


if __name__ == "__main__":
    main()
