"""Many uploads from one page, and an interrupted one in parts: the page in Chromium on the embedded cloud."""

import hashlib
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest

from localcloud import clients
from tests.support.aws.batch_job import picture
from tests.support.web.page_world import PageWorld, count, needs_chromium, until, write_files

pytestmark = [needs_chromium, pytest.mark.timeout(1800), pytest.mark.long]
#: `make test-page` sends 500 and limits long tasks. Beside other tests, their length says nothing about the page.
UPLOADS = int(os.environ.get("PAGE_UPLOADS", "50"))
LONGEST_TASK = 200  # milliseconds


def test_many_uploads_at_once_all_arrive(world: PageWorld, tmp_path: Path) -> None:
    paths = write_files({f"picture {number:03}.jpg": picture(16 + number) for number in range(UPLOADS)}, tmp_path)
    with world.visitor("alpine") as visitor:
        page = visitor.enter()
        visitor.pick("thumbnail")
        page.evaluate("longTasks.length = slowFrames.length = 0")  # forget the loading of the page
        visitor.drop_from_desk(*paths)
        visitor.wait_until_finished(UPLOADS)
        assert page.locator(".row[data-state=done]").count() == UPLOADS
        assert count(clients.s3(world.cloud.config.endpoint), "processed/alpine/") == UPLOADS
        tasks = sorted(page.evaluate("longTasks"), reverse=True)
        print(f"{UPLOADS} uploads; tasks over 50 ms: {len(tasks)}, the longest {tasks[:5]} ms")
        print("before the page heard of the files, the browser listed them, in ms:", page.evaluate("listing"))
        print("slow frames, in ms, and what ran in them:", page.evaluate("slowFrames.slice(0, 20)"))
        if "PAGE_UPLOADS" in os.environ:
            assert max(tasks, default=0) <= LONGEST_TASK
        visitor.assert_no_errors()


def test_a_dropped_connection_and_a_reload_resume_an_upload_in_parts(world: PageWorld, tmp_path: Path) -> None:
    # A small photograph and trailing bytes that decoders ignore: large to send, cheap to process
    large = tmp_path / "large.jpg"
    large.write_bytes(picture(64) + random.Random(7).randbytes(58_000_000))
    sent: list[str] = []
    answered: list[str] = []
    with world.visitor("coast") as visitor:
        page = visitor.enter()
        visitor.pick("thumbnail")

        def number(url: str) -> str:
            return str(re.findall(r"partNumber=(\d+)", url)[0])

        drops = {"2": 1, "5": 10_000}

        def meddle(route: Any) -> None:
            part = number(route.request.url)
            if drops.get(part, 0) > 0:
                drops[part] -= 1
                route.abort("connectionreset")
            else:
                sent.append(part)
                route.continue_()

        def note_answer(request: Any) -> None:
            answered.extend(re.findall(r"partNumber=(\d+)", request.url) if request.method == "PUT" else [])

        page.route("**/*partNumber=*", meddle)
        page.on("requestfinished", note_answer)
        visitor.drop(large)
        until(lambda: {"1", "2", "3", "4"} <= set(answered), page)
        visitor.see("document.querySelector('.row .state').textContent.includes('Retrying')")
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()
        interrupted = page.wait_for_selector("#resumable p")
        assert interrupted is not None
        assert "large.jpg (58 MB) was interrupted" in interrupted.inner_text()
        before = list(sent)
        assert "5" not in before
        drops.clear()
        page.set_input_files("#resumable input", large)
        visitor.wait_for_cards(1)
        assert not {"1", "2", "3", "4"} & set(sent[len(before) :])
        assert sorted(set(sent)) == ["1", "2", "3", "4", "5", "6", "7"]
        assert page.is_hidden("#resumable")
        s3 = clients.s3(world.cloud.config.endpoint)
        (stored,) = s3.list_objects_v2(Bucket="pictures", Prefix="originals/coast/")["Contents"]
        body = s3.get_object(Bucket="pictures", Key=stored["Key"])["Body"].read()
        assert hashlib.sha256(body).digest() == hashlib.sha256(large.read_bytes()).digest()
