"""The page in Chromium on the embedded cloud, used as a person uses it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog

from localcloud import clients
from pictureperfect.demo import painted_images
from tests.support.aws.batch_job import picture
from tests.support.web.page_world import (
    PageWorld,
    Theme,
    Visitor,
    count,
    encoded,
    needs_chromium,
    photograph,
    ten,
    until,
    write_files,
)

pytestmark = [needs_chromium, pytest.mark.timeout(1800)]
SHOTS = os.environ.get("PAGE_SHOTS", "")
TEN = 10


@pytest.fixture(scope="module")
def fjord(world: PageWorld) -> Iterator[Visitor]:
    """A user of the customer `fjord`, who stays on the page from one test to the next."""
    with world.visitor("fjord", height=960) as visitor:
        visitor.enter()
        yield visitor


@pytest.fixture(scope="module")
def collection(fjord: Visitor, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page showed while ten files were uploaded and processed."""
    paths = write_files(ten(), tmp_path_factory.mktemp("ten"))
    visitor, page = fjord, fjord.page
    line = visitor.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 5, "downloadThroughput": -1, "uploadThroughput": 1_500_000},
    )
    page.evaluate("""() => {
        window.seen = { all: [], rows: [], states: new Set() };
        const record = () => {
            seen.all.push(document.getElementById("queue-progress").value);
            document.querySelectorAll(".row").forEach((row, index) => {
                (seen.rows[index] ??= new Set()).add(row.querySelector("progress").value);
                seen.states.add(row.dataset.state);
            });
            requestAnimationFrame(record);
        };
        record();
    }""")
    visitor.drop(*paths)
    visitor.wait_until_finished(TEN)
    visitor.wait_for_cards(TEN)
    visitor.assert_no_errors()
    seen: dict[str, Any] = page.evaluate(
        "({ all: seen.all, rows: seen.rows.map((row) => [...row]), states: [...seen.states], once: loadedOnce })"
    )
    line.detach()
    return {**seen, "names": visitor.names(), "summary": page.inner_text("#queue-words")}


@pytest.mark.long
def test_the_progress_of_ten_files_moves(collection: dict[str, Any]) -> None:
    overall = collection["all"]
    assert overall == sorted(overall)
    assert overall[-1] == pytest.approx(1)
    assert len({round(value, 2) for value in overall}) >= 5
    assert max(len(row) for row in collection["rows"]) >= 3
    assert {"waiting", "sending", "working", "done", "failed"} == set(collection["states"])


def test_results_appear_without_a_reload(collection: dict[str, Any]) -> None:
    assert collection["once"]
    assert sorted(collection["names"]) == sorted(ten())
    assert "10 of 10 pictures finished" in collection["summary"]
    assert "1 failed" in collection["summary"]


@pytest.mark.usefixtures("collection")
def test_the_slider_uncovers_the_original_and_works_by_keyboard(fjord: Visitor) -> None:
    visitor, page = fjord, fjord.go("#/")
    page.get_by_role("link", name="fjord at dawn.jpg").click()
    slider = page.get_by_role("slider")
    slider.focus()
    visitor.see("[...document.querySelectorAll('.frame img')].every((image) => image.naturalWidth > 0)")
    widths = page.locator(".frame img").evaluate_all("elements => elements.map((image) => image.naturalWidth)")
    assert 960 in widths  # the original
    before = page.locator(".frame .before").bounding_box()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == "60 % Original"
    assert page.locator(".frame").evaluate("frame => frame.style.getPropertyValue('--at')") == "60%"
    page.mouse.click(before["x"] + 0.25 * before["width"], before["y"] + 40)  # type: ignore[index]
    assert float(slider.input_value()) == pytest.approx(25, abs=3)
    assert page.get_by_role("link", name="Download").count() == 8
    visitor.assert_no_errors()


