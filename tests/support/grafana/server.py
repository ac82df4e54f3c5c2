"""A fake of Grafana's HTTP API: it stores folders, dashboards and rules, and refuses what the documentation refuses.

https://grafana.com/docs/grafana/v11.6/developers/http_api/dashboard/
https://grafana.com/docs/grafana/v11.6/developers/http_api/folder/
https://grafana.com/docs/grafana/v11.6/developers/http_api/alerting_provisioning/
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Json = dict[str, Any]
_CHANGED = "The dashboard has been changed by someone else"


@dataclass
class Saved:
    """A dashboard: each version, with its message."""

    folder: str
    versions: list[tuple[Json, str]] = field(default_factory=list)


class ErrorResponse(Exception):  # noqa: N818 - a response
    def __init__(self, code: int, **body: str) -> None:
        self.code, self.body = code, body


@dataclass
class GrafanaServer:
    """The state. `roles` has the role of each token; `writes` counts requests that change the state."""

    url: str = ""
    #: The path of a reverse proxy; URLs of dashboards begin with it.
    prefix: str = ""
    roles: dict[str, str] = field(default_factory=lambda: {"admin": "Admin", "editor": "Editor", "viewer": "Viewer"})
    sources: list[Json] = field(default_factory=list)
    folders: dict[str, str] = field(default_factory=dict)
    dashboards: dict[str, Saved] = field(default_factory=dict)
    groups: dict[tuple[str, str], Json] = field(default_factory=dict)
    writes: int = 0

    def add_source(self, uid: str, kind: str, name: str = "") -> None:
        self.sources.append({"id": len(self.sources) + 1, "uid": uid, "type": kind, "name": name or uid})

    def edit(self, uid: str, **changes: Any) -> None:
        """Change a dashboard and save it, as a user does."""
        saved = self.dashboards[uid]
        saved.versions.append(({**saved.versions[-1][0], **changes}, "tidied up"))

    def answer(self, method: str, path: str, token: str, body: Json, headers: dict[str, str]) -> Any:
        role = self.roles.get(token)
        if role is None:
            raise ErrorResponse(401, message="Invalid API key")
        if method != "GET":
            if role == "Viewer" or (role == "Editor" and path.startswith("/api/v1/provisioning")):
                raise ErrorResponse(403, message="You'll need additional permissions to perform this action.")
            self.writes += 1
        for pattern, action in self._routes(method, body, headers):
            found = re.fullmatch(pattern, path)
            if found:
                return action(*found.groups())
        raise ErrorResponse(404, message="Not found")

    def _routes(self, method: str, body: Json, headers: dict[str, str]) -> Iterator[tuple[str, Any]]:
        group = r"/api/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)"
        if method == "GET":
            yield r"/api/datasources", lambda: self.sources
            yield r"/api/folders/([^/]+)", self._folder
            yield r"/api/dashboards/uid/([^/]+)", self._dashboard
            yield r"/api/dashboards/uid/([^/]+)/versions\?limit=1", self._versions
            yield group, self._group
            yield r"/api/v1/provisioning/alert-rules/([^/]+)", self.rule
        if method == "POST":
            yield r"/api/folders", lambda: self._make_folder(body)
            yield r"/api/dashboards/db", lambda: self._save(body)
        if method == "PUT":
            yield group, lambda folder, name: self._put_group(folder, name, body, headers)

    def _folder(self, uid: str) -> Json:
        if uid not in self.folders:
            raise ErrorResponse(404, message="folder not found", status="not-found")
        return {"uid": uid, "title": self.folders[uid]}

    def _make_folder(self, body: Json) -> Json:
        if body["uid"] in self.folders or body["title"] in self.folders.values():
            raise ErrorResponse(409, message="a folder with the same name already exists in the current location")
        self.folders[body["uid"]] = body["title"]
        return body

    def _dashboard(self, uid: str) -> Json:
        if uid not in self.dashboards:
            raise ErrorResponse(404, message="Dashboard not found")
        saved = self.dashboards[uid]
        number = len(saved.versions)
        held = {**saved.versions[-1][0], "id": 7, "version": number}
        return {
            "dashboard": held,
            "meta": {"url": f"{self.prefix}/d/{uid}/board", "folderUid": saved.folder, "version": number},
        }

    def _versions(self, uid: str) -> Json:
        saved = self.dashboards[uid]
        return {"continueToken": "", "versions": [{"version": len(saved.versions), "message": saved.versions[-1][1]}]}

    def _save(self, body: Json) -> Json:
        board, uid = body["dashboard"], body["dashboard"]["uid"]
        if body["folderUid"] not in self.folders:
            raise ErrorResponse(400, message="folder not found")
        saved = self.dashboards.get(uid)
        if saved and not body["overwrite"] and board.get("version") != len(saved.versions):
            raise ErrorResponse(412, message=_CHANGED, status="version-mismatch")
        saved = self.dashboards.setdefault(uid, Saved(body["folderUid"]))
        saved.folder = body["folderUid"]
        kept = {key: value for key, value in board.items() if key not in {"id", "version"}}
        saved.versions.append((kept, body.get("message", "")))
        return {"uid": uid, "url": f"{self.prefix}/d/{uid}/board", "status": "success", "version": len(saved.versions)}

    def _group(self, folder: str, name: str) -> Json:
        if (folder, name) not in self.groups:
            raise ErrorResponse(404, message="rule group does not exist")
        return self.groups[folder, name]

    def _put_group(self, folder: str, name: str, body: Json, headers: dict[str, str]) -> Json:
        known = {source["uid"] for source in self.sources} | {"__expr__"}
        if folder not in self.folders or body["interval"] % 10:
            raise ErrorResponse(400, message="invalid alert rule: folder or interval")
        for rule in body["rules"]:
            if rule["folderUID"] != folder or rule["ruleGroup"] != name or not rule["orgID"]:
                raise ErrorResponse(400, message="invalid alert rule: it is of another group")
            if ("__dashboardUid__" in rule["annotations"]) != ("__panelId__" in rule["annotations"]):
                raise ErrorResponse(400, message="both annotations must be specified")
            for data in rule["data"]:
                if data["datasourceUid"] not in known:
                    raise ErrorResponse(
                        400, message=f"invalid alert rule: data source {data['datasourceUid']} not found"
                    )
        provenance = "" if headers.get("X-Disable-Provenance") else "api"
        rules = [
            {**_stored_rule(rule), "id": number, "provenance": provenance}
            for number, rule in enumerate(body["rules"], 1)
        ]
        uids = {rule["uid"] for rule in rules}
        for other in self.groups.values():  # a rule is in one group
            other["rules"] = [rule for rule in other["rules"] if rule["uid"] not in uids]
        group: Json = {**body, "rules": rules}
        self.groups[folder, name] = group
        return group

    def rule(self, uid: str) -> Json:
        found: list[Json] = [rule for group in self.groups.values() for rule in group["rules"] if rule["uid"] == uid]
        if not found:
            raise ErrorResponse(404, message="alert rule not found")
        return found[0]


def _stored_rule(rule: Json) -> Json:
    """The rule as Grafana returns it: with defaults, and with its spelling of durations."""
    data = [
        {"queryType": "", **one, "model": {"intervalMs": 1000, "maxDataPoints": 43200, **one["model"]}}
        for one in json.loads(json.dumps(rule["data"]))
    ]
    lasts = re.sub(r"^0[smh]$", "0s", rule["for"])
    return {
        "isPaused": False,
        "notification_settings": None,
        "record": None,
        **rule,
        "data": data,
        "for": lasts,
        "updated": "2026-11-25T00:00:00Z",
    }


@contextmanager
def serving(prefix: str = "") -> Iterator[GrafanaServer]:
    """Serve the fake at `url`, under the path `prefix`."""
    state = GrafanaServer(prefix=prefix)

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, answer = 200, None
            try:
                answer = state.answer(
                    self.command, self.path.removeprefix(prefix), token, body, dict(self.headers.items())
                )
            except ErrorResponse as refused:
                status, answer = refused.code, refused.body
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _do  # noqa: N815 - the standard library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as above
            """No log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}{prefix}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
