"""A company's functions become operations, or are refused with a sentence that says why."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.domain.errors import Code, Misconfigured
from core.imaging.operations import OPERATIONS
from core.imaging.operations.custom_operation import CompanyOperation, Description, build
from core.pipelines import definition
from core.worker import operation_loader

ROOT = Path(__file__).parents[3]
HEAD = """
from typing import Annotated, Literal, Optional
from msgspec import Meta
__version__ = "2.1"
"""
#: Every kind of parameter, and names that operations use for themselves.
ALL = (
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
    """Writes a package of a name of its own, and says the name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(text: str) -> str:
        name = f"acme_{tmp_path.name.replace('-', '_')}_{len(list(tmp_path.iterdir()))}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
        return name

    return write


def load(*references: str) -> dict[str, type[CompanyOperation]]:
    return operation_loader.load(references, OPERATIONS)


def refused(*references: str) -> str:
    with pytest.raises(Misconfigured) as error:
        load(*references)
    assert error.value.code is Code.INVALID_SETTINGS
    assert error.value.message.startswith("OPERATIONS is wrong: ")
    return error.value.message


def parsed(kind: type[CompanyOperation], parameters: str) -> definition.Pipeline:
    text = f"steps:\n  - tint: {parameters}\nrenditions: [{{name: out, outputs: [{{format: png}}]}}]\n"
    return definition.load(text, "mine.yaml", {**OPERATIONS, "tint": kind})


def test_a_function_becomes_an_operation_with_its_name_version_words_and_parameters(module: Write) -> None:
    name = module(ALL)
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


def test_the_description_that_travels_makes_the_same_parameters(module: Write) -> None:
    (kind,) = load(f"{module(ALL)}:tint").values()
    travelled = msgspec.msgpack.decode(msgspec.msgpack.encode(kind.description), type=Description)
    assert travelled == kind.description
    here, there = build(travelled), kind
    wanted = parsed(here, "{strength: 0.5, apply: 2, settled: 1.5, description: 7, radius: true}")
    sent = definition.from_bytes(definition.to_bytes(wanted), {**OPERATIONS, "tint": there})
    assert msgspec.to_builtins(sent) == msgspec.to_builtins(wanted)
    assert isinstance(sent.steps[0], there)
    assert wanted.company_operations == {"tint": kind.description.version}


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
def test_a_wrong_parameter_is_told_by_file_line_and_field(module: Write, parameters: str, fault: str) -> None:
    (kind,) = load(f"{module(ALL)}:tint").values()
    with pytest.raises(Misconfigured) as error:
        parsed(build(kind.description), parameters)
    assert f"mine.yaml:2: {fault}" in error.value.message


def test_annotations_that_are_text_are_read_but_that_of_the_image_is_not(module: Write) -> None:
    text = (
        "from __future__ import annotations\n" + HEAD + "def f(image: NotImported, *, x: Annotated[int, Meta(ge=1)]): 0"
    )
    (kind,) = load(f"{module(text)}:f").values()
    assert kind.description.parameters[0].constraints == {"ge": 1}


@pytest.mark.parametrize(
    ("signature", "why"),
    [
        ("()", "its first parameter must be `image`, and is not there"),
        ("(picture)", "its first parameter must be `image`, and is picture"),
        ("(*, image)", "its first parameter must be `image`, and is image"),
        ("(image, x)", "its parameter x has no annotation; there may be int, float"),
        ("(image, x, /)", "its parameter x cannot be given by name"),
        ("(image, **rest: int)", "its parameter **rest: int cannot be given by name"),
        ("(image, *, operation: str)", "no parameter can be named operation"),
        ("(image, *, x: list[int])", "its parameter x is of type list[int]; there may be"),
        ("(image, *, x: int | str)", "its parameter x is of type int | str; there may be"),
        ("(image, *, x: Literal[True])", "its parameter x is of type"),
        ("(image, *, x: int = 'a')", "the default of its parameter x is not of its own kind: Expected `int`"),
        ("(image, *, x: Annotated[int, Meta(ge=3)] = 2)", "the default of its parameter x is not of its own kind"),
        ("(image, *, x: Annotated[str, Meta(ge=3)])", "Can only set `ge` on a numeric type"),
        ("(image, *, x: 'Nowhere')", "the annotation of x, Nowhere, cannot be read: name 'Nowhere' is not defined"),
    ],
)
def test_a_function_that_cannot_be_an_operation_is_refused_with_why(module: Write, signature: str, why: str) -> None:
    name = module(f"{HEAD}def f{signature}: return image")
    assert f"{name}:f: {why}" in refused(f"{name}:f")


@pytest.mark.parametrize(
    ("text", "attribute", "why"),
    [
        ("import no_such_thing", "f", "failed: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("raise SystemExit(3)", "f", "failed: SystemExit: 3; the traceback is in the log"),
        ("def (", "f", "failed: SyntaxError"),
        (HEAD, "f", "there is no f in acme"),
        (HEAD + "f = 3", "f", "f is no function, but of type int"),
        (HEAD + "def Bad(image): 0", "Bad", "the function's name becomes the step's"),
        (HEAD + "def a__b(image): 0", "a__b", "the function's name becomes the step's"),
        (HEAD + "def blur(image): 0", "blur", "there is a shipped operation named blur"),
        (HEAD + "def median_blur(image): 0", "median_blur", "there is a shipped operation named median-blur"),
        ("def f(image): 0", "f", "has no version for its results: give it a __version__, or install it with one"),
    ],
)
def test_a_module_that_does_not_do_is_refused_with_why(module: Write, text: str, attribute: str, why: str) -> None:
    assert why in refused(f"{module(text)}:{attribute}")


def test_all_that_is_wrong_is_told_at_once_and_two_functions_of_one_name_are_one_too_many(module: Write) -> None:
    good, other = module(HEAD + "def f(image): 0"), module(HEAD + "def f(image): 0")
    message = refused(f"{good}:f", f"{good}:missing", f"{other}:f")
    assert f"{good}:missing: there is no missing in {good}; {other}:f: there is another operation named f" in message


def test_a_package_without_a_word_of_its_own_has_the_version_it_was_installed_with(
    module: Write, tmp_path: Path
) -> None:
    name = module("def f(image): 0")
    info = tmp_path / "acme_things-4.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-things\nVersion: 4.5\n")
    (info / "top_level.txt").write_text(f"{name}\n")
    (info / "RECORD").write_text(f"{name}/__init__.py,,\n")
    (kind,) = load(f"{name}:f").values()
    assert kind.description.version == f"{name} 4.5"


def test_an_operation_is_never_applied_where_its_function_is_not() -> None:
    kind = build(Description(name="f", reference="acme:f", version="acme 1"))
    raster: Any = None
    with pytest.raises(NotImplementedError, match="only the worker's child"):
        kind().apply(raster)


def test_the_parent_builds_a_companys_operations_without_its_module_or_any_pixel_library() -> None:
    script = """
import sys
from core.imaging.operations.custom_operation import Description, Parameter, build
from core.imaging.operations import OPERATIONS
from core.pipelines import definition as pipeline
parameters = (Parameter(name="x", kind="int"),)
kind = build(Description(name="tint", reference="acme:tint", version="acme 1", parameters=parameters))
text = "steps: [{tint: {x: 1}}]\\nrenditions: [{name: out, outputs: [{format: png}]}]"
pipeline.load(text, "mine.yaml", {**OPERATIONS, "tint": kind})
print(sorted({"cv2", "numpy", "PIL", "acme", "core.worker.operation_loader"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
