"""Reports by the operator's function in AWS: it is inside the database's network, who asks is not."""

import json
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from core.adapters.aws.errors import translated
from core.domain import errors
from core.domain.errors import Code, Misconfigured, PicturePerfectError
from core.ports.reports import Page, Place, Question, Report

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_Answer = TypeVar("_Answer", Report, Page)
_KINDS = (errors.ImageFailure, errors.Refusal, errors.Unavailable, errors.Misconfigured)


class FunctionReports:
    """Asks `handler.admin`, by the function's name or ARN. Raises what the function raised."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def report(self, question: Question) -> Report:
        return self._ask(Report, {**msgspec.to_builtins(question), "of": "report"})

    def page(self, question: Question, place: Place | None = None) -> Page:
        return self._ask(Page, {**msgspec.to_builtins(question), "of": "rows", "place": msgspec.to_builtins(place)})

    def _ask(self, kind: type[_Answer], question: dict[str, Any]) -> _Answer:
        payload = json.dumps({"action": "report", **question})
        with translated(f"Asking the function {self._function}", Code.DATABASE_UNAVAILABLE):
            answer = self._client.invoke(FunctionName=self._function, Payload=payload)
            body = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise self._raised(body)
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            message = f"The function {self._function} is of another release than this command: {error}."
            raise Misconfigured(Code.INVALID_RESULT, message) from error

    def _raised(self, body: bytes) -> PicturePerfectError:
        """What the function raised, as far as it is ours."""
        said: dict[str, Any] = json.loads(body or b"{}")
        code, _, message = str(said.get("errorMessage", "")).partition(": ")
        kind = next((kind for kind in _KINDS if kind.__name__ == said.get("errorType")), None)
        if kind and code in set(Code):
            return kind(Code(code), message)
        told = said.get("errorMessage") or "nothing"
        return Misconfigured(Code.INVALID_RESULT, f"The function {self._function} failed; it said: {told}")
