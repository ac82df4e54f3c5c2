"""Lambda's Invoke API, so that any SDK with AWS_ENDPOINT_URL_LAMBDA reaches the functions."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.http_server import aws_error, aws_response, post_route
from localcloud.lambda_.async_invoke import AsyncInvoker
from localcloud.lambda_.function import MAX_PAYLOAD, Function, FunctionClosedError

#: The largest payload of an asynchronous invocation, in bytes.
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ASYNC_PAYLOAD = 1_048_576


def invoke_routes(functions: Mapping[str, Function], invokers: Mapping[str, AsyncInvoker] | None = None) -> list[Route]:
    """The API's one route. `invokers` take the `Event` invocations, by function name."""

    def answer(request: Request, body: bytes) -> Response:
        asynchronous = request.headers.get("X-Amz-Invocation-Type") == "Event"
        limit = MAX_ASYNC_PAYLOAD if asynchronous else MAX_PAYLOAD
        if len(body) > limit:
            message = f"{len(body)} byte payload is too large for the {limit} byte limit"
            return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestTooLargeException", message)
        name = request.path_params["name"].split(":")[-1]
        if name not in functions:
            return _error(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", f"Function not found: {name}")
        try:
            event = json.loads(body or b"{}")
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            return _error(HTTPStatus.BAD_REQUEST, "InvalidRequestContentException", message)
        if asynchronous:
            return aws_response(HTTPStatus.ACCEPTED, b"", request_id=(invokers or {})[name].submit(event))
        try:
            invocation = functions[name].invoke(event)
        except FunctionClosedError:
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceException", "The cloud is going down")
        headers = {"X-Amz-Executed-Version": "$LATEST"}
        if invocation.error:
            headers["X-Amz-Function-Error"] = invocation.error
        payload = json.dumps(invocation.payload).encode()
        return aws_response(HTTPStatus.OK, payload, headers, invocation.request_id)

    return [post_route("/2015-03-31/functions/{name}/invocations", answer)]


def _error(status: HTTPStatus, error_type: str, message: str) -> Response:
    return aws_error(status, error_type, {"Type": "User", "message": message, "Message": message})
