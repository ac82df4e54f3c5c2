"""Reports by the operator's Lambda function, for callers outside the database's network."""

import json
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from core.adapters.aws.errors import translate_errors
from core.domain import errors
from core.domain.errors import Code, Misconfigured, PicturePerfectError
from core.ports.report_rows import Page, PageCursor
from core.ports.reports import Report, ReportQuery

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_Answer = TypeVar("_Answer", Report, Page)
_ERROR_TYPES = {
    kind.__name__: kind for kind in (errors.ImageFailure, errors.Refusal, errors.Unavailable, errors.Misconfigured)
}


class FunctionReports:
    """The Reports port by invoking `handler.admin`. Raises the error that the function raised."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        """`function`: its name or ARN."""
        self._client = client
        self._function = function

    def report(self, query: ReportQuery) -> Report:
        return self._invoke(Report, {**msgspec.to_builtins(query), "of": "report"})

    def page(self, query: ReportQuery, cursor: PageCursor | None = None) -> Page:
        return self._invoke(Page, {**msgspec.to_builtins(query), "of": "rows", "place": msgspec.to_builtins(cursor)})

    def _invoke(self, answer_type: type[_Answer], request: dict[str, Any]) -> _Answer:
        payload = json.dumps({"action": "report", **request})
        with translate_errors(f"Invoking the function {self._function}", Code.DATABASE_UNAVAILABLE):
            answer = self._client.invoke(FunctionName=self._function, Payload=payload)
            body = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise self._error(body)
        try:
            return msgspec.json.decode(body, type=answer_type)
        except msgspec.DecodeError as error:
            message = f"The function {self._function} is of another release than this command: {error}."
            raise Misconfigured(Code.INVALID_RESULT, message) from error

    def _error(self, body: bytes) -> PicturePerfectError:
        """The function's error: of its own type if that is one of the project's, else Misconfigured with its text."""
        document: dict[str, Any] = json.loads(body or b"{}")
        error_message = str(document.get("errorMessage", ""))
        code, _, message = error_message.partition(": ")
        error_type = _ERROR_TYPES.get(str(document.get("errorType")))
        if error_type and code in set(Code):
            return error_type(Code(code), message)
        text = document.get("errorMessage") or "no message"
        return Misconfigured(Code.INVALID_RESULT, f"The function {self._function} failed with: {text}")
