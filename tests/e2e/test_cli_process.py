"""`pictureperfect process`: the output and exit codes that programs rely on."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pictureperfect.demo import painted_images

COMMAND = [sys.executable, "-m", "pictureperfect.cli"]
FIELDS = [
    "file",
    "status",
    "code",
    "message",
    "format",
    "width",
    "height",
    "seconds",
    "cpu_seconds",
    "peak_bytes",
    "measurements",
    "operations",
    "renditions",
    "resumed",
]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    small = painted_images.paint_landscape(300, 200, 1, painted_images.NOON)
    small.save(folder / "cat.jpg")
    small.save(folder / "cat.png")
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("not an image")
    (folder / "inner").mkdir()
    small.save(folder / "inner" / "ünï code.webp")
    (folder / ".hidden").write_text("not looked at")
    return folder


def test_each_file_is_answered_by_one_line_of_json_with_exactly_these_fields(pictures: Path, tmp_path: Path) -> None:
    files = [pictures / name for name in ("cat.jpg", "empty.jpg", "cat.png", "text.jpg")]
    ended = run("process", *files, "--pipeline", "thumbnail", "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["file"] for line in lines] == [str(file) for file in files]
    assert all(list(line) == FIELDS for line in lines)
    assert [line["status"] for line in lines] == ["processed", "failed", "processed", "failed"]
    assert [line["code"] for line in lines] == [None, "empty_file", None, "unsupported_format"]
    assert [line["message"] is None for line in lines] == [True, False, True, False]
    jpeg, empty, png, _ = lines
    assert (jpeg["format"], jpeg["width"], jpeg["height"]) == ("jpeg", 300, 200)
    assert (empty["format"], empty["renditions"]) == (None, [])
    assert jpeg["seconds"] > 0
    assert jpeg["peak_bytes"] > 10_000_000
    for line in (jpeg, png):
        (rendition,) = line["renditions"]
        assert list(rendition) == ["name", "path", "format", "width", "height", "bytes", "frames"]
        content = Path(rendition["path"]).read_bytes()
        assert len(content) == rendition["bytes"]
        assert Image.open(io.BytesIO(content)).size == (rendition["width"], rendition["height"])
    assert jpeg["renditions"][0]["path"] != png["renditions"][0]["path"]


def test_a_folder_means_all_files_in_it_but_hidden_ones(pictures: Path, tmp_path: Path) -> None:
    ended = run("process", pictures, "--pipeline", "thumbnail", "--out", tmp_path / "out", "--jobs", "2")
    assert ended.returncode == 0
    names = [Path(json.loads(line)["file"]).name for line in ended.stdout.splitlines()]
    assert names == ["cat.jpg", "cat.png", "empty.jpg", "ünï code.webp", "text.jpg"]
    assert not list((tmp_path / "out").glob(".unfinished-*"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["process"], "Missing argument"),
        (["process", "nowhere.jpg", "--pipeline", "web", "--out", "x"], "does not exist"),
        (["process", "--pipeline", "nonsense", "--out", "x", __file__], "no pipeline named 'nonsense'"),
        (["unknown"], "No such command"),
    ],
)
def test_a_wrong_call_is_one_sentence_on_stderr_and_exit_2(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_an_error_of_the_product_is_its_code_and_a_sentence_without_a_traceback(pictures: Path, tmp_path: Path) -> None:
    ended = run("process", pictures / "cat.jpg", "--pipeline", "web", "--out", tmp_path, MAX_MEGAPIXELS="many")
    assert ended.returncode == 1
    assert ended.stderr.startswith("invalid_settings: MAX_MEGAPIXELS is wrong")
    assert len(ended.stderr.splitlines()) == 1


def test_commands_that_need_a_cloud_say_how_to_start_one(tmp_path: Path) -> None:
    for command in (["status"], ["submit", __file__, "--customer", "acme", "--pipeline", "web"]):
        ended = run(*command, "--folder", tmp_path)
        assert (ended.returncode, "pictureperfect up" in ended.stderr) == (1, True)
    ended = run("migrate", "--folder", tmp_path, DATABASE_URL="")
    assert (ended.returncode, "DATABASE_URL" in ended.stderr) == (1, True)
    unreachable = "postgresql://postgres@127.0.0.1:1/x"
    ended = run("migrate", DATABASE_URL=unreachable)
    assert ended.returncode == 1
    assert ended.stderr.startswith("database_unavailable: ")
    assert "Traceback" not in ended.stderr


def test_help_comes_without_loading_what_commands_need() -> None:
    ended = run("--help")
    assert "process" in ended.stdout
    script = (
        "import sys, pictureperfect.cli; print(sorted({'boto3', 'moto', 'numpy', 'cv2', 'rich'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert loaded.stdout.strip() == "[]"


def test_what_is_no_file_is_refused_before_it_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = subprocess.run(
        [*COMMAND, "process", str(tmp_path / "pipe"), "--pipeline", "web", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 2
    assert "neither a file nor a folder" in done.stderr


def test_a_name_that_json_cannot_hold_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    ended = run("process", tmp_path, "--pipeline", "web", "--out", tmp_path / "out")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "caf\\udce9.jpg' is not UTF-8" in ended.stderr
