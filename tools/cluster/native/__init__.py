"""A real one-node Kubernetes without a container engine: its processes in one network namespace."""
