"""The page in Chromium on the embedded cloud: opening it, uploading to it, waiting for its contents."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from pictureperfect.demo import painted_images
from tests.support import waiting

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from localcloud.cloud import Cloud

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
needs_chromium = pytest.mark.skipif(not shutil.which(CHROMIUM), reason=f"There is no Chromium at {CHROMIUM}.")
TIMEOUT_MS = 1000 * waiting.HANGS_AFTER
#: Larger images go to Batch in the tests' cloud.
LAMBDA_MEGAPIXELS = 1.5

Theme = Literal["light", "dark"]
#: Records long tasks, slow frames and violations of the Content-Security-Policy in the page.
_WATCH = """
    // Before it fires `input` or `drop`, the browser lists the files and looks up their types, in the same task.
    // That time is recorded in `listing`, not in `longTasks`.
    window.longTasks = [];
    window.listing = [];
    window.handed = [];
    for (const type of ["input", "drop"])
        addEventListener(type, () => handed.push(performance.now()), { capture: true });
    new PerformanceObserver((list) => list.getEntries().forEach(({ startTime, duration }) => {
        const at = handed.find((at) => at > startTime && at < startTime + duration) ?? startTime;
        if (at > startTime) listing.push(Math.round(at - startTime));
        longTasks.push(Math.round(startTime + duration - at));
    })).observe({ type: "longtask", buffered: true });
    window.slowFrames = [];
    new PerformanceObserver((list) => list.getEntries().filter(({ duration }) => duration > 150).forEach((frame) =>
        slowFrames.push([Math.round(frame.duration), ...frame.scripts.map((script) =>
            [script.sourceURL.split("/").at(-1), script.sourceFunctionName, Math.round(script.duration)]
                .join(" "))])))
        .observe({ type: "long-animation-frame", buffered: true });
    window.violations = [];
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        violations.push(`${violatedDirective} ${blockedURI}`));
"""


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def ten() -> dict[str, bytes]:
    """Ten files of seven formats: one is corrupt, one is large enough for Batch."""
    dawn_jpeg = encoded(painted_images.paint_landscape(960, 640, 7, painted_images.DAWN), "JPEG", quality=92)
    paint, dawn, noon, dusk, night = (
        painted_images.paint_landscape,
        painted_images.DAWN,
        painted_images.NOON,
        painted_images.DUSK,
        painted_images.NIGHT,
    )
    return {
        "fjord at dawn.jpg": dawn_jpeg,
        "north face.png": encoded(paint(720, 480, 21, noon), "PNG"),
        "meadow + hay.webp": encoded(paint(960, 720, 33, noon), "WEBP", quality=90),
        "dusk over the ridge.avif": encoded(paint(900, 600, 3, dusk), "AVIF", quality=75, speed=9),
        "scan 0007.tif": encoded(paint(900, 675, 41, dawn), "TIFF"),
        "night walk.jpg": encoded(paint(810, 1080, 15, night), "JPEG", quality=90),
        "portrait of a hill.jpg": encoded(paint(800, 800, 42, dusk), "JPEG", quality=90),
        "short film.gif": encoded(paint(320, 240, 9, noon), "GIF"),
        "panorama.jpg": encoded(paint(1800, 1000, 57, dusk), "JPEG", quality=90),
        "broken.jpg": dawn_jpeg[:4000],
    }


def write_files(files: dict[str, bytes], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return [folder / name for name in files]


class Visitor:
    """A person using the page. Records the page's errors and policy violations, of which there must be none."""

    def __init__(self, cloud: "Cloud", context: "BrowserContext", customer: str) -> None:
        self.cloud, self.context, self.customer = cloud, context, customer
        tokens = {"token": cloud.login.token(customer), "until": 4e12}
        context.add_init_script(_WATCH)
        kept = json.dumps(json.dumps(tokens))
        context.add_init_script(f"if (!sessionStorage.tokens) sessionStorage.setItem('tokens', {kept});")
        self.page: Page = context.new_page()
        self.page.set_default_timeout(TIMEOUT_MS)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def enter(self, place: str = "#/") -> "Page":
        self.page.goto(f"{self.cloud.config.page_url}/{place}")
        self.page.wait_for_selector(".choice", state="attached")
        self.page.evaluate("window.loadedOnce = true")
        return self.page

    def go(self, place: str) -> "Page":
        """Switch to another view without reloading, in the light theme."""
        self.page.emulate_media(color_scheme="light")
        self.page.evaluate("place => { location.hash = place; }", place)
        self.page.wait_for_selector("#viewer", state="hidden")
        self.page.wait_for_selector("#numbers" if "numbers" in place else "#gallery")
        return self.page

    def pick(self, pipeline: str) -> None:
        self.page.locator(f"input[name=pipeline][value={pipeline}]").check()

    def drop(self, *paths: Path) -> None:
        self.page.set_input_files("#files", [str(path) for path in paths])

    def drop_from_desk(self, *paths: Path) -> None:
        """Drop files as a file manager does, through the browser itself."""
        line = self.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for step in ("dragEnter", "dragOver", "drop"):
            line.send("Input.dispatchDragEvent", {"type": step, "x": 400, "y": 300, "data": data})
        line.detach()

    def wait_until_finished(self, count: int) -> None:
        """Wait until `count` uploads of the queue have ended."""
        ended = ".row:is([data-state=done], [data-state=failed])"
        self.see("([rows, count]) => document.querySelectorAll(rows).length === count", [ended, count], seconds=900)

    def see(self, expression: str, argument: object = None, seconds: float = waiting.HANGS_AFTER) -> None:
        """Wait until a JavaScript expression is true. Playwright's own waiting needs eval, which the policy forbids."""
        until(lambda: bool(self.page.evaluate(expression, argument)), self.page, seconds)

    def names(self) -> list[str]:
        return self.page.locator(".card .name").evaluate_all("elements => elements.map((name) => name.textContent)")  # type: ignore[no-any-return]

    def wait_for_cards(self, count: int) -> None:
        self.see("count => document.querySelectorAll('.card').length === count", count)

    def wait_for_names(self, *names: str) -> None:
        """Wait until the cards are exactly these, in this order."""
        until(lambda: self.names() == list(names), self.page)

    def assert_no_errors(self) -> None:
        """Check that no script failed and no policy was violated."""
        assert self.errors == []
        assert self.page.evaluate("violations") == []

    def accessibility_violations(self) -> list[str]:
        """Serious and critical violations that axe-core finds once no transition of colours runs."""
        self.see("!document.getAnimations().some((each) => each instanceof CSSTransition)")
        answer = Axe().run(self.page).response
        assert len(answer["passes"]) > 15  # axe did run
        return [
            f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
            for violation in answer["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]


class PageWorld:
    """A cloud and a browser; each visitor has a browser context of its own."""

    def __init__(self, cloud: "Cloud", browser: "Browser") -> None:
        self.cloud, self.browser = cloud, browser

    @contextmanager
    def visitor(
        self, customer: str, width: int = 1440, height: int = 1000, theme: Theme = "light", **options: Any
    ) -> Iterator[Visitor]:
        phone = width < 500
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            is_mobile=phone,
            has_touch=phone,
            reduced_motion="reduce",
            bypass_csp=False,
            **options,
        )
        try:
            yield Visitor(self.cloud, context, customer)
        finally:
            context.close()


def photograph(page: "Page", path: Path, max_bytes: int = 300_000) -> None:
    """Save a screenshot with 256 dithered colours, to keep the file under `max_bytes`."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for method in (Image.Quantize.MEDIANCUT, Image.Quantize.FASTOCTREE):
        palette = picture.quantize(256, method=method)
        picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)
        if path.stat().st_size < max_bytes:
            return


def until(done: Callable[[], bool], page: "Page", seconds: float = waiting.HANGS_AFTER) -> None:
    """Wait until `done()` is true, while the page goes on."""
    waiting.until(done, seconds, lambda: page.wait_for_timeout(100))


def count(s3: Any, prefix: str) -> int:
    return int(s3.list_objects_v2(Bucket="pictures", Prefix=prefix)["KeyCount"])
