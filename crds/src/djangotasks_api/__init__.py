"""The djangotasks.dev API: the one definition that the backend, the runner and the operator share.

Task pods import this package before every task, so it uses the standard library alone, but for `models`, `crd` and
`schema`, which need pydantic (the extra `models`).
"""
