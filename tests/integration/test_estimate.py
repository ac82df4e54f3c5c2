"""`pictureperfect estimate` of a file and of an object in S3, of which it reads only a part."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from core.adapters.aws.s3 import S3Store
from core.domain.model import ObjectRef
from core.imaging import header
from localcloud import clients
from localcloud.lambda_.sandbox_process import ROOT
from pictureperfect.cli import cli, run
from pictureperfect.files.estimate import _read_remote_header

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FIELDS = {"file", "width", "height", "frames", "cpu_seconds", "seconds", "seconds_upper", "peak_bytes"}
FIELDS |= {"peak_bytes_upper", "route", "tier", "cost_usd", "reason"}


def estimate(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(cli, ["estimate", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    fields: dict[str, Any] = json.loads(done.stdout)
    assert set(fields) >= FIELDS
    return fields


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise, so that the file has more than a megabyte."""
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (900, 1200, 3), np.uint8)).save(path)
    return path


def test_a_small_image_stays_in_the_function(photo: Path) -> None:
    answer = estimate(str(photo), "--pipeline", "thumbnail")
    assert (answer["width"], answer["height"], answer["frames"], answer["route"], answer["tier"]) == (
        *(1200, 900, 1),
        *("lambda", None),
    )
    assert 0 < answer["seconds"] <= answer["seconds_upper"]
    assert 0 < answer["peak_bytes"] <= answer["peak_bytes_upper"]
    assert 0 < answer["cost_usd"] < 0.001


def test_what_the_function_has_no_time_for_goes_to_batch_and_says_why(photo: Path) -> None:
    answer = estimate(str(photo), "--pipeline", "restore", "--timeout", "1")
    assert (answer["route"], answer["tier"]) == ("batch", "1x2")
    assert "seconds" in answer["reason"]
    spot = estimate(str(photo), "--pipeline", "restore", "--timeout", "1", "--spot")
    assert spot["cost_usd"] < answer["cost_usd"]


def test_what_is_refused_has_a_code_and_the_figures(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_MEGAPIXELS", "1")
    answer = estimate(str(photo), "--pipeline", "web")
    assert (answer["route"], answer["code"]) == ("none", "too_many_pixels")
    assert "1.08 megapixels" in answer["reason"]


def test_for_people_it_is_a_table(photo: Path) -> None:
    done = CliRunner().invoke(cli, ["estimate", str(photo), "--pipeline", "web"])
    assert done.exit_code == 0
    assert "png 1200×900" in done.output  # noqa: RUF001 - as sizes are written
    assert "at most" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("none.jpg", "--pipeline", "web"), "there is no such file"), (("x", "--pipeline", "wev"), "no pipeline named")],
)
def test_a_wrong_file_or_pipeline_is_named(arguments: tuple[str, ...], message: str) -> None:
    done = CliRunner().invoke(cli, ["estimate", *arguments])
    assert done.exit_code != 0
    assert message in f"{done.output}{done.exception}"


@pytest.mark.parametrize("file", ["s3://x", "s3://pictures/", "s3://"])
def test_an_address_without_a_key_is_refused(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(lambda: cli.main(["estimate", file, "--pipeline", "web"], standalone_mode=False)) == 1
    stderr = capsys.readouterr().err
    assert stderr == f"invalid_request: {file} names no object: s3://BUCKET/KEY does.\n"


def test_missing_credentials_are_reported_with_the_remedy(tmp_path: Path) -> None:
    """In a separate process, since boto3 caches the credentials it has found."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    command = [sys.executable, "-m", "pictureperfect.cli", "estimate", "s3://pictures/a.jpg", "--pipeline", "web"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("store_denied: There are no AWS credentials. Log in (`aws sso login`")
    assert ended.stderr.count("\n") == 1


def test_an_invalid_bucket_name_is_reported_in_one_line(
    cloud: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in clients.environment(cloud).items():
        monkeypatch.setenv(name, value)
    assert run(lambda: cli.main(["estimate", "s3://no!name/y", "--pipeline", "web"], standalone_mode=False)) == 1
    stderr = capsys.readouterr().err
    assert "Invalid bucket name" in stderr
    assert stderr.count("\n") == 1


class CountingStore(S3Store):
    """A store that counts the bytes it has read."""

    read_bytes = 0

    def part(self, ref: ObjectRef, start: int, count: int) -> bytes:
        content = super().part(ref, start, count)
        self.read_bytes += len(content)
        return content


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "gif"])
def test_of_an_object_in_s3_the_header_is_that_of_the_whole_file(
    s3: "S3Client", bucket: str, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"large.{suffix}"
    pixels = np.random.default_rng(1).integers(0, 255, (1600, 2000, 3), np.uint8)
    options: dict[str, Any] = {"quality": 95} if suffix in ("jpg", "webp") else {"compress_level": 1}
    Image.fromarray(pixels[..., 0] if suffix == "gif" else pixels).save(path, **options)  # no palette to look for
    s3.put_object(Bucket=bucket, Key=path.name, Body=path.read_bytes())
    store = CountingStore(s3, bucket)
    remote = _read_remote_header(ObjectRef(bucket=bucket, key=path.name), store, tmp_path / "beginning")
    assert remote == header.read_header(path)
    if suffix in ("jpg", "png", "webp"):
        assert store.read_bytes < path.stat().st_size / 2


def test_an_object_in_s3_is_estimated_as_the_file_is(
    cloud: str, s3: "S3Client", bucket: str, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket=bucket, Key="a photo.png", Body=photo.read_bytes())
    for name, value in clients.environment(cloud).items():
        monkeypatch.setenv(name, value)
    there, here = (estimate(file, "--pipeline", "web") for file in (f"s3://{bucket}/a photo.png", str(photo)))
    assert msgspec.json.encode({**there, "file": ""}) == msgspec.json.encode({**here, "file": ""})
