"""The README's commands, calls and figures are those of the code; its first screen shows a command and its output."""

import ast
import re
from pathlib import Path

from infra.settings.schema import Settings

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_first_25_lines_have_one_command_and_its_output() -> None:
    first = "\n".join(README.splitlines()[:25])
    command, output = re.findall(r"^```\n(.*?)^```", first + "\n", re.MULTILINE | re.DOTALL)
    assert command == "make demo\n"
    assert "image        customer door" in output
    assert "On AWS the images would have cost" in output


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
    assert len(written) >= 2
    assert [command for command in written if not command.startswith(".venv/bin/")] == []


def test_the_numbers_of_formats_and_steps_are_those_of_the_code() -> None:
    metrics = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
    (formats,) = re.findall(r"^\| `format` \| Images \| ([a-z0-9, ]+) \|", metrics, re.MULTILINE)
    named = {"jpeg", "png", "webp", "avif", "tiff", "gif", "heic"}
    assert f"[{len({*formats.split(', ')} - named - {'other'})} more formats]" in README
    steps = re.findall(r"^## `", (ROOT / "docs" / "reference" / "image-steps.md").read_text("utf-8"), re.MULTILINE)
    assert f"[{len(steps)} kinds of steps]" in README


def test_the_figures_are_those_of_the_documents_that_count_them() -> None:
    idle = (ROOT / "docs" / "reference" / "idle-costs.md").read_text("utf-8")
    (own, shared) = re.findall(r"\| \*\*together\*\* \| \*\*([\d.]+)\*\* \| \*\*([\d.]+)\*\* \|", idle)[0]
    assert f"| {own}; {shared} where free allowances are used up |" in README
    costs = (ROOT / "docs" / "explanation" / "costs.md").read_text("utf-8")
    (photograph,) = re.findall(r"^\| together \| `0\.00006140 [^|]+ \| ([\d.]+) \|$", costs, re.MULTILINE)
    assert f"| {float(photograph) * 1000:.2f} |" in README


def test_the_container_is_reached_at_the_address_that_its_emulator_gets() -> None:
    page = (ROOT / "docs" / "how-to" / "container.md").read_text("utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (block,) = (text for text in blocks if "EMULATOR_ADDRESS" in text)
    (address,) = set(re.findall(r"EMULATOR_ADDRESS=\S+", block))
    assert "--network host" in block
    (call,) = re.findall(r"curl (\S+) ", block)
    assert call.startswith(f"localhost:{address.rpartition(':')[2]}/")
