"""Groups of alert rules: merges a push with a group in Grafana, and finds the rules that were edited there.

Grafana's API has no history of rules. Each pushed rule therefore carries a fingerprint of itself as an annotation; an
edit in Grafana changes the rule and leaves the annotation.
"""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

Json = dict[str, Any]
#: The annotation with the fingerprint. Grafana shows no annotation with such a name in notifications.
MARK = "__pictureperfect__"
#: Fields that Grafana adds to a rule.
_ADDED_FIELDS = {"id", "uid", "orgID", "folderUID", "ruleGroup", "updated", "provenance"}
#: Values that Grafana writes into each query without them.
_DEFAULTS = {"intervalMs": 1000, "maxDataPoints": 43200}
_TIMES = ("for", "keep_firing_for")
_LENGTHS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def api_group(document: Json, folder_uid: str) -> Json:
    """A group of Grafana's provisioning file as the API takes it, with a fingerprint in each rule."""
    name, interval = document["name"], int(_seconds(document["interval"]))
    rules = [{**rule, "orgID": 1, "folderUID": folder_uid, "ruleGroup": name} for rule in document["rules"]]
    return {
        "title": name,
        "folderUid": folder_uid,
        "interval": interval,
        "rules": [
            {**rule, "annotations": {**rule.get("annotations", {}), MARK: _fingerprint(rule, interval)}}
            for rule in rules
        ],
    }


def is_pushed(current: Json, wanted: Json) -> bool:
    """Whether the group has every wanted rule unchanged and no retired one. Rules of other people are ignored."""
    held = {rule["uid"]: _fingerprint(rule, current["interval"]) for rule in current["rules"]}
    asked = {rule["uid"]: _fingerprint(rule, wanted["interval"]) for rule in wanted["rules"]}
    return held | asked == held and not _retired(current, asked)


def edited_titles(current: Json, wanted: Json) -> list[str]:
    """The titles of the rules whose edits in Grafana a push would overwrite."""
    asked = {rule["uid"]: _fingerprint(rule, wanted["interval"]) for rule in wanted["rules"]}
    return [
        rule["title"]
        for rule in current["rules"]
        if rule["uid"] in asked
        and _fingerprint(rule, current["interval"]) != asked[rule["uid"]]
        and not _is_as_pushed(rule, current["interval"])
    ]


def merge(current: Json, wanted: Json) -> Json:
    """The wanted rules, then the group's other rules without those that an older push left unedited."""
    uids = {rule["uid"]: "" for rule in wanted["rules"]}
    gone = _retired(current, uids)
    kept = [rule for rule in current["rules"] if rule["uid"] not in uids and rule["uid"] not in gone]
    return {**wanted, "rules": [*wanted["rules"], *kept]}


def _retired(current: Json, wanted: Mapping[str, str]) -> set[str]:
    """The uids of unedited rules of an older push that are no longer wanted."""
    rules = current["rules"]
    return {rule["uid"] for rule in rules if rule["uid"] not in wanted and _is_as_pushed(rule, current["interval"])}


def _is_as_pushed(rule: Json, interval: int) -> bool:
    return bool((rule.get("annotations") or {}).get(MARK) == _fingerprint(rule, interval))


def _fingerprint(rule: Json, interval: int) -> str:
    """A digest of every field that can be edited, and of the uid, so that a copied rule has another fingerprint."""
    fields = {name: value for name, value in rule.items() if name not in _ADDED_FIELDS}
    fields["annotations"] = {name: text for name, text in (rule.get("annotations") or {}).items() if name != MARK}
    fields |= {name: _seconds(rule[name]) for name in _TIMES if rule.get(name)}
    text = json.dumps([rule["uid"], interval, _without_defaults(fields)], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def _without_defaults(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The value without empty fields and without Grafana's defaults."""
    if isinstance(value, list):
        return [_without_defaults(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _without_defaults(each) for name, each in value.items() if each != _DEFAULTS.get(name)}
    return {name: each for name, each in kept.items() if each not in (None, "", 0, [], {})}


def _seconds(duration: str | float) -> float:
    """The seconds of a duration as Grafana writes it, such as 1h30m; the API has seconds already."""
    if not isinstance(duration, str):
        return duration
    return sum(int(number) * _LENGTHS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", duration))
