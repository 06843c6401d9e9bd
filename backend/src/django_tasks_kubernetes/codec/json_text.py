"""Arguments and return values as JSON text, exact or not at all.

The text is ASCII (`ensure_ascii`), so that it has as many bytes as characters and is safe in environment
variables and terminals. Values are first normalised as Django does (`django.utils.json.normalize_json`: tuples
become lists, bytes text). Beyond that, nothing is changed on the way: what JSON would turn into something else is
an error that names the place.
"""

import json
from types import NoneType
from typing import Any, Final

from django.utils.datastructures import MultiValueDict
from django.utils.json import normalize_json

# By the names of classes, since most of their modules are not imported for this.
INSTEAD: Final = {
    **dict.fromkeys(("date", "time"), "Its isoformat() is."),
    **dict.fromkeys(("Decimal", "UUID", "PurePath", "Promise"), "Its str() is."),
    **dict.fromkeys(("set", "frozenset", "generator", "QuerySet"), "A list of what is in it can be."),
    "timedelta": "Its total_seconds() are.",
    "Enum": "Its value can be.",
    "Model": "Its primary key can be.",
    "TaskResult": "Its id is.",
    "Later": "It is known when the workflow runs: step(…)(…) and each() take it, and enqueue() does not.",
    "WorkflowResult": "Its id is. To go on as the workflow, a task returns as_result().",
    "ReturnedWorkflow": "A task returns it alone, in the place of a value.",
}

# What JSON writes as a string.
KEYS: Final = (str, bytes, int, float, NoneType)


def dumps(value: Any, *, name: str, exact_keys: bool = True) -> str:
    """The value as JSON text. `name` is what errors call it, such as "args".

    Raises TypeError for what is not JSON (and, with `exact_keys`, for keys that are not strings, which JSON would
    turn into strings; without it, of two keys that become the same the last one stays), ValueError for NaN, infinities
    and structures that are nested too deep.
    """
    if (text := _plain(value, exact_keys)) is not None:
        return text
    try:
        normal = normalize_json(value)
        text = json.dumps(normal, allow_nan=False, separators=(",", ":"))
        # What arrives must equal what was given. The comparison runs in C; the search below is for errors only.
        if not exact_keys or (json.loads(text) == normal and not _has_lists(value)):
            return text
    except RecursionError:
        raise ValueError(f"{name} is nested too deep for JSON, or contains itself.") from None
    except (TypeError, ValueError) as error:
        raise _located(value, name, exact_keys) or type(error)(f"{name}: {error}") from None
    raise _located(value, name, exact_keys) or TypeError(f"{name} would not come back from JSON as it is.")


def _plain(value: Any, exact_keys: bool) -> str | None:
    """The text of what is JSON as it is, as most values are: in C alone, where to normalise goes through all parts in
    Python. None for anything else, and for what is no JSON."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
        return text if not exact_keys or json.loads(text) == value else None
    except (TypeError, ValueError, RecursionError):
        return None


def _has_lists(value: Any) -> bool:
    """Whether it has a MultiValueDict, such as request.GET, with several values of one key: as a dict it shows the last
    one of them alone."""
    if isinstance(value, dict):
        return _key_of_list(value) is not None or any(map(_has_lists, value.values()))
    return isinstance(value, (list, tuple)) and any(map(_has_lists, value))


def _key_of_list(value: dict[Any, Any]) -> Any:
    lists = value.lists() if isinstance(value, MultiValueDict) else ()
    return next((key for key, found in lists if len(found) > 1), None)


def _instead(value: Any) -> str:
    """What can be given in its place, where that is known."""
    names = (class_.__name__ for class_ in type(value).__mro__)
    return next((f" {INSTEAD[name]}" for name in names if name in INSTEAD), "")


def _located(value: Any, name: str, exact_keys: bool) -> TypeError | ValueError | None:
    """The error of the first part that is not JSON, with the path to it."""
    try:
        normal = normalize_json(value) if not isinstance(value, (dict, list, tuple)) else value
        match normal:
            case dict():
                if exact_keys and (key := _key_of_list(normal)) is not None:
                    return TypeError(
                        f"{name} has several values of {key!r}, of which a {type(normal).__name__} shows the last one. "
                        "Pass dict(….lists()) for all of them, or ….dict() for the last ones."
                    )
                for key, item in normal.items():
                    if not isinstance(key, str if exact_keys else KEYS):
                        return TypeError(
                            f"{name} has the key {key!r} ({type(key).__name__}): the keys of JSON objects are strings."
                        )
                    step = f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"
                    if error := _located(item, name + step, exact_keys):
                        return error
            case list() | tuple():
                for index, item in enumerate(normal):
                    if error := _located(item, f"{name}[{index}]", exact_keys):
                        return error
            case _:
                json.dumps(normal, allow_nan=False)
    except RecursionError:
        return ValueError(f"{name} is nested too deep for JSON, or contains itself.")
    except (TypeError, ValueError) as error:
        detail = f" ({error})" if isinstance(value, (int, float, bytes)) else ""
        return type(error)(f"{name}: {type(value).__name__} is not JSON{detail}.{_instead(value)}")
    return None
