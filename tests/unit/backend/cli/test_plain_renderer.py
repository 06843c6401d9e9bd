"""Tables as plain lines."""

from django_tasks_kubernetes.cli.plain_renderer import lines_of


def test_plain_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [{"ID": "a", "TASK": "x.y"}, {"ID": "longer", "TASK": ""}]
    assert lines_of(list(rows)) == ["ID      TASK", "a       x.y", "longer"]
    assert lines_of([]) == []
