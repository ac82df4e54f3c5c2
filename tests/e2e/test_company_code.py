"""The example of a company's own operations, on the command line and in the embedded cloud."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core import __version__
from localcloud import clients, senders
from localcloud.cloud import Cloud
from localcloud.config import Options
from localcloud.ledger import Ledger
from pictureperfect.demo import painted_images
from tests.support.waiting import until

EXAMPLE = Path(__file__).parents[2] / "example"
FUNCTION = "acme_pictures.codes:link_code"
LINK = "https://acme.example/p/4711"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    painted_images.paint_landscape(900, 600, 1, painted_images.DUSK).save(path)
    return path


def read_code(content: bytes) -> str:
    """The text in the QR code."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return str(cv2.QRCodeDetector().detectAndDecode(picture)[0])


def process(photo: Path, out: Path, where: Path, function: str = FUNCTION) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pictureperfect.cli", "process", photo, "--pipeline", "product"]
    return subprocess.run(
        [*map(str, command), "--pipelines", str(where / "pipelines"), "--out", str(out)],
        env={**os.environ, "PYTHONPATH": str(where), "OPERATIONS": function},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def line(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert (ended.returncode, ended.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def test_a_companys_function_runs_over_files_and_its_version_is_in_the_line(photo: Path, tmp_path: Path) -> None:
    answer = line(process(photo, tmp_path / "out", EXAMPLE))
    assert answer["operations"] == {"link-code": "acme_pictures 1.0.0"}
    assert read_code(Path(answer["renditions"][0]["path"]).read_bytes()) == LINK


def test_changed_code_is_run_again_though_its_version_is_the_same(photo: Path, tmp_path: Path) -> None:
    where, out = tmp_path / "acme", tmp_path / "out"
    shutil.copytree(EXAMPLE, where, ignore=shutil.ignore_patterns("__pycache__"))
    assert not line(process(photo, out, where))["resumed"]
    assert line(process(photo, out, where))["resumed"]
    code = where / "acme_pictures" / "codes.py"
    code.write_text(code.read_text().replace("= 0.25", "= 0.5"))
    assert not line(process(photo, out, where))["resumed"]


def test_code_that_cannot_be_loaded_ends_the_command_with_a_sentence(photo: Path, tmp_path: Path) -> None:
    ended = process(photo, tmp_path / "out", EXAMPLE, "acme_pictures.codes:qr_code")
    assert ended.returncode != 0
    assert (
        "OPERATIONS is wrong: acme_pictures.codes:qr_code: there is no qr_code in acme_pictures.codes" in ended.stderr
    )
    assert "Traceback" not in ended.stderr


@pytest.mark.long
def test_in_the_cloud_a_companys_operation_is_in_the_result_and_in_the_ledger(photo: Path, tmp_path: Path) -> None:
    options = Options(pipelines=str(EXAMPLE / "pipelines"), operations=FUNCTION, python_path=str(EXAMPLE))
    with Cloud(tmp_path / "cloud", options) as cloud:
        address = cloud.config
        answer = senders.send_direct(address, "acme", "product", "photo.png", photo.read_bytes())
        assert (answer["status"], answer["operations"]) == ("processed", {"link-code": "acme_pictures 1.0.0"})
        assert answer["version"] == __version__
        (rendition,) = answer["renditions"]
        stored = clients.s3(address.endpoint).get_object(Bucket=address.bucket, Key=rendition["key"])["Body"].read()
        assert read_code(stored) == LINK
        with Ledger(address.database_url) as ledger:
            rows = until(lambda: ledger.images([answer["image_id"]]))
        assert [row["operations"] for row in rows] == [{"link-code": "acme_pictures 1.0.0"}]
