"""The HTTP API of the page, and the OpenID Connect provider whose tokens open `/api/`."""

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

from infra.settings.schema import Settings

#: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
_ACCESS_LOG_FORMAT = (
    '{"time":"$context.requestTime","request":"$context.requestId","method":"$context.httpMethod",'
    '"path":"$context.path","status":"$context.status","ms":"$context.responseLatency","ip":"$context.identity.sourceIp",'
    '"authorizer":"$context.authorizer.error","integration":"$context.integrationErrorMessage"}'
)
#: Without a token: the page, and the documents of its API. Neither holds a customer's data.
_PUBLIC = ("/", "/{proxy+}", "/api/docs", "/api/openapi.json")


class OidcProvider(Construct):
    """A Cognito user pool, or the issuer of the company's own web app (`web.login`)."""

    def __init__(self, scope: Construct, settings: Settings, page_url: str, removal_policy: RemovalPolicy) -> None:
        """`page_url`: the callback of the login, without a slash at the end."""
        super().__init__(scope, "Login")
        web = self._settings = settings.web
        if web.login == "issuer":
            self.issuer, self.audience, self.client_id = web.issuer, list(web.audience), web.client_id
            self.authorize_url, self.token_url, self.logout_url = web.authorize_url, web.token_url, web.logout_url
            return
        pool = self._user_pool(removal_policy)
        prefix = Fn.join("-", [settings.name, Aws.ACCOUNT_ID])
        pool.add_domain("Domain", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=prefix))
        client = pool.add_client(
            "PageClient",
            generate_secret=False,  # a page cannot keep one, and the code flow with PKCE needs none
            auth_flows=cognito.AuthFlow(user_srp=True),
            prevent_user_existence_errors=True,
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(1),
            # The attribute that names the customer is not among them
            write_attributes=cognito.ClientAttributes().with_standard_attributes(email=True),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[cognito.OAuthScope.OPENID, cognito.OAuthScope.EMAIL],
                callback_urls=[f"{page_url}/"],
                logout_urls=[f"{page_url}/"],
            ),
        )
        self.issuer, self.client_id = pool.user_pool_provider_url, client.user_pool_client_id
        self.audience = [client.user_pool_client_id]
        host = Fn.join("", ["https://", prefix, Fn.sub(".auth.${AWS::Region}.amazoncognito.com")])
        self.authorize_url, self.token_url = f"{host}/oauth2/authorize", f"{host}/oauth2/token"
        self.logout_url = f"{host}/logout"

    def environment(self) -> Mapping[str, str]:
        """The environment by which the page finds the login."""
        return {
            "LOGIN_CLIENT_ID": self.client_id,
            "LOGIN_AUTHORIZE_URL": self.authorize_url,
            "LOGIN_TOKEN_URL": self.token_url,
            "LOGIN_LOGOUT_URL": self.logout_url,
            "CUSTOMER_CLAIM": self._settings.customer_claim,
        }

    def _user_pool(self, removal_policy: RemovalPolicy) -> cognito.UserPool:
        claim = self._settings.customer_claim.removeprefix("custom:")
        return cognito.UserPool(
            self,
            "Users",
            self_sign_up_enabled=False,  # an operator adds users, and sets their customer
            sign_in_aliases=cognito.SignInAliases(email=True),
            custom_attributes={claim: cognito.StringAttribute(mutable=True, min_len=1, max_len=64)},
            password_policy=cognito.PasswordPolicy(
                min_length=12, require_digits=True, require_lowercase=True, require_uppercase=True, require_symbols=True
            ),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            removal_policy=removal_policy,
        )


class WebApi(Construct):
    """The HTTP API. Its `endpoint` is known before the function exists that `add_routes` connects."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(scope, "Page")
        self._settings = settings
        self._api = apigateway.HttpApi(
            self,
            "Api",
            api_name=settings.name,
            description="Picture Perfect: the page and its API",
            create_default_stage=False,
            cors_preflight=apigateway.CorsPreflightOptions(
                allow_origins=list(settings.storage.upload_origins),
                allow_methods=[apigateway.CorsHttpMethod.ANY],
                allow_headers=["authorization", "content-type"],
                max_age=Duration.hours(1),
            )
            if settings.storage.upload_origins
            else None,
        )
        self.endpoint = self._api.api_endpoint

    def add_routes(self, function: lambda_.IFunction, provider: OidcProvider) -> None:
        """`/api/` needs a token of `provider`; the page and the documents of the API need none."""
        integration = integrations.HttpLambdaIntegration("Function", function)
        authorizer = authorizers.HttpJwtAuthorizer("Login", provider.issuer, jwt_audience=provider.audience)
        methods = [apigateway.HttpMethod.GET, apigateway.HttpMethod.POST, apigateway.HttpMethod.DELETE]
        self._api.add_routes(path="/api/{proxy+}", methods=methods, integration=integration, authorizer=authorizer)
        for path in _PUBLIC:
            self._api.add_routes(path=path, methods=[apigateway.HttpMethod.GET], integration=integration)
        self._add_stage()

    def _add_stage(self) -> None:
        """The default stage, throttled, with an access log."""
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
            format=_ACCESS_LOG_FORMAT,
        )
