"""The customer of a request, from the token's claims that API Gateway verified. Nothing else in a request counts.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html: payload 2.0
"""

from collections.abc import Mapping
from typing import Any

from core.domain import object_keys
from core.domain.errors import Code, Refusal


def authenticated_customer(scope: Mapping[str, Any], claim: str) -> str:
    """The customer named by `claim`, a claim of the token. `scope` is the ASGI scope that Mangum makes.

    Raises Refusal: NOT_AUTHENTICATED if the request did not pass the gateway's authorizer, NO_CUSTOMER if the claim
    is missing or cannot be a customer's name.
    """
    claims = _claims(scope.get("aws.event"))
    if claims is None:
        raise Refusal(Code.NOT_AUTHENTICATED, "The request did not come through the gateway with a token.")
    name = claims.get(claim)
    # The gateway turns an array into text in brackets, which no customer's name begins with
    if not isinstance(name, str):
        raise Refusal(Code.NO_CUSTOMER, f"The token's claim {claim} is missing: it names your customer.")
    try:
        return object_keys.check_customer(name)
    except Refusal as error:
        raise Refusal(Code.NO_CUSTOMER, f"The token's claim {claim} is not a valid customer name.") from error


def _claims(event: object) -> Mapping[str, Any] | None:
    node: Any = event
    if not isinstance(node, dict) or node.get("version") != "2.0":
        return None
    for step in ("requestContext", "authorizer", "jwt", "claims"):
        node = node.get(step) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None