@pytest.mark.usefixtures("collection")
def test_the_viewer_shows_route_and_reason_and_returns_the_focus(fjord: Visitor) -> None:
    visitor, page = fjord, fjord.go("#/")
    page.get_by_role("link", name="panorama.jpg").press("Enter")
    page.wait_for_selector(".why")
    assert "Processed in Batch" in page.inner_text(".why")
    assert "megapixels" in page.inner_text(".why")
    assert "1,800 \u00d7 1,000" in page.inner_text(".about dl")
    page.keyboard.press("ArrowRight")
    visitor.see("!document.getElementById('viewer-title').textContent.startsWith('panorama')")
    page.keyboard.press("ArrowLeft")
    visitor.see("document.getElementById('viewer-title').textContent.startsWith('panorama')")
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewer", state="hidden")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "panorama.jpg"
    visitor.assert_no_errors()


@pytest.mark.usefixtures("collection")
def test_a_failure_is_shown_with_its_reason_and_advice(fjord: Visitor) -> None:
    page = fjord.go("#/")
    page.get_by_role("link", name="broken.jpg").click()
    page.wait_for_selector(".why.failed")
    about = page.inner_text(".about")
    assert "The file is damaged or cut off" in about
    assert "upload it again" in about
    assert "corrupt_image" in about


@pytest.mark.usefixtures("collection")
def test_filters_by_status_format_text_and_time(fjord: Visitor) -> None:
    visitor, page = fjord, fjord.go("#/")
    visitor.wait_for_cards(TEN)
    page.get_by_role("radio", name="Failed").check()
    visitor.wait_for_names("broken.jpg")
    page.get_by_role("radio", name="All", exact=True).check()
    page.get_by_label("Format of the original").select_option("tiff")
    visitor.wait_for_names("scan 0007.tif")
    page.get_by_label("Format of the original").select_option("")
    page.get_by_role("searchbox").fill("%")
    page.wait_for_selector("#gallery-empty:not([hidden])")
    page.get_by_role("button", name="Show all").click()
    visitor.wait_for_cards(TEN)
    page.get_by_role("searchbox").fill("HILL")
    visitor.wait_for_names("portrait of a hill.jpg")
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Time of the result").select_option("3600")
    visitor.wait_for_cards(TEN)
    visitor.assert_no_errors()


def test_a_deletion_can_be_undone_and_is_final_otherwise(world: PageWorld, tmp_path: Path) -> None:
    with world.visitor("lake") as visitor:
        page = visitor.enter()
        visitor.pick("thumbnail")
        visitor.drop(*write_files({"one.jpg": picture(40), "two.jpg": picture(50)}, tmp_path))
        visitor.wait_for_cards(2)
        page.get_by_role("button", name="Delete one.jpg").click()
        visitor.wait_for_cards(1)
        page.get_by_role("button", name="Undo").click()
        visitor.wait_for_cards(2)
        page.get_by_role("button", name="Delete two.jpg").click()
        visitor.wait_for_cards(1)
        page.reload()  # leaving the page commits the deletion
        s3 = clients.s3(world.cloud.config.endpoint)
        until(lambda: count(s3, "tombstones/lake/") == 1, page)
        until(lambda: count(s3, "processed/lake/") == 1, page)
        page.reload()
        visitor.wait_for_names("one.jpg")
        visitor.assert_no_errors()


def test_a_picture_that_is_finished_before_its_upload_was_answered_is_done(world: PageWorld, tmp_path: Path) -> None:
    with world.visitor("early") as visitor:
        page = visitor.enter()
        line, held, polls = visitor.context.new_cdp_session(page), [], []

        def paused(event: dict[str, Any]) -> None:
            if event["request"]["method"] == "POST":
                held.append(event["requestId"])  # S3 has the file; the page waits for the answer
            else:
                line.send("Fetch.continueRequest", {"requestId": event["requestId"]})

        line.on("Fetch.requestPaused", paused)
        store = f"{world.cloud.config.endpoint}/{world.cloud.config.bucket}/"
        line.send("Fetch.enable", {"patterns": [{"urlPattern": f"{store}*", "requestStage": "Response"}]})
        page.on("response", lambda answer: polls.append(answer.status) if "/api/images?" in answer.url else None)
        visitor.drop(*write_files({"early.jpg": picture(40)}, tmp_path / "early"))
        visitor.wait_for_cards(1)
        until(lambda: polls[-1:] == [304], page)
        assert page.locator(".row[data-state=sending]").count() == 1
        line.send("Fetch.disable")
        visitor.wait_until_finished(1)
        visitor.assert_no_errors()


