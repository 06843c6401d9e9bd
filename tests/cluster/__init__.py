"""Tests against a real Kubernetes, and the providers that start one."""
