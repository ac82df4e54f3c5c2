"""The Lambda function behind API Gateway's HTTP API."""

import os

from core import bootstrap
from handler.web.gateway import function

handle = function(bootstrap.web(os.environ))
