"""The loader reports every fault of a pipeline file, and pipelines reach the worker unchanged."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from core.domain import outputs
from core.domain.errors import Code, Misconfigured
from core.domain.model import ImageFormat
from core.imaging.operations import OPERATIONS
from core.imaging.operations.resize import Fit, Resize
from core.pipelines import SHIPPED_FOLDER, definition, loader

ROOT = Path(__file__).parents[3]

GOOD = """\
description: Small.
steps:
  - grayscale
  - flip:
renditions:
  - name: small
    steps:
      - resize: {width: 480, fit: inside}
    outputs:
      - {format: jpeg, quality: 80}
      - format: webp
"""


def load_faults(text: str, file: str = "pipelines/mine.yaml") -> list[str]:
    with pytest.raises(Misconfigured) as error:
        loader.load(text, file)
    assert error.value.code == Code.INVALID_PIPELINE
    return error.value.message.splitlines()


def test_a_pipeline_has_the_name_of_its_file_and_the_fields_of_its_text() -> None:
    loaded = loader.load(GOOD, "/somewhere/my-small.yaml")
    assert loaded.name == "my-small"
    assert [type(step).__name__ for step in loaded.steps] == ["Grayscale", "Flip"]
    assert loaded.renditions[0].steps == (Resize(width=480, fit=Fit.INSIDE),)
    assert [output.format for output in loaded.renditions[0].outputs] == [ImageFormat.JPEG, ImageFormat.WEBP]


def test_the_name_other_is_reserved() -> None:
    assert load_faults(GOOD, "pipelines/other.yaml") == [
        "pipelines/other.yaml:1: the file's name: other is reserved for images without a pipeline"
    ]


def test_the_shipped_pipelines_load_and_are_unchanged_after_encoding() -> None:
    loaded = loader.load_folder(SHIPPED_FOLDER)
    assert set(loaded) == {"thumbnail", "web", "archive", "restore"}
    web = [(spec.name, output.format) for spec in loaded["web"].renditions for output in spec.outputs]
    assert len(web) == 8
    for pipeline in loaded.values():
        assert pipeline.description
        assert definition.from_bytes(definition.to_bytes(pipeline)) == pipeline


def test_all_faults_of_a_file_are_reported_with_line_and_field() -> None:
    text = """\
stepz: []
steps:
  - resise: {width: 480}
  - resize: {width: -1, fit: insde, heigth: 3}
  - [blur]
  - blur: {sigma: much}
renditions:
  - name: Small Picture
    outputs:
      - {format: jpg}
      - {format: png, quality: 80}
  - steps: []
    outputs: []
"""
    assert load_faults(text) == [
        "pipelines/mine.yaml:1: stepz: there is no such field; did you mean steps?",
        "pipelines/mine.yaml:3: steps[0]: there is no operation resise; did you mean resize?",
        "pipelines/mine.yaml:4: steps[1].resize.fit: Invalid enum value 'insde'",
        "pipelines/mine.yaml:4: steps[1].resize.heigth: there is no such field; did you mean height?",
        "pipelines/mine.yaml:4: steps[1].resize.width: Expected `int` >= 1",
        "pipelines/mine.yaml:5: steps[2]: a step is one operation's name with its parameters: `- resize: {width: 480}`",
        "pipelines/mine.yaml:6: steps[3].blur.sigma: Expected `float`, got `str`",
        "pipelines/mine.yaml:8: renditions[0].name: Expected `str` matching regex '^[a-z0-9][a-z0-9-]{0,62}$'",
        "pipelines/mine.yaml:10: renditions[0].outputs[0].format: Invalid enum value 'jpg'",
        "pipelines/mine.yaml:11: renditions[0].outputs[1]: png is lossless and has no quality",
        "pipelines/mine.yaml:12: renditions[1].name: is missing",
        "pipelines/mine.yaml:13: renditions[1].outputs: expected a list of 1 or more",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "x.yaml:1: the file is empty"),
        ("- a\n- b\n", "x.yaml:1: expected fields, `name: value`"),
        ("a: [1\nb: 2\n", "x.yaml:2: not YAML"),
        ("a: &x [*x]\n", "x.yaml:1: nested too deeply, or a value that contains itself"),
        ("a: !!python/object/apply:os.system [ls]\n", "x.yaml:1: "),
        ("steps: {}\nrenditions: []\n", "x.yaml:1: steps: expected a list"),
        (GOOD.replace("  - flip:", "  - resize:"), "x.yaml:4: steps[1].resize: give width, height or both"),
        (GOOD + "description: Again.\n", "x.yaml:12: description is here twice"),
        (GOOD.replace("format: webp", "format: jpeg"), "x.yaml:6: renditions[0]: there is a second small in jpeg"),
        (GOOD.replace("- flip:", "- image-watermark: {image: no.png}"), "x.yaml:4: steps[1].image-watermark: there is"),
    ],
)
def test_a_fault_is_reported(text: str, fault: str) -> None:
    assert load_faults(text, "x.yaml")[0].startswith(fault)


def test_a_path_in_a_step_is_relative_to_the_pipelines_folder(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"x")
    (tmp_path / "mine.yaml").write_text(GOOD.replace("- flip:", "- image-watermark: {image: logo.png}"))
    loaded = loader.load_folder(tmp_path)["mine"]
    assert msgspec.to_builtins(loaded.steps[1])["image"] == str((tmp_path / "logo.png").resolve())


def test_the_faults_of_all_files_of_a_folder_are_reported(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="there is no pipeline here"):
        loader.load_folder(tmp_path)
    (tmp_path / "a.yaml").write_text("x: 1")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "Bad Name.yaml").write_text(GOOD)
    with pytest.raises(Misconfigured) as error:
        loader.load_folder(tmp_path)
    assert all(name in error.value.message for name in ("a.yaml:1: x:", "b.yaml", "the file's name"))


def test_the_parent_reads_pipelines_without_loading_pixel_libraries() -> None:
    script = """
import sys
from core.imaging import operations
from core.pipelines import SHIPPED_FOLDER, definition, loader
from core.routing import plan
definition.from_bytes(definition.to_bytes(loader.load_folder(SHIPPED_FOLDER)["web"]))
print(sorted({"cv2", "numpy", "PIL"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_and_parameter_is_documented(name: str) -> None:
    page = (ROOT / "docs" / "reference" / "image-steps.md").read_text("utf-8")
    sections = {part.split("\n", 1)[0].strip(" `"): part for part in page.split("\n## ")[1:]}
    assert name in sections
    for field in msgspec.structs.fields(OPERATIONS[name]):
        assert f"| `{field.name}` |" in sections[name], field.name


def test_every_field_of_a_pipeline_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "pipelines.md").read_text("utf-8")
    for kind in (definition.Pipeline, definition.RenditionSpec, outputs.Output, outputs.Automatic):
        for field in msgspec.structs.fields(kind):
            assert f"`{field.name}`" in page, field.name
    for name in loader.load_folder(SHIPPED_FOLDER):
        assert f"`{name}`" in page


def test_the_example_in_the_documentation_is_a_pipeline() -> None:
    page = (ROOT / "docs" / "reference" / "pipelines.md").read_text("utf-8")
    examples = [part.split("```")[0] for part in page.split("```yaml\n")[1:]]
    assert examples
    for example in examples:
        assert loader.load(example, "example.yaml").renditions
