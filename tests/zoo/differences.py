"""What differs between two pods, as lines that a person reads: `- spec.containers[web].ports`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MAPS = ("labels", "annotations", "nodeSelector")


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Entries of lists are the same when they have the same name, and empty parts are no parts."""
    before, after = _keyed(before), _keyed(after)
    if not (isinstance(before, dict) and isinstance(after, dict)):
        if before != after:
            yield f"~ {path}: {before!r} -> {after!r}"
        return
    for key in {**before, **after}:
        where = _below(path, key)
        if _empty(after.get(key)) and not _empty(before.get(key)):
            yield f"- {where}"
        elif _empty(before.get(key)) and not _empty(after.get(key)):
            value = after[key]
            if key in MAPS:
                yield from differences({}, value, where)
            else:
                yield f"+ {where} = {value!r}" if isinstance(value, str) else f"+ {where}"
        elif key in before and key in after:
            yield from differences(before[key], after[key], where)


def _keyed(value: Any) -> Any:
    if isinstance(value, list) and value and all(isinstance(entry, dict) and "name" in entry for entry in value):
        return {f"[{entry['name']}]": entry for entry in value}
    return value


def _below(path: str, key: str) -> str:
    if key.startswith("["):
        return f"{path}{key}"
    if path.rpartition(".")[2] in MAPS:
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _empty(value: Any) -> bool:
    return value is None or value in ({}, [], "")
