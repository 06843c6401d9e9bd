"""What developers run: a test cluster, the demo, the operator out of the cluster. Not published; imports no test."""
