"""The object that Lambda writes to an S3 failure destination."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4


def failure_document(folder: str, request_context: Mapping[str, Any], **content: object) -> tuple[str, bytes]:
    """Key, under aws/lambda/`folder`/, and content of the document; `content` are its further fields."""
    now = datetime.now(UTC)
    document = {
        "version": "1.0",
        "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": request_context,
        **content,
    }
    return f"aws/lambda/{folder}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid4()}", json.dumps(document).encode()
