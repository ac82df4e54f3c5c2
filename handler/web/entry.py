"""The Lambda function behind API Gateway's HTTP API."""

import os

from core.bootstrap.web import web_services
from handler.web.gateway import function

handle = function(web_services(os.environ))
