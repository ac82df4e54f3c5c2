"""The services of the web API as one value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.ports.gallery import PipelineSummary
from core.services.web.gallery import Gallery
from core.services.web.uploads import Uploads
from core.settings.entries import WebSettings


@dataclass(frozen=True, kw_only=True)
class WebServices:
    """The use cases and settings of `handler.web`. `csp_source`: S3 as a Content-Security-Policy source."""

    settings: WebSettings
    uploads: Uploads
    gallery: Gallery
    pipelines: Callable[[], Mapping[str, PipelineSummary]]
    csp_source: str