def test_an_upload_whose_answer_was_lost_is_not_sent_again(world: PageWorld, tmp_path: Path) -> None:
    with world.visitor("lost") as visitor:
        page = visitor.enter()
        visitor.pick("thumbnail")
        line, posts = visitor.context.new_cdp_session(page), []

        def paused(event: dict[str, Any]) -> None:
            if event["request"]["method"] == "POST":
                posts.append(event["request"]["url"])  # S3 has the file, and its answer is lost
                line.send("Fetch.failRequest", {"requestId": event["requestId"], "errorReason": "ConnectionReset"})
            else:
                line.send("Fetch.continueRequest", {"requestId": event["requestId"]})

        line.on("Fetch.requestPaused", paused)
        store = f"{world.cloud.config.endpoint}/{world.cloud.config.bucket}/"
        line.send("Fetch.enable", {"patterns": [{"urlPattern": f"{store}*", "requestStage": "Response"}]})
        visitor.drop(*write_files({"lost.jpg": picture(40)}, tmp_path))
        visitor.wait_until_finished(1)
        assert page.locator(".row[data-state=done]").count() == 1
        assert len(posts) == 1
        visitor.assert_no_errors()


@pytest.mark.usefixtures("collection")
def test_the_numbers_are_counted_and_drawn(fjord: Visitor) -> None:
    visitor, page = fjord, fjord.go("#/numbers")
    page.wait_for_selector(".chart canvas")
    tile = page.locator(".tile").first.inner_text()
    assert "10" in tile
    assert "1 failed" in tile
    visitor.see("""[...document.querySelectorAll(".chart canvas")].every((canvas) => {
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer;
        return new Set(new Uint32Array(pixels)).size > 3;
    })""")
    page.get_by_text("As a table").first.click()
    assert "10 pictures, 1 failed" in page.locator("details[open]").inner_text()
    assert "JPEG" in page.get_by_role("region", name="By format").inner_text()
    assert "The file is damaged" in page.get_by_role("region", name="Failures by reason").inner_text()
    page.get_by_role("radio", name="7 days").check()
    visitor.see("document.querySelector('.panel details tbody').rows.length === 7")
    visitor.assert_no_errors()


@pytest.mark.usefixtures("collection")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_violation(fjord: Visitor, theme: Theme) -> None:
    page = fjord.go("#/")
    page.emulate_media(color_scheme=theme)
    fjord.wait_for_cards(TEN)
    assert fjord.accessibility_violations() == []
    page.get_by_role("link", name="fjord at dawn.jpg").click()
    page.wait_for_selector(".frame")
    assert fjord.accessibility_violations() == []
    fjord.go("#/numbers")
    page.emulate_media(color_scheme=theme)
    page.wait_for_selector(".chart canvas")
    assert fjord.accessibility_violations() == []


@pytest.mark.usefixtures("collection")
def test_the_theme_is_chosen_and_remembered(fjord: Visitor, tmp_path: Path) -> None:
    page = fjord.go("#/")
    colour = "getComputedStyle(document.body).color"
    page.reload()  # the queue is empty after a reload
    fjord.wait_for_cards(TEN)
    light = page.evaluate(colour)
    _photograph(fjord, tmp_path, "page-1440.png")
    page.get_by_role("button", name="Theme: light").click()
    dark = page.evaluate(colour)
    assert dark != light
    page.reload()
    fjord.wait_for_cards(TEN)
    assert page.evaluate(colour) == dark
    _photograph(fjord, tmp_path, "page-1440-dark.png")
    page.get_by_role("button", name="Theme: dark").click()
    assert page.evaluate(colour) == light


@pytest.mark.usefixtures("collection")
def test_on_a_phone_targets_are_large_and_nothing_scrolls_sideways(world: PageWorld, tmp_path: Path) -> None:
    with world.visitor("fjord", 390, 844, device_scale_factor=2) as visitor:
        page = visitor.enter()
        visitor.wait_for_cards(TEN)
        assert page.is_visible("text=Take a photo")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        small = page.evaluate("""[...document.querySelectorAll("a, button, select, .button, .segments label")]
            .filter((one) => one.checkVisibility() && one.offsetHeight && !one.matches(".skip"))
            .filter((one) => one.offsetHeight < 44).map((one) => one.outerHTML.slice(0, 120))""")
        assert small == []
        assert visitor.accessibility_violations() == []
        _photograph(visitor, tmp_path, "page-390.png")


