"""The one place that calls the API server."""
