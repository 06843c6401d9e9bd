"""How many rows go into one statement."""

from types import SimpleNamespace

import pytest

from django_tasks_kubernetes.batches import BYTES_PER_QUERY, ROWS_PER_QUERY, batches


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([], []),
        ([1] * (ROWS_PER_QUERY + 1), [ROWS_PER_QUERY, 1]),
        ([BYTES_PER_QUERY // 2] * 3, [2, 1]),
        ([BYTES_PER_QUERY * 2, 1], [1, 1]),
    ],
    ids=["none", "rows", "bytes", "one that is too long"],
)
def test_batches_have_so_many_rows_and_bytes(lengths: list[int], sizes: list[int]) -> None:
    rows = [SimpleNamespace(resource="x" * length) for length in lengths]
    made = list(batches(rows))
    assert [len(batch) for batch in made] == sizes
    assert [row for batch in made for row in batch] == rows
