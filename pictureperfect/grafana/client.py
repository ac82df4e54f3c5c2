"""A client of Grafana's HTTP API that pushes dashboards and alert rules.

https://grafana.com/docs/grafana/v11.6/developers/http_api/
"""

import json
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

from core.domain.model import Value
from pictureperfect.grafana import rules

_SECONDS = 30.0
#: Rules that the API writes can be edited in Grafana only if they were written with this header.
_EDITABLE = {"X-Disable-Provenance": "true"}
#: Characters that a header's value may hold.
_TOKEN = re.compile(r"[!-~]+")
Json = dict[str, Any]


class GrafanaError(Exception):
    """A request that failed. `status` is the HTTP status, 0 without an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class PushResult(Value, frozen=True):
    """The outcome for a dashboard or a group of rules: `created`, `changed` or `the same`."""

    title: str
    outcome: str
    url: str = ""


class Grafana:
    """A Grafana, by its URL, which may have a path, and a service account's token."""

    def __init__(self, url: str, token: str) -> None:
        """Raises GrafanaError for a URL or a token that cannot be right."""
        self._origin, self._path = _split_url(url)
        self._url = self._origin + self._path
        token = token.strip()
        if not _TOKEN.fullmatch(token):
            raise GrafanaError(
                0, "GRAFANA_TOKEN is not a token: it has blanks, control characters or characters outside ASCII in it."
            )
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        self._http = urllib3.PoolManager(timeout=_SECONDS, retries=False)

    def data_source(self, kinds: tuple[str, ...], wanted: str, option: str) -> str:
        """The uid of the only data source of these kinds, or `wanted`, the value of `option`, if that is one of them.

        Raises GrafanaError without such a data source, and for several if none is wanted.
        """
        names: dict[str, str] = {
            source["uid"]: source["name"] for source in self._call("GET", "/api/datasources") if source["type"] in kinds
        }
        if wanted:
            if wanted in names:
                return wanted
            raise GrafanaError(
                404, f"{option}: there is no data source {wanted!r} of {kinds[0]}; {_list_sources(names)}"
            )
        if len(names) == 1:
            return next(iter(names))
        if not names:
            raise GrafanaError(404, f"There is no data source of {kinds[0]} in {self._url}: add one, then push again.")
        raise GrafanaError(409, f"{option} must name one of the data sources of {kinds[0]}; {_list_sources(names)}")

    def create_folder(self, uid: str, title: str) -> bool:
        """Create the folder unless it exists. Returns whether it was created."""
        try:
            self._call("GET", f"/api/folders/{quote(uid)}")
        except GrafanaError as error:
            if error.status != 404:  # noqa: PLR2004 - not found
                raise
        else:
            return False
        try:
            self._call("POST", "/api/folders", {"uid": uid, "title": title})
        except GrafanaError as error:
            if error.status not in {409, 412}:  # created by someone else in the meantime
                raise
            return False
        return True

    def push_dashboard(self, board: Json, folder_uid: str, version: str, *, overwrite: bool) -> PushResult:
        """Create or update a dashboard. Raises GrafanaError(412) if it was edited in Grafana, unless `overwrite`."""
        title, uid = board["title"], board["uid"]
        message = f"pictureperfect {version}"
        current = self._get(f"/api/dashboards/uid/{quote(uid)}")
        base = 0
        if current is not None:
            held, meta = current["dashboard"], current["meta"]
            url = self._link(meta["url"])
            if _without_state(held) == _without_state(board) and meta.get("folderUid") == folder_uid:
                return PushResult(title, "the same", url)
            base = held["version"]
            if not overwrite and not self._was_pushed(uid, base):
                raise GrafanaError(412, f"{title} was changed in Grafana: look at it, then push with --overwrite.")
        body = {
            "dashboard": {**board, "id": None, "version": base},
            "folderUid": folder_uid,
            "message": message,
            "overwrite": overwrite,
        }
        try:
            answer = self._call("POST", "/api/dashboards/db", body)
        except GrafanaError as error:
            if error.status != 412:  # noqa: PLR2004 - precondition failed
                raise
            raise GrafanaError(412, f"{title}: {error} Look at it, then push with --overwrite.") from error
        return PushResult(title, "changed" if current else "created", self._link(answer["url"]))

    def push_rules(self, group: Json, folder_uid: str, *, overwrite: bool) -> PushResult:
        """Create or update a group of alert rules, given as in Grafana's provisioning file; other rules in it stay.

        Raises GrafanaError(412) if one of the rules was edited or moved in Grafana, unless `overwrite`.
        """
        name, title = group["name"], f"Alert rules: {group['name']}"
        path = f"/api/v1/provisioning/folder/{quote(folder_uid)}/rule-groups/{quote(name)}"
        wanted = rules.api_group(group, folder_uid)
        current = self._get(path)
        held = current or {**wanted, "rules": []}
        if current and rules.is_pushed(current, wanted):
            return PushResult(title, "the same")
        edited = [*rules.edited_titles(held, wanted), *self._moved(held, wanted)]
        if edited and not overwrite:
            titles = "; ".join(edited)
            raise GrafanaError(412, f"{title}: changed in Grafana: {titles}. Look at it, then push with --overwrite.")
        self._call("PUT", path, rules.merge(held, wanted), _EDITABLE)
        return PushResult(title, "changed" if current else "created")

    def _moved(self, current: Json, wanted: Json) -> list[str]:
        """The titles of the wanted rules that are in another group now."""
        here = {rule["uid"] for rule in current["rules"]}
        missing = [rule["uid"] for rule in wanted["rules"] if rule["uid"] not in here]
        moved = [self._get(f"/api/v1/provisioning/alert-rules/{quote(uid)}") for uid in missing]
        return [rule["title"] for rule in moved if rule]

    def _link(self, path: str) -> str:
        """The URL of a page. Grafana includes its own path only if it is configured to be served from one."""
        return self._origin + (path if path.startswith(f"{self._path}/") else self._path + path)

    def _was_pushed(self, uid: str, version: int) -> bool:
        """Whether the latest version is a pushed one, by its message."""
        answer = self._call("GET", f"/api/dashboards/uid/{quote(uid)}/versions?limit=1")
        latest = answer["versions"] if isinstance(answer, dict) else answer
        return any(each["version"] == version and each["message"].startswith("pictureperfect ") for each in latest)

    def _get(self, path: str) -> Json | None:
        """The decoded answer; None for the status 404."""
        try:
            answer: Json = self._call("GET", path)
        except GrafanaError as error:
            if error.status == 404:  # noqa: PLR2004 - not found
                return None
            raise
        return answer

    def _call(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        try:
            answer = self._http.request(
                method,
                self._url + path,
                body=None if body is None else json.dumps(body).encode(),
                headers={**self._headers, **(headers or {})},
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise GrafanaError(0, f"{self._url} did not answer: {error}") from error
        if answer.status >= 300:  # noqa: PLR2004 - a redirect leads to a login page
            raise GrafanaError(answer.status, _explain(answer.status, answer.data, self._url))
        try:
            return json.loads(answer.data)
        except ValueError as error:
            raise GrafanaError(answer.status, f"{self._url} answers, but not with Grafana's JSON.") from error


def _split_url(url: str) -> tuple[str, str]:
    """Scheme and host, and the path. Raises GrafanaError for a malformed URL, and for http:// to another machine."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        raise GrafanaError(0, f"{url} is no address of a Grafana: it must begin with https://")
    if parts.scheme == "http" and not _is_loopback(host):
        raise GrafanaError(0, f"{url} would be sent the token unencrypted: use https://, or a tunnel to localhost.")
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")


def _is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _without_state(board: Json) -> Json:
    """The dashboard without the fields that Grafana maintains."""
    return {key: value for key, value in board.items() if key not in {"id", "version"}}


def _list_sources(names: Mapping[str, str]) -> str:
    return "there are " + (", ".join(f"{uid} ({name})" for uid, name in sorted(names.items())) or "none")


def _explain(status: int, data: bytes, url: str) -> str:
    """Grafana's message, and the remedy for statuses whose message says little."""
    try:
        message = str(json.loads(data).get("message", ""))
    except (ValueError, AttributeError):
        message = ""
    match status:
        case 401:
            return (
                f"{url} does not know the token: GRAFANA_TOKEN must be a service account's token that has not expired."
            )
        case 403:
            role = "it needs the role Admin, or Editor and --no-rules"
            return f"The token's account may not do that ({message or 'forbidden'}): {role}."
        case 301 | 302 | 303 | 307 | 308:
            return f"{url} redirects, perhaps to a login page: the API must be reachable without a proxy's login."
        case 404 if not message:
            return f"{url} has no such API: give the address of Grafana itself, with its path if it has one."
        case _:
            return f"{url} answered {status}{f': {message}' if message else ''}."
