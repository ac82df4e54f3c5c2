"""What README.md says to type can be typed: names that are there, commands that are found, calls that can be copied."""

import ast
import re
from pathlib import Path

from infra.settings.schema import Settings

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_function_that_is_invoked_is_named_as_the_shipped_settings_name_it() -> None:
    (block,) = (text for kind, text in BLOCKS if kind == "python" and ".invoke(" in text)
    calls = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)]
    (name,) = (
        ast.literal_eval(keyword.value) for call in calls for keyword in call.keywords if keyword.arg == "FunctionName"
    )
    assert name == f"{Settings().name}-process"
    assert '["Payload"].read()' in block  # the answer is a stream


def test_every_command_is_that_of_the_environment_which_make_makes() -> None:
    written = re.findall(r"(?<![\w./-])((?:\.venv/bin/)?(?:pictureperfect [a-z]|python -m )\S*)", README)
    assert len(written) >= 4
    assert [command for command in written if not command.startswith(".venv/bin/")] == []


def test_the_container_is_reached_as_its_own_document_says() -> None:
    own = (ROOT / "docs" / "how-to" / "container.md").read_text("utf-8")
    (block,) = (text for _, text in BLOCKS if "docker run" in text)
    (address,) = set(re.findall(r"EMULATOR_ADDRESS=\S+", block))
    assert "--network host" in block
    assert address in own
    (call,) = re.findall(r"curl (\S+) ", block)
    assert call in own
    assert call.startswith(f"localhost:{address.rpartition(':')[2]}/")
    assert "@event.json" not in block
