"""The page: its API needs a token of the login."""

from typing import Any

import pytest

from tests.infra.stack import ACCOUNT, REGION, Stack

#: The page, and the documents of its API: neither holds a customer's data.
WITHOUT_TOKEN = {"GET /", "GET /{proxy+}", "GET /api/docs", "GET /api/openapi.json"}


def routes(stack: Stack) -> dict[str, dict[str, Any]]:
    return {properties["RouteKey"]: properties for properties in stack.properties_of("ApiGatewayV2::Route").values()}


@pytest.mark.parametrize("which", ["shipped", "other"])
def test_every_route_but_the_page_needs_a_token(request: pytest.FixtureRequest, which: str) -> None:
    stack: Stack = request.getfixturevalue(which)
    authorizer = stack.logical_id("ApiGatewayV2::Authorizer")
    for key, route in routes(stack).items():
        if key in WITHOUT_TOKEN:
            assert route["AuthorizationType"] == "NONE"
        else:
            assert key.endswith(" /api/{proxy+}")
            assert (route["AuthorizationType"], route["AuthorizerId"]) == ("JWT", f"<{authorizer}>")
    assert set(routes(stack)) - WITHOUT_TOKEN == {f"{method} /api/{{proxy+}}" for method in ("GET", "POST", "DELETE")}


def test_the_login_is_the_user_pool_of_the_stack(shipped: Stack) -> None:
    jwt = shipped.only("ApiGatewayV2::Authorizer")["JwtConfiguration"]
    pool, client = shipped.logical_id("Cognito::UserPool"), shipped.logical_id("Cognito::UserPoolClient")
    assert jwt == {"Audience": [f"<{client}>"], "Issuer": f"<{pool}.ProviderURL>"}
    environment = shipped.environment("web")
    host = f"https://picture-perfect-{ACCOUNT}.auth.{REGION}.amazoncognito.com"
    assert environment["LOGIN_CLIENT_ID"] == f"<{client}>"
    assert environment["LOGIN_AUTHORIZE_URL"] == f"{host}/oauth2/authorize"
    assert environment["LOGIN_TOKEN_URL"] == f"{host}/oauth2/token"
    assert environment["LOGIN_LOGOUT_URL"] == f"{host}/logout"
    assert shipped.only("Cognito::UserPoolDomain")["Domain"] == f"picture-perfect-{ACCOUNT}"


def test_users_cannot_sign_up_or_set_their_customer(shipped: Stack) -> None:
    pool, client = shipped.only("Cognito::UserPool"), shipped.only("Cognito::UserPoolClient")
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert [properties["Name"] for properties in pool["Schema"]] == ["customer"]
    assert shipped.environment("web")["CUSTOMER_CLAIM"] == "custom:customer"
    assert client["WriteAttributes"] == ["email"]


def test_the_login_redirects_to_the_page_only_by_the_code_flow(shipped: Stack) -> None:
    client = shipped.only("Cognito::UserPoolClient")
    page = f"<{shipped.logical_id('ApiGatewayV2::Api')}.ApiEndpoint>/"
    assert client["CallbackURLs"] == client["LogoutURLs"] == [page]
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["GenerateSecret"] is False
    assert client["PreventUserExistenceErrors"] == "ENABLED"


def test_tokens_of_the_companys_issuer_are_accepted(other: Stack) -> None:
    assert not other.properties_of("Cognito::UserPool")
    jwt = other.only("ApiGatewayV2::Authorizer")["JwtConfiguration"]
    assert jwt == {"Audience": ["pictures"], "Issuer": "https://login.example.com/"}
    environment = other.environment("web")
    assert environment["CUSTOMER_CLAIM"] == "tenant"
    assert environment["LOGIN_CLIENT_ID"] == "page"


def test_the_api_is_throttled_and_its_requests_are_logged(shipped: Stack) -> None:
    stage = shipped.only("ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"] == {"ThrottlingBurstLimit": 100, "ThrottlingRateLimit": 50}
    log = shipped.only("Logs::LogGroup", LogGroupName="/aws/apigateway/picture-perfect")
    assert log["RetentionInDays"] == 30
    assert "/aws/apigateway/picture-perfect" not in stage["AccessLogSettings"]["Format"]
    # A token is never logged
    assert "$context.authorizer.error" in stage["AccessLogSettings"]["Format"]
    assert "claims" not in stage["AccessLogSettings"]["Format"]


def test_the_function_answers_before_the_api_gives_up(shipped: Stack) -> None:
    assert shipped.function("web")["Timeout"] < 30


def test_only_upload_origins_may_call_the_api_from_a_browser(shipped: Stack, other: Stack) -> None:
    assert "CorsConfiguration" not in shipped.only("ApiGatewayV2::Api")
    assert other.only("ApiGatewayV2::Api")["CorsConfiguration"]["AllowOrigins"] == ["https://app.example.com"]


def test_only_the_api_may_invoke_the_web_function(shipped: Stack) -> None:
    web = shipped.arn("Lambda::Function", Description="handler.web.handle")
    api = shipped.logical_id("ApiGatewayV2::Api")
    permissions = [
        properties
        for properties in shipped.properties_of("Lambda::Permission").values()
        if properties["FunctionName"] == web
    ]
    assert permissions
    for properties in permissions:
        assert properties["Principal"] == "apigateway.amazonaws.com"
        assert properties["SourceArn"].startswith(f"arn:aws:execute-api:{REGION}:{ACCOUNT}:<{api}>/")
