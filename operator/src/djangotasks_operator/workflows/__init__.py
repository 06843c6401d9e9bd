"""Workflows as the operator sees them: what the cache keeps of one, and its status. Pure. The engine that decides is
`djangotasks_api.workflow`."""
