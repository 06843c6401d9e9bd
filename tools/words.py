"""Find private words: `python -m tools.words` prints each with its place and the words to use instead.

Spelling checkers do not look into identifiers, where most of these words would be: `told_at`, `IsNews`.
"""

import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
CHECKED: Final = (
    "*.md", "Makefile", "mkdocs.yml", "pyproject.toml", "noxfile.py", "backend/**", "benchmarks/**", "changelog.d/**",
    "charts/**", "crds/**", "docs/**", "examples/**", "operator/**", "tests/**", "tools/**",
)  # fmt: skip
SUFFIXES: Final = {"", ".css", ".in", ".json", ".md", ".py", ".sh", ".svg", ".tpl", ".toml", ".txt", ".yaml", ".yml"}

# A word, in any case and in any identifier, or a phrase; and what a Kubernetes or Django engineer writes.
WORDS: Final = {
    "told": "reported, sent, notified, dispatched",
    "untold": "pending, not dispatched",
    "news": "change, event, newer version",
    "anew": "again; restart, rebuild, replace",
    "mishap": "error",
    "looked at": "read, checked, reconciled",
    "nobody waits": "informational, deferred status",
    "whoever": "everyone who, the process that",
    "by the way": "asynchronously, at a limited rate",
    "as ever": "as usual",
    "sign of life": "heartbeat",
    "signs of life": "heartbeats",
    "tell of": "report, show",
    "tells of": "reports, shows",
    "what there is": "(name the thing)",
    "hopeless": "permanent, not retryable",
    "condemned": "being stopped",
    "witness": "observer",
    "roster": "index",
    "keeplog": "log retention",
    "take stock": "initialize",
    "rehearse": "dry run",
    "rehearsal": "dry run",
}  # fmt: skip


class Allowed(NamedTuple):
    """An exception to the list, with its reason. `path` and `word` may be patterns, as of a shell."""

    path: str
    word: str
    reason: str


EXCEPTIONS: Final = (
    Allowed("tools/words.py", "*", "the list itself"),
    Allowed("tests/unit/tools/test_words.py", "*", "tests of the list"),
)


def _pattern(word: str) -> re.Pattern[str]:
    if " " in word:
        return re.compile(r"(?<![a-z])" + r"[\s#_]+".join(word.split()) + r"(?![a-z])", re.IGNORECASE)
    # Alone, in snake_case or in UPPER_CASE, or as a part of CamelCase.
    forms = f"{word}|{word.capitalize()}|{word.upper()}"
    return re.compile(rf"(?<![A-Za-z])(?:{forms})(?![a-z])|(?<=[a-z]){word.capitalize()}(?![a-z])")


PATTERNS: Final = {word: _pattern(word) for word in WORDS}


def files(root: Path) -> Iterator[Path]:
    for pattern in CHECKED:
        yield from (path for path in sorted(root.glob(pattern)) if path.suffix in SUFFIXES and path.is_file())


def found(text: str) -> Iterator[tuple[int, str]]:
    """Each private word with its line."""
    lower = text.lower()
    for word, pattern in PATTERNS.items():
        # A plain search first, which is fast: hardly a file has one of the words.
        if word.split()[0] in lower:
            for match in pattern.finditer(text):
                yield text.count("\n", 0, match.start()) + 1, word


def is_allowed(name: str, word: str) -> bool:
    return any(fnmatch(name, rule.path) and fnmatch(word, rule.word) for rule in EXCEPTIONS)


def main() -> int:
    lines = [
        f'{name}:{line}: "{word}": write {WORDS[word]}\n'
        for path in files(ROOT)
        for line, word in found(path.read_text())
        if not is_allowed(name := path.relative_to(ROOT).as_posix(), word)
    ]
    sys.stdout.writelines(lines)
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
