"""API Gateway's events (payload 2.0) to ASGI and back, by Mangum."""

from mangum import Mangum

from core.services.web.services import WebServices
from handler.web.app import application

_TEXT = ["text/", "application/json", "application/problem+json", "image/svg+xml"]


def lambda_handler(services: WebServices) -> Mangum:
    """The Lambda handler of the web application."""
    return Mangum(application(services), lifespan="off", text_mime_types=_TEXT)
