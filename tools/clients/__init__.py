"""Other packages, and Django itself, run on this backend: `make test-clients`."""
