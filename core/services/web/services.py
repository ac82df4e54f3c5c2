"""What the page's door is given: the use cases, and what it must know of the deployment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core.ports.gallery import PipelineSummary
from core.services.web.gallery import Gallery
from core.services.web.uploads import Uploading
from core.settings.entries import WebSettings


@dataclass(frozen=True, kw_only=True)
class Web:
    """The services of `handler.web`. `csp_source` is what of S3 a browser must be allowed to reach."""

    settings: WebSettings
    uploading: Uploading
    gallery: Gallery
    pipelines: Callable[[], Mapping[str, PipelineSummary]]
    csp_source: str
