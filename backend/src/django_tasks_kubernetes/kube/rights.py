"""How to grant a right that an account lacks, said for the account that the API server names. Pure."""

import re
from typing import Final

USER: Final = re.compile(r'User "([^"]+)" cannot')
SERVICE_ACCOUNT: Final = re.compile(r"system:serviceaccount:([^:]+):([^:]+)")


def role_commands(role: str, namespace: str, rights: str, refusal: str) -> str:
    """The commands of kubectl. `rights`: what `kubectl create role` takes. `refusal`: the server's message."""
    return (
        f"kubectl create role {role} -n {namespace} {rights}, and kubectl create rolebinding {role} -n {namespace} "
        f"--role={role} {subject(refusal)}"
    )


def subject(refusal: str) -> str:
    """The option of `kubectl create rolebinding` for the account that was refused."""
    if account := service_account(refusal):
        return f"--serviceaccount={':'.join(account)}"
    found = USER.search(refusal)
    return f"--user={found[1] if found else '<name>'}"


def service_account(refusal: str) -> tuple[str, str] | None:
    """Namespace and name of the service account that was refused; None for a person."""
    found = USER.search(refusal)
    account = SERVICE_ACCOUNT.fullmatch(found[1]) if found else None
    return (account[1], account[2]) if account else None
