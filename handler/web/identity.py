"""Who asks. The gateway has verified the token and hands its claims on; nothing else is believed.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html: payload 2.0
"""

from collections.abc import Mapping
from typing import Any

from core.domain import object_keys
from core.domain.errors import Code, Refusal


def customer(scope: Mapping[str, Any], claim: str) -> str:
    """The customer whose the request is.

    Raises Refusal: NOT_AUTHENTICATED where it did not come through the gateway's authorizer, NO_CUSTOMER where the
    token says nothing that can be a customer.
    """
    claims = _claims(scope.get("aws.event"))
    if claims is None:
        raise Refusal(Code.NOT_AUTHENTICATED, "The request did not come through the gateway with a token.")
    name = claims.get(claim)
    if not isinstance(
        name, str
    ):  # of an array the gateway makes text in brackets, which no customer's name begins with
        raise Refusal(Code.NO_CUSTOMER, f"The token's claim {claim} is missing: it says which customer you are of.")
    try:
        return object_keys.check_customer(name)
    except Refusal as error:
        raise Refusal(Code.NO_CUSTOMER, f"The token's claim {claim} is no customer's name.") from error


def _claims(event: object) -> Mapping[str, Any] | None:
    node: Any = event
    if not isinstance(node, dict) or node.get("version") != "2.0":
        return None
    for step in ("requestContext", "authorizer", "jwt", "claims"):
        node = node.get(step) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None
