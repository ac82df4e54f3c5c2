"""Senders of images, as a customer's program sends them: by presigned upload or by direct invoke."""

import base64
import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener
from uuid import uuid4

import click

from core.domain.errors import Code, Unavailable
from localcloud import clients
from localcloud.config import CloudConfig

#: Bytes of the largest image in a direct invoke: in base64 it grows by a third, and Lambda's payload has 6 MB.
MAX_DIRECT = 4_500_000


def send_upload(config: CloudConfig, customer: str, pipeline: str, name: str, body: bytes) -> str:
    """Send by a presigned POST, as a web page does. Returns the key, before the image is processed.

    Raises Unavailable(STORE_UNAVAILABLE).
    """
    key = f"incoming/{customer}/{pipeline}/{uuid4()}/{name}"
    form = clients.s3(config.endpoint).generate_presigned_post(config.bucket, key, ExpiresIn=300)
    boundary = uuid4().hex
    content = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in form["fields"].items()
    )
    content += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="upload"\r\n\r\n'.encode()
    content += body + f"\r\n--{boundary}--\r\n".encode()
    request = Request(form["url"], data=content, method="POST")  # noqa: S310 - the embedded cloud's own
    request.add_header("Content-Type", f"multipart/form-data; boundary={boundary}")
    try:
        build_opener(ProxyHandler({})).open(request, timeout=60).close()
    except HTTPError as error:
        raise Unavailable(Code.STORE_UNAVAILABLE, f"The upload of {name} was refused: {error}") from error
    return key


def send_direct(config: CloudConfig, customer: str, pipeline: str, name: str, body: bytes) -> dict[str, Any]:
    """Invoke the function `process` with the bytes in the event. Returns the result.

    Raises ClickException if the image is too large or refused.
    """
    if len(body) > MAX_DIRECT:
        raise click.ClickException(
            f"{name} has {len(body):,} bytes; the direct door takes {MAX_DIRECT:,}. Use --door upload."
        )
    event = {"customer": customer, "pipeline": pipeline, "filename": name, "image": base64.b64encode(body).decode()}
    answer = clients.lambda_(config.lambda_endpoint).invoke(FunctionName="process", Payload=json.dumps(event))
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise click.ClickException(f"{name} was refused: {result.get('errorMessage')}")
    return result
