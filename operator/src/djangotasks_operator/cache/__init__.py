"""Keep what the operator knows of the cluster in memory, and write through to the API server.

client-go calls this `tools/cache`, Kueue `pkg/cache`.
"""
