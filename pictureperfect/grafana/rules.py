"""Groups of alert rules: what a push left as it was, what somebody changed since, and what is theirs alone.

Grafana keeps no history of rules that its API tells. So each rule carries a mark of what was pushed; who changes the
rule on a page leaves the mark as it was.
"""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

Json = dict[str, Any]
#: Annotations of such a name are in no notification.
MARK = "__pictureperfect__"
#: What Grafana says beside a rule, and where it is.
_BESIDE = {"id", "uid", "orgID", "folderUID", "ruleGroup", "updated", "provenance"}
#: What Grafana writes into each query unless it is there.
_DEFAULTS = {"intervalMs": 1000, "maxDataPoints": 43200}
_TIMES = ("for", "keep_firing_for")
_LENGTHS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def group(document: Json, folder_uid: str) -> Json:
    """A group of Grafana's provisioning file as its API wants it, each rule marked."""
    name, interval = document["name"], int(_seconds(document["interval"]))
    rules = [{**rule, "orgID": 1, "folderUID": folder_uid, "ruleGroup": name} for rule in document["rules"]]
    return {
        "title": name,
        "folderUid": folder_uid,
        "interval": interval,
        "rules": [
            {**rule, "annotations": {**rule.get("annotations", {}), MARK: _print(rule, interval)}} for rule in rules
        ],
    }


def same(there: Json, wanted: Json) -> bool:
    """Whether nothing is to be done; rules of somebody else's do not matter."""
    held = {rule["uid"]: _print(rule, there["interval"]) for rule in there["rules"]}
    asked = {rule["uid"]: _print(rule, wanted["interval"]) for rule in wanted["rules"]}
    return held | asked == held and not _retired(there, asked)


def changed(there: Json, wanted: Json) -> list[str]:
    """The titles of those rules that a push would undo somebody's change of."""
    asked = {rule["uid"]: _print(rule, wanted["interval"]) for rule in wanted["rules"]}
    return [
        rule["title"]
        for rule in there["rules"]
        if rule["uid"] in asked
        and _print(rule, there["interval"]) != asked[rule["uid"]]
        and not _as_pushed(rule, there["interval"])
    ]


def merged(there: Json, wanted: Json) -> Json:
    """What is wanted, and behind it what else is in the group; but not what an older push left, and nobody changed."""
    uids = {rule["uid"]: "" for rule in wanted["rules"]}
    gone = _retired(there, uids)
    kept = [rule for rule in there["rules"] if rule["uid"] not in uids and rule["uid"] not in gone]
    return {**wanted, "rules": [*wanted["rules"], *kept]}


def _retired(there: Json, wanted: Mapping[str, str]) -> set[str]:
    """The rules that a push left here and that are wanted no more."""
    rules = there["rules"]
    return {rule["uid"] for rule in rules if rule["uid"] not in wanted and _as_pushed(rule, there["interval"])}


def _as_pushed(rule: Json, interval: int) -> bool:
    return bool((rule.get("annotations") or {}).get(MARK) == _print(rule, interval))


def _print(rule: Json, interval: int) -> str:
    """Of all that somebody may change; with the uid in it, so that the copy of a rule is none that was pushed."""
    told = {name: value for name, value in rule.items() if name not in _BESIDE}
    told["annotations"] = {name: text for name, text in (rule.get("annotations") or {}).items() if name != MARK}
    told |= {name: _seconds(rule[name]) for name in _TIMES if rule.get(name)}
    text = json.dumps([rule["uid"], interval, _plain(told)], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Without what is there by default: nothing, and what Grafana writes in."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: _plain(each) for name, each in value.items() if each != _DEFAULTS.get(name)}
    return {name: each for name, each in found.items() if each not in (None, "", 0, [], {})}


def _seconds(length: str | float) -> float:
    """Of a time as Grafana spells it: 1h30m; the API has intervals in seconds."""
    if not isinstance(length, str):
        return length
    return sum(int(number) * _LENGTHS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", length))
