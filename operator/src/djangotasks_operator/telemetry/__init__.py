"""Show from outside what the operator does: logs, metrics, Events, probes."""
