"""A company's functions become operations, or are refused with a sentence."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain.errors import Code, Misconfigured
from core.imaging.operations import OPERATIONS
from core.imaging.operations.custom_operation import CustomOperation, Description, build
from core.pipelines import definition, loader
from core.worker import operation_loader

ROOT = Path(__file__).parents[3]
HEAD = """
from typing import Annotated, Literal, Optional
from msgspec import Meta
__version__ = "2.1"
"""
#: A function with every kind of parameter, and with names that CustomOperation uses itself.
TINT = (
    HEAD
    + '''
def tint(
    image,
    strength: Annotated[float, Meta(ge=0, le=1)],
    *,
    steps: int = 3,
    name: str = "sepia",
    radius: bool = False,
    apply: Literal["all", "half", 2] = "all",
    settled: float | None = None,
    description: Optional[Annotated[int, Meta(gt=0)]] = None,
    function: Annotated[str, Meta(pattern="^[a-z]+$")] = "x",
):
    """Color it.

    strength: how much.
    """
    return image
'''
)

Write = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a package with a new name, and returns the name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str) -> str:
        name = f"acme_{tmp_path.name.replace('-', '_')}_{len(list(tmp_path.iterdir()))}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
        return name

    return write


def load(*references: str) -> dict[str, type[CustomOperation]]:
    return operation_loader.load(references, OPERATIONS)


def load_error(*references: str) -> str:
    with pytest.raises(Misconfigured) as error:
        load(*references)
    assert error.value.code is Code.INVALID_SETTINGS
    assert error.value.message.startswith("OPERATIONS is wrong: ")
    return error.value.message


def pipeline_with(operation: type[CustomOperation], parameters: str) -> definition.Pipeline:
    text = f"steps:\n  - tint: {parameters}\nrenditions: [{{name: out, outputs: [{{format: png}}]}}]\n"
    return loader.load(text, "mine.yaml", {**OPERATIONS, "tint": operation})


def test_a_function_becomes_an_operation_with_its_name_version_documentation_and_parameters(module: Write) -> None:
    name = module(TINT)
    (kind,) = load(f"{name}:tint").values()
    description = kind.description
    assert (description.name, description.version) == ("tint", f"{name} 2.1")
    assert description.documentation.startswith("Color it.")
    fields = {field.encode_name: (field.required, field.default) for field in msgspec.structs.fields(kind)}
    assert fields["strength"] == (True, msgspec.NODEFAULT)
    assert {name: default for name, (required, default) in fields.items() if not required} == {
        "steps": 3,
        "name": "sepia",
        "radius": False,
        "apply": "all",
        "settled": None,
        "description": None,
        "function": "x",
    }


def test_an_operation_built_from_its_encoded_description_has_the_same_parameters(module: Write) -> None:
    (kind,) = load(f"{module(TINT)}:tint").values()
    decoded = msgspec.msgpack.decode(msgspec.msgpack.encode(kind.description), type=Description)
    assert decoded == kind.description
    pipeline = pipeline_with(build(decoded), "{strength: 0.5, apply: 2, settled: 1.5, description: 7, radius: true}")
    received = definition.from_bytes(definition.to_bytes(pipeline), {**OPERATIONS, "tint": kind})
    assert msgspec.to_builtins(received) == msgspec.to_builtins(pipeline)
    assert isinstance(received.steps[0], kind)
    assert pipeline.custom_operations == {"tint": kind.description.version}


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ("{}", "steps[0].tint.strength: is missing"),
        ("{strength: 2}", "steps[0].tint.strength: Expected `float` <= 1.0"),
        ("{strength: 1, aply: all}", "steps[0].tint.aply: there is no such field; did you mean apply?"),
        ("{strength: 1, apply: some}", "steps[0].tint.apply: Invalid enum value 'some'"),
        ("{strength: 1, description: 0}", "steps[0].tint.description: Expected `int` >= 1"),
        ("{strength: 1, function: A}", "steps[0].tint.function: Expected `str` matching regex"),
        ("{strength: 1, steps: 1.5}", "steps[0].tint.steps: Expected `int`, got `float`"),
        ("{strength: 1, settled: x}", "steps[0].tint.settled: Expected `float | null`, got `str`"),
    ],
)
def test_the_error_of_a_wrong_parameter_has_file_line_and_field(module: Write, parameters: str, fault: str) -> None:
    (kind,) = load(f"{module(TINT)}:tint").values()
    with pytest.raises(Misconfigured) as error:
        pipeline_with(build(kind.description), parameters)
    assert f"mine.yaml:2: {fault}" in error.value.message


def test_text_annotations_are_evaluated_except_that_of_the_image(module: Write) -> None:
    text = (
        "from __future__ import annotations\n" + HEAD + "def f(image: NotImported, *, x: Annotated[int, Meta(ge=1)]): 0"
    )
    (kind,) = load(f"{module(text)}:f").values()
    assert kind.description.parameters[0].constraints == {"ge": 1}


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        ("()", "its first parameter must be `image`, and is missing"),
        ("(picture)", "its first parameter must be `image`, and is picture"),
        ("(*, image)", "its first parameter must be `image`, and is image"),
        ("(image, x)", "its parameter x has no annotation; supported are int, float"),
        ("(image, x, /)", "its parameter x cannot be passed by name"),
        ("(image, **rest: int)", "its parameter **rest: int cannot be passed by name"),
        ("(image, *, operation: str)", "no parameter may be named operation"),
        ("(image, *, x: list[int])", "its parameter x is of type list[int]; supported are"),
        ("(image, *, x: int | str)", "its parameter x is of type int | str; supported are"),
        ("(image, *, x: Literal[True])", "its parameter x is of type"),
        ("(image, *, x: int = 'a')", "the default of its parameter x is not of the parameter's type: Expected `int`"),
        (
            "(image, *, x: Annotated[int, Meta(ge=3)] = 2)",
            "the default of its parameter x is not of the parameter's type",
        ),
        ("(image, *, x: Annotated[str, Meta(ge=3)])", "Can only set `ge` on a numeric type"),
        ("(image, *, x: 'Nowhere')", "the annotation of x, Nowhere, cannot be read: name 'Nowhere' is not defined"),
    ],
)
def test_a_function_that_cannot_be_an_operation_is_refused(module: Write, signature: str, message: str) -> None:
    name = module(f"{HEAD}def f{signature}: return image")
    assert f"{name}:f: {message}" in load_error(f"{name}:f")


@pytest.mark.parametrize(
    ("text", "attribute", "message"),
    [
        ("import no_such_thing", "f", "failed: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("raise SystemExit(3)", "f", "failed: SystemExit: 3; the traceback is in the log"),
        ("def (", "f", "failed: SyntaxError"),
        (HEAD, "f", "there is no f in acme"),
        (HEAD + "f = 3", "f", "f is not a function, but of type int"),
        (HEAD + "def Bad(image): 0", "Bad", "the step is named like the function"),
        (HEAD + "def a__b(image): 0", "a__b", "the step is named like the function"),
        (HEAD + "def blur(image): 0", "blur", "there is a shipped operation named blur"),
        (HEAD + "def median_blur(image): 0", "median_blur", "there is a shipped operation named median-blur"),
        ("def f(image): 0", "f", "has no version to store in results: give it a __version__, or install it as a"),
    ],
)
def test_an_unusable_module_is_refused(module: Write, text: str, attribute: str, message: str) -> None:
    assert message in load_error(f"{module(text)}:{attribute}")


def test_all_faults_are_reported_together_and_two_functions_may_not_have_one_name(module: Write) -> None:
    good, other = module(HEAD + "def f(image): 0"), module(HEAD + "def f(image): 0")
    message = load_error(f"{good}:f", f"{good}:missing", f"{other}:f")
    assert f"{good}:missing: there is no missing in {good}; {other}:f: there is another operation named f" in message


def test_a_package_without_version_attribute_has_the_version_of_its_distribution(module: Write, tmp_path: Path) -> None:
    name = module("def f(image): 0")
    info = tmp_path / "acme_things-4.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-things\nVersion: 4.5\n")
    (info / "top_level.txt").write_text(f"{name}\n")
    (info / "RECORD").write_text(f"{name}/__init__.py,,\n")
    (kind,) = load(f"{name}:f").values()
    assert kind.description.version == f"{name} 4.5"


def test_an_operation_built_without_its_function_cannot_be_applied() -> None:
    kind = build(Description(name="f", reference="acme:f", version="acme 1"))
    raster: Any = None
    with pytest.raises(NotImplementedError, match="only the worker's child"):
        kind().apply(raster)


def test_the_parent_builds_a_companys_operations_without_its_module_or_any_pixel_library() -> None:
    script = """
import sys
from core.imaging.operations.custom_operation import Description, Parameter, build
from core.imaging.operations import OPERATIONS
from core.pipelines import loader
parameters = (Parameter(name="x", kind="int"),)
kind = build(Description(name="tint", reference="acme:tint", version="acme 1", parameters=parameters))
text = "steps: [{tint: {x: 1}}]\\nrenditions: [{name: out, outputs: [{format: png}]}]"
loader.load(text, "mine.yaml", {**OPERATIONS, "tint": kind})
print(sorted({"cv2", "numpy", "PIL", "acme", "core.worker.operation_loader"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
