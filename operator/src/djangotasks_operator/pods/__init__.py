"""Read and make the Job and the Pod of an attempt. Pure."""
