"""Grafana's HTTP API, as far as it takes to put dashboards and alert rules into it.

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
#: What Grafana lets through from the API alone stays changeable on its pages only with this.
_EDITABLE = {"X-Disable-Provenance": "true"}
#: A header's value may hold no more.
_TOKEN = re.compile(r"[!-~]+")
Json = dict[str, Any]


class GrafanaError(Exception):
    """What Grafana would not do, in words; `status` is of HTTP, 0 where no answer came."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Pushed(Value, frozen=True):
    """What became of one dashboard or group of rules: created, changed, or the same as it was."""

    title: str
    outcome: str
    url: str = ""


class Grafana:
    """One Grafana, by its address and the token of a service account. An address may have a path."""

    def __init__(self, url: str, token: str) -> None:
        self._origin, self._path = _parts(url)
        self._url = self._origin + self._path
        token = token.strip()
        if not _TOKEN.fullmatch(token):
            raise GrafanaError(0, "GRAFANA_TOKEN is no token: it has something in it that is neither letter nor sign.")
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        self._http = urllib3.PoolManager(timeout=_SECONDS, retries=False)

    def source(self, kinds: tuple[str, ...], wanted: str, option: str) -> str:
        """The uid of the data source of one of these kinds; `wanted`, where it is given, must be one of them.

        Raises GrafanaError where there is none, or several and none is wanted.
        """
        found: dict[str, str] = {
            one["uid"]: one["name"] for one in self._call("GET", "/api/datasources") if one["type"] in kinds
        }
        if wanted:
            if wanted in found:
                return wanted
            raise GrafanaError(404, f"{option}: there is no data source {wanted!r} of {kinds[0]}; {_listed(found)}")
        if len(found) == 1:
            return next(iter(found))
        if not found:
            raise GrafanaError(404, f"There is no data source of {kinds[0]} in {self._url}: add one, then push again.")
        raise GrafanaError(409, f"{option} must say which data source of {kinds[0]} it is; {_listed(found)}")

    def folder(self, uid: str, title: str) -> bool:
        """Make the folder, unless it is there; true where it was not."""
        try:
            self._call("GET", f"/api/folders/{quote(uid)}")
        except GrafanaError as error:
            if error.status != 404:  # noqa: PLR2004 - HTTP's
                raise
        else:
            return False
        try:
            self._call("POST", "/api/folders", {"uid": uid, "title": title})
        except GrafanaError as error:
            if error.status not in {409, 412}:  # somebody made it meanwhile
                raise
            return False
        return True

    def dashboard(self, board: Json, folder_uid: str, version: str, *, overwrite: bool) -> Pushed:
        """Create or change one. Raises GrafanaError(412) where somebody changed it since it was pushed."""
        title, uid = board["title"], board["uid"]
        mark = f"pictureperfect {version}"
        there = self._there(f"/api/dashboards/uid/{quote(uid)}")
        base = 0
        if there is not None:
            held, meta = there["dashboard"], there["meta"]
            url = self._link(meta["url"])
            if _bare(held) == _bare(board) and meta.get("folderUid") == folder_uid:
                return Pushed(title, "the same", url)
            base = held["version"]
            if not overwrite and not self._is_ours(uid, base):
                raise GrafanaError(412, f"{title} was changed in Grafana: look at it, then push with --overwrite.")
        body = {
            "dashboard": {**board, "id": None, "version": base},
            "folderUid": folder_uid,
            "message": mark,
            "overwrite": overwrite,
        }
        try:
            answer = self._call("POST", "/api/dashboards/db", body)
        except GrafanaError as error:
            if error.status != 412:  # noqa: PLR2004 - HTTP's
                raise
            raise GrafanaError(412, f"{title}: {error} Look at it, then push with --overwrite.") from error
        return Pushed(title, "changed" if there else "created", self._link(answer["url"]))

    def rules(self, group: Json, folder_uid: str, *, overwrite: bool) -> Pushed:
        """Create or change a group of alert rules, as Grafana's provisioning file has it; others' rules in it stay.

        Raises GrafanaError(412) where somebody changed one of ours, or moved it, since it was pushed.
        """
        name, title = group["name"], f"Alert rules: {group['name']}"
        path = f"/api/v1/provisioning/folder/{quote(folder_uid)}/rule-groups/{quote(name)}"
        wanted = rules.group(group, folder_uid)
        there = self._there(path)
        held = there or {**wanted, "rules": []}
        if there and rules.same(there, wanted):
            return Pushed(title, "the same")
        touched = [*rules.changed(held, wanted), *self._moved(held, wanted)]
        if touched and not overwrite:
            which = "; ".join(touched)
            raise GrafanaError(412, f"{title}: changed in Grafana: {which}. Look at it, then push with --overwrite.")
        self._call("PUT", path, rules.merged(held, wanted), _EDITABLE)
        return Pushed(title, "changed" if there else "created")

    def _moved(self, there: Json, wanted: Json) -> list[str]:
        """The titles of those rules that are in another group now."""
        here = {rule["uid"] for rule in there["rules"]}
        missing = [rule["uid"] for rule in wanted["rules"] if rule["uid"] not in here]
        found = [self._there(f"/api/v1/provisioning/alert-rules/{quote(uid)}") for uid in missing]
        return [rule["title"] for rule in found if rule]

    def _link(self, told: str) -> str:
        """The address of a page; what Grafana tells begins with its own path, where it knows of one."""
        return self._origin + (told if told.startswith(f"{self._path}/") else self._path + told)

    def _is_ours(self, uid: str, version: int) -> bool:
        """Whether the version that is there is one that was pushed: its message says so."""
        found = self._call("GET", f"/api/dashboards/uid/{quote(uid)}/versions?limit=1")
        last = found["versions"] if isinstance(found, dict) else found
        return any(one["version"] == version and one["message"].startswith("pictureperfect ") for one in last)

    def _there(self, path: str) -> Json | None:
        try:
            found: Json = self._call("GET", path)
        except GrafanaError as error:
            if error.status == 404:  # noqa: PLR2004 - HTTP's
                return None
            raise
        return found

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
        if answer.status >= 300:  # noqa: PLR2004 - HTTP's; a redirect leads to a login page
            raise GrafanaError(answer.status, _told(answer.status, answer.data, self._url))
        try:
            return json.loads(answer.data)
        except ValueError as error:
            raise GrafanaError(answer.status, f"{self._url} answers, but not as Grafana does.") from error


