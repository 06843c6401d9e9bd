"""The djangotasks.dev API: the one definition that the backend, the runner and the operator share.

`names`, `phases`, `stored`, `outcome` and `assignment` use the standard library alone, because task pods import them
before every task. `models` and `schema` need pydantic (the extra `models`).
"""
