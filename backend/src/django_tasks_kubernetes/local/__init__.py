"""Tasks without a cluster: kept in the memory of this process, and run in it by the code that runs them in a pod."""
