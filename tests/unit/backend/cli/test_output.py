"""Which output a terminal, a pipe and a dumb terminal get."""

import io

import pytest

from django_tasks_kubernetes.cli import output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "rich"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (io.StringIO(), {"TERM": "xterm"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {}, False),
    ],
    ids=["a terminal", "a pipe", "NO_COLOR", "dumb", "unknown"],
)
def test_output_uses_rich_where_the_terminal_can(
    stream: io.StringIO, environ: dict[str, str], rich: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert type(output.Output(stdout=stream).renderer).__name__ == ("RichRenderer" if rich else "PlainRenderer")
    assert type(output.Output(stdout=stream, color=False).renderer).__name__ == "PlainRenderer"
