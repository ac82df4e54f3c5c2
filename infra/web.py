"""The page's address: an HTTP API that lets nobody past it to `/api/` without a token of the login that it knows."""

from collections.abc import Mapping
from typing import cast

from aws_cdk import ArnFormat, Aws, Duration, Fn, RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import Settings
from infra.settings import Web as WebSettings

_ACCESS = (
    '{"time":"$context.requestTime","request":"$context.requestId","method":"$context.httpMethod",'
    '"path":"$context.path","status":"$context.status","ms":"$context.responseLatency","ip":"$context.identity.sourceIp",'
    '"authorizer":"$context.authorizer.error","integration":"$context.integrationErrorMessage"}'
)


_PUBLIC = ("/", "/{proxy+}", "/api/docs", "/api/openapi.json")


class Login(Construct):
    """Who customers are: a user pool made here, or the issuer of the company's own web app."""

    def __init__(self, scope: Construct, settings: Settings, address: str, removal: RemovalPolicy) -> None:
        """`address` is the page's, without a slash at the end: where one comes back to after the login."""
        super().__init__(scope, "Login")
        web = settings.web
        if web.login == "issuer":
            self.issuer, self.audience, self.client_id = web.issuer, list(web.audience), web.client_id
            self.authorize_url, self.token_url, self.logout_url = web.authorize_url, web.token_url, web.logout_url
            return
        pool = self._pool(web, removal)
        prefix = Fn.join("-", [settings.name, Aws.ACCOUNT_ID])
        pool.add_domain("Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=prefix))
        client = pool.add_client(
            "PageClient",
            generate_secret=False,  # a page keeps none: the code flow with PKCE needs none
            auth_flows=cognito.AuthFlow(user_srp=True),
            prevent_user_existence_errors=True,
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(1),
            # Whose images are whose is nothing that a customer may write
            write_attributes=cognito.ClientAttributes().with_standard_attributes(email=True),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL],
                callback_urls=[f"{address}/"],
                logout_urls=[f"{address}/"],
            ),
        )
        self.issuer, self.client_id = pool.user_pool_provider_url, client.user_pool_client_id
        self.audience = [client.user_pool_client_id]
        host = Fn.join("", ["https://", prefix, Fn.sub(".auth.${AWS::Region}.amazoncognito.com")])
        self.authorize_url, self.token_url = f"{host}/oauth2/authorize", f"{host}/oauth2/token"
        self.logout_url = f"{host}/logout"

    def _pool(self, web: WebSettings, removal: RemovalPolicy) -> cognito.UserPool:
        claim = web.customer_claim.removeprefix("custom:")
        return cognito.UserPool(
            self,
            "Users",
            self_sign_up_enabled=False,  # an operator says who is a customer, and which
            sign_in_aliases=cognito.SignInAliases(email=True),
            custom_attributes={claim: cognito.StringAttribute(mutable=True, min_len=1, max_len=64)},
            password_policy=cognito.PasswordPolicy(
                min_length=12, require_digits=True, require_lowercase=True, require_uppercase=True, require_symbols=True
            ),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            removal_policy=removal,
        )


class Page(Construct):
    """The HTTP API. Its address is known before the function is made: `address`; then `serve` it."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(scope, "Page")
        self._settings = settings
        self._api = apigateway.HttpApi(
            self,
            "Api",
            api_name=settings.name,
            description="Picture Perfect: the page and its API",
            create_default_stage=False,
            # Pages of the company's own that call it from a browser
            cors_preflight=apigateway.CorsPreflightOptions(
                allow_origins=list(settings.storage.upload_origins),
                allow_methods=[apigateway.CorsHttpMethod.ANY],
                allow_headers=["authorization", "content-type"],
                max_age=Duration.hours(1),
            )
            if settings.storage.upload_origins
            else None,
        )
        self.address = self._api.api_endpoint

    def serve(self, function: lambda_.IFunction, login: Login) -> None:
        """`/api/` for who is known; the page and what is written of the API, which hide nothing, for everyone."""
        integration = integrations.HttpLambdaIntegration("Function", function)
        authorizer = authorizers.HttpJwtAuthorizer("Login", login.issuer, jwt_audience=login.audience)
        methods = [apigateway.HttpMethod.GET, apigateway.HttpMethod.POST, apigateway.HttpMethod.DELETE]
        self._api.add_routes(path="/api/{proxy+}", methods=methods, integration=integration, authorizer=authorizer)
        for path in _PUBLIC:
            self._api.add_routes(path=path, methods=[apigateway.HttpMethod.GET], integration=integration)
        log = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/apigateway/{self._settings.name}",
            removal_policy=RemovalPolicy.DESTROY,
        )
        resource = cast("logs.CfnLogGroup", log.node.default_child)
        resource.retention_in_days = self._settings.functions.log_days
        apigateway.HttpStage(
            self,
            "Stage",
            http_api=self._api,
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=self._settings.web.requests_per_second, burst_limit=self._settings.web.burst
            ),
        )
        stage = cast("apigateway.CfnStage", self.node.find_child("Stage").node.default_child)
        stage.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=Stack.of(self).format_arn(
                service="logs",
                resource="log-group",
                resource_name=log.log_group_name,
                arn_format=ArnFormat.COLON_RESOURCE_NAME,
            ),
            format=_ACCESS,
        )

    def environment(self, login: Login) -> Mapping[str, str]:
        """What the page must know to send somebody to the login."""
        return {
            "LOGIN_CLIENT_ID": login.client_id,
            "LOGIN_AUTHORIZE_URL": login.authorize_url,
            "LOGIN_TOKEN_URL": login.token_url,
            "LOGIN_LOGOUT_URL": login.logout_url,
            "CUSTOMER_CLAIM": self._settings.web.customer_claim,
        }
