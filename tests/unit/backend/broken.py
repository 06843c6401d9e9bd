"""A module that fails as it is imported."""

1 / 0  # noqa: B018
