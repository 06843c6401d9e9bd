"""What the project promises in figures, measured on the test cluster: `python -m benchmarks latency writes`.

Each benchmark measures itself and its baseline in turn, in one run, so that a slow or busy machine slows both. The
figures and their targets are explained in docs/benchmarks.md.
"""
