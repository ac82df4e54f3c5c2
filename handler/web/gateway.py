"""API Gateway's events (payload 2.0) to ASGI and back, by Mangum."""

from mangum import Mangum

from core.services.web.services import Web
from handler.web.app import application

_TEXT = ["text/", "application/json", "application/problem+json", "image/svg+xml"]


def function(web: Web) -> Mangum:
    """What Lambda calls, on given services."""
    return Mangum(application(web), lifespan="off", text_mime_types=_TEXT)
