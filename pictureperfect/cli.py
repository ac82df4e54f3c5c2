"""The command line: `pictureperfect`. Commands are loaded when they are called for, so that help comes at once."""

import importlib
import sys
from collections.abc import Callable

import click

from pictureperfect.console import printable

#: Command → module under pictureperfect.commands, and what `--help` says of it.
COMMANDS = {
    "demo": ("local.demo", "The whole system on this machine: images through every door, and what came out."),
    "up": ("local.up", "The embedded cloud, until Ctrl-C."),
    "submit": ("local.submit", "Send image files to the running cloud."),
    "stream": ("local.stream", "Send a folder's images into a Kafka topic."),
    "status": ("local.status", "What the running cloud has done, and what waits."),
    "report": ("operate.report", "How many images, of what type, whose, through which door, at what cost."),
    "dashboards": ("operate.dashboards", "Put Grafana's dashboards and alert rules into a Grafana."),
    "process": ("files.process", "Run a pipeline over files, with no cloud at all."),
    "estimate": ("files.estimate", "What an image will take, where and for how much, by its header alone."),
    "calibrate": ("files.calibrate", "Measure what everything takes on this machine, for the estimates."),
    "operations": ("files.operations", "Every operation on a page, with pictures before and after."),
    "formats": ("files.formats", "Which image formats come in, shown on files written here and now."),
    "migrate": ("operate.database", "Bring the database to this release's tables."),
    "replay": ("operate.database", "Rebuild the database from the results in the bucket."),
    "deploy": ("deployment.deploy", "Bring the stack in infra/ to your AWS account, or to its newest state."),
    "diff": ("deployment.diff", "What `deploy` would change of the stack that stands."),
    "smoke": (
        "deployment.smoke",
        "One image through each door of a deployment, one Batch job, and what of it is seen.",
    ),
    "destroy": ("deployment.destroy", "Take a deployment down; pictures and history stay, unless told otherwise."),
}


class _Lazy(click.Group):
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


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="picture-perfect", message="%(version)s")
def cli() -> None:
    """Picture Perfect: your image code over every image your customers send."""


def main() -> None:
    """The console script: errors are one sentence on stderr, 2 is the exit of a wrong call, 130 of Ctrl-C."""
    sys.exit(run(lambda: cli.main(standalone_mode=False)))


def run(command: Callable[[], object]) -> int:  # noqa: PLR0911 - one for each way to end
    """Run a command; returns the exit code and writes what went wrong on stderr."""
    try:
        answer = command()
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.UsageError as error:
        where = f" See `{error.ctx.command_path} --help`." if error.ctx else ""
        _tell(f"{error.format_message()}{where}")
        return 2
    except click.ClickException as error:
        _tell(error.format_message())
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has left; nothing more can be said
        return 1
    except OSError as error:  # a file, a folder, a port
        what = error.strerror or str(error) or type(error).__name__
        click.echo(f"{error.filename}: {what}." if error.filename else f"{what}.", err=True)
        return 1
    except Exception as error:
        from core.domain.errors import PicturePerfectError  # noqa: PLC0415 - only now is it needed

        if not isinstance(error, PicturePerfectError):
            raise
        _tell(str(error))
        return 1
    return answer if isinstance(answer, int) else 0


def _tell(message: str) -> None:
    """On stderr, its lines kept: those of a pipeline's mistakes are many."""
    click.echo("\n".join(map(printable, message.split("\n"))), err=True)


if __name__ == "__main__":
    main()