def _photograph(visitor: Visitor, folder: Path, name: str) -> None:
    """Save a screenshot to `folder`, or to the folder in PAGE_SHOTS."""
    visitor.see("[...document.querySelectorAll('.card img')].slice(0, 5).every((image) => image.complete)")
    visitor.page.mouse.move(0, 0)
    visitor.see("!document.getAnimations().some((each) => each instanceof CSSTransition)")
    shot = Path(SHOTS) / name if SHOTS else folder / name
    photograph(visitor.page, shot)
    assert shot.stat().st_size < 300_000


STRANGE = {
    "../../etc/passwd.jpg": "passwd.jpg",
    "<img src=x onerror=alert(1)>.jpg": "<img src=x onerror=alert(1)>.jpg",
    "nul\x00in it.jpg": "nul_in it.jpg",
    "turned \u202egpj.exe.jpg": "turned _gpj.exe.jpg",
    "שלום 😀🏔.jpg": "שלום 😀🏔.jpg",
    f"{'n' * 996}.jpg": f"{'n' * 196}.jpg",
}


def test_strange_names_are_shown_harmlessly(world: PageWorld) -> None:
    with world.visitor("harbour") as visitor:
        page = visitor.enter()
        visitor.pick("thumbnail")
        dialogs: list[str] = []

        def note(dialog: Dialog) -> None:
            dialogs.append(dialog.message)
            dialog.dismiss()

        page.on("dialog", note)
        bodies = [list(picture(24 + 4 * index)) for index in range(len(STRANGE))]
        page.evaluate(
            """([names, bodies]) => {
                const transfer = new DataTransfer();
                names.forEach((name, index) => {
                    transfer.items.add(new File([new Uint8Array(bodies[index])], name, { type: "image/jpeg" }));
                });
                const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
                for (const type of ["dragenter", "dragover", "drop"]) {
                    document.body.dispatchEvent(new DragEvent(type, options));
                }
            }""",
            [list(STRANGE), bodies],
        )
        queued = page.locator(".row .name").evaluate_all("elements => elements.map((name) => name.textContent)")
        assert "nul␀in it.jpg" in queued
        assert "turned \ufffdgpj.exe.jpg" in queued
        visitor.wait_for_cards(len(STRANGE))
        assert sorted(visitor.names()) == sorted(STRANGE.values())
        for name in visitor.names():
            page.get_by_role("link", name=name, exact=True).click()
            visitor.see("name => document.getElementById('viewer-title')?.textContent === name", name)
            page.keyboard.press("Escape")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440
        assert page.locator("img[src=x]").count() == 0
        assert dialogs == []
        visitor.assert_no_errors()


def test_pictures_can_be_pasted_and_folders_added_without_system_files(world: PageWorld, tmp_path: Path) -> None:
    files = {"album/a.jpg": picture(30), "album/deep/b.jpg": picture(31), "album/.DS_Store": b"x"}
    for name, body in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(body)
    with world.visitor("ridge") as visitor:
        page = visitor.enter()
        visitor.pick("thumbnail")
        page.set_input_files("#folder", tmp_path / "album")
        page.evaluate(
            """(body) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(body)], "image.png", { type: "image/png" }));
                document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
            }""",
            list(encoded(painted_images.paint_landscape(32, 24, 5, painted_images.NOON), "PNG")),
        )
        visitor.drop(*write_files({"notes.txt": b"no picture", "empty.jpg": b""}, tmp_path))
        visitor.wait_for_cards(3)
        assert {name.split(" ")[0] for name in visitor.names()} == {"a.jpg", "b.jpg", "pasted"}
        visitor.see("document.querySelectorAll('.row[data-state=refused]').length === 2")
        messages = page.locator(".row[data-state=refused] .state").all_inner_texts()
        assert any("is in no supported format" in text for text in messages)
        assert any("has no bytes" in text for text in messages)
        visitor.assert_no_errors()
