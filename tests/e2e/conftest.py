"""The embedded cloud and a browser, for the tests of the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright

from localcloud.cloud import Cloud
from localcloud.config import Options
from tests.support.web.page_world import ARGUMENTS, CHROMIUM, LAMBDA_MEGAPIXELS, PageWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageWorld]:
    options = Options(lambda_max_megapixels=LAMBDA_MEGAPIXELS)
    with sync_playwright() as playwright, Cloud(tmp_path_factory.mktemp("page"), options) as cloud:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield PageWorld(cloud, browser)
        finally:
            browser.close()
