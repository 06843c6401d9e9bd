"""How the pages are read."""

from __future__ import annotations

import pytest

from tests.docs.markdown import blocks, missing

PAGE = """Text with `code`.

```sh
one
two
```

```python title="a/b.py"
x = "```"
```

1. In a list:

    ```yaml
    a:
      b: 1
    ```
"""


def test_blocks() -> None:
    found = [(block.language, block.title, block.text, block.line) for block in blocks(PAGE)]
    assert found == [
        ("sh", None, "one\ntwo\n", 3),
        ("python", "a/b.py", 'x = "```"\n', 8),
        ("yaml", None, "a:\n  b: 1\n", 14),
    ]


@pytest.mark.parametrize(
    ("expected", "printed", "first_missing"),
    [
        ("a  b", "x\na b\ny", None),
        ("a\nb", "a\nx\nb", None),
        ("a\nb", "b\na", "b"),
        ("took … s", "took 1.5 s", None),
        ("took … s", "took 1.5 min", "took … s"),
        ("a.c", "abc", "a.c"),
        ("a", "", "a"),
        ("a\na", "a", "a"),
    ],
)
def test_what_is_missing(expected: str, printed: str, first_missing: str | None) -> None:
    assert missing(expected, printed) == first_missing
