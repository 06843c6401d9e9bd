"""Tables as plain lines."""

from django_tasks_kubernetes.cli.plain_renderer import lines_of


def test_plain_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [{"ID": "a", "TASK": "x.y"}, {"ID": "longer", "TASK": ""}]
    assert lines_of(list(rows)) == ["ID      TASK", "a       x.y", "longer"]
    assert lines_of([]) == []


def test_plain_columns_stand_below_each_other_after_characters_of_two_places() -> None:
    rows = [{"NOTE": "日本", "ID": "a"}, {"NOTE": "e\u0301", "ID": "b"}]
    assert lines_of(list(rows)) == ["NOTE  ID", "日本  a", "e\u0301     b"]
