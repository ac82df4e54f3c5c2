"""API Gateway's HTTP API in front of `handler.web`, with an OpenID Connect provider."""
