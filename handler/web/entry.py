"""The Lambda function behind API Gateway's HTTP API, whose events (payload 2.0) Mangum translates to ASGI and back."""

import os

from mangum import Mangum

from core import bootstrap
from handler.web.app import application

handle = Mangum(
    application(bootstrap.web(os.environ)),
    lifespan="off",
    text_mime_types=["text/", "application/json", "application/problem+json", "image/svg+xml"],
)