def _parts(url: str) -> tuple[str, str]:
    """Scheme and host; the path. Raises GrafanaError where it is no address, or the token would be read on its way."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in {"http", "https"} or not host:
        raise GrafanaError(0, f"{url} is no address of a Grafana: it must begin with https://")
    if parts.scheme == "http" and not _is_here(host):
        raise GrafanaError(0, f"{url} would be told the token in clear: take https://, or a tunnel to localhost.")
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")


def _is_here(host: str) -> bool:
    """Whether it is this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _bare(board: Json) -> Json:
    """Without what Grafana keeps beside it."""
    return {key: value for key, value in board.items() if key not in {"id", "version"}}


def _listed(found: Mapping[str, str]) -> str:
    return "there are " + (", ".join(f"{uid} ({name})" for uid, name in sorted(found.items())) or "none")


def _told(status: int, data: bytes, url: str) -> str:
    """Grafana's own words, and what to do where it says little."""
    try:
        said = str(json.loads(data).get("message", ""))
    except (ValueError, AttributeError):
        said = ""
    match status:
        case 401:
            return f"{url} does not know the token: GRAFANA_TOKEN must be a service account's, and not have ended."
        case 403:
            role = "it needs the role Admin, or Editor and --no-rules"
            return f"The token's account may not do that ({said or 'forbidden'}): {role}."
        case 301 | 302 | 303 | 307 | 308:
            return f"{url} leads elsewhere, to a login page perhaps: the API must be reached without a proxy's login."
        case 404 if not said:
            return f"{url} has no such API: give the address of Grafana itself, with its path where it has one."
        case _:
            return f"{url} answered {status}{f': {said}' if said else ''}."
