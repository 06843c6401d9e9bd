"""`python -m djangotasks_operator`: the same as `djangotasks-operator`."""

from djangotasks_operator.cli import main

main(prog_name="djangotasks-operator")
