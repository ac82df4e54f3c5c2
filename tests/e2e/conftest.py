"""The embedded cloud with a browser before it, for those who test the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright

from localcloud.cloud import Cloud
from localcloud.config import Options
from tests.support.web.page_world import ARGUMENTS, CHROMIUM, LAMBDA_MEGAPIXELS, House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    options = Options(lambda_max_megapixels=LAMBDA_MEGAPIXELS)
    with sync_playwright() as playwright, Cloud(tmp_path_factory.mktemp("page"), options) as cloud:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield House(cloud, browser)
        finally:
            browser.close()
