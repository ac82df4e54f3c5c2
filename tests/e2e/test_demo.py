"""`pictureperfect demo`: images through every door, and no process left behind."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
from PIL import Image

from localcloud.lambda_.sandbox_process import ROOT
from pictureperfect.demo.demo_images import demo_images
from tests.support.waiting import until

TEMPORARY = Path("/tmp")  # noqa: S108 - where the embedded PostgreSQL keeps its data
MARK = "PICTURE_PERFECT_TEST_RUN"


def own_processes(folder: Path) -> list[str]:
    """Command lines of the demo's processes that still run: those with `folder` as their home, or with MARK."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if environment.get("HOME", "").startswith(str(folder)) or MARK in environment:
            found.append(" ".join(process.info["cmdline"] or []))
    return found


def abandoned() -> set[str]:
    """Data folders of PostgreSQL servers that do not run. Other tests' servers may be running."""
    lines = " ".join(" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return {path.name for path in TEMPORARY.glob("picture-perfect-*") if str(path) not in lines}


def test_the_demo_shows_every_image_through_every_door_and_leaves_no_process(tmp_path: Path) -> None:
    before = abandoned()
    ended = subprocess.run(
        [sys.executable, "-m", "pictureperfect.cli", "demo", "--json"],
        check=False,
        cwd=tmp_path,
        env={
            **os.environ,
            MARK: "1",
            "PYTHONPATH": str(ROOT),
            "AWS_PROFILE": "nobody",
            "HTTP_PROXY": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    report = json.loads(ended.stdout)
    assert report["faults"] == []
    wanted = {sample.name: (sample.customer, sample.code) for sample in demo_images()}
    assert {row["name"]: (row["customer"], row["code"]) for row in report["images"]} == wanted
    assert {row["shown_door"] for row in report["images"]} == {"upload", "direct", "kafka", "kafka+s3"}
    assert {row["route"] for row in report["images"]} == {"lambda", "batch"}
    (refused,) = report["refused"]
    assert refused["key"].startswith("refused/images/")
    assert "customer-id" in refused["message"]
    assert sum(row["images"] for row in report["counts"]) == len(wanted)
    assert {row["route"]: row["images"] for row in report["dollars"]} == Counter(
        row["route"] for row in report["images"]
    )
    assert all(0 < row["compute"] < row["total"] < 0.1 for row in report["dollars"])
    assert report["metrics"]["route=lambda, cause=estimate"]["HandedOver"] == 1
    assert report["metrics"]["status=processed"]["Images"] == sum(code is None for _, code in wanted.values())
    for row in report["images"]:
        assert bool(row["renditions"]) == (row["code"] is None)
        assert all(re.match(r"http://127\.0\.0\.1:\d+/pictures/processed/", item["url"]) for item in row["renditions"])
    pictures = [tmp_path / path for path in report["pictures"]]
    assert len(pictures) == sum(len(row["renditions"]) for row in report["images"])
    upright = next(path for path in pictures if "portrait" in str(path))
    assert upright.is_relative_to(tmp_path / "demo-pictures" / "harbour")
    with Image.open(upright) as image:
        assert image.height > image.width
    assert "portrait.jpg" in (tmp_path / report["gallery"]).read_text()
    until(lambda: own_processes(tmp_path) == [])
    until(lambda: abandoned() <= before)
