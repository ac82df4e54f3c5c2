"""docs/reference/openapi.json: the OpenAPI document that `handler.web` serves."""

from handler.web.openapi import document_text
from tools.docs.section import Section

SECTION = Section("reference/openapi.json", "", document_text)
