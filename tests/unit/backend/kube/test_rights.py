"""How to grant a right that an account lacks."""

import pytest

from django_tasks_kubernetes.kube.rights import role_commands, service_account

OF_A_POD = 'djangotasks is forbidden: User "system:serviceaccount:shop:web" cannot create resource "djangotasks"'
OF_A_PERSON = 'djangotasks is forbidden: User "jane@example.com" cannot create resource "djangotasks"'


@pytest.mark.parametrize(
    ("refusal", "subject"),
    [
        (OF_A_POD, "--serviceaccount=shop:web"),
        (OF_A_PERSON, "--user=jane@example.com"),
        ("forbidden", "--user=<name>"),
    ],
)
def test_a_role_is_bound_to_the_account_that_was_refused(refusal: str, subject: str) -> None:
    assert role_commands("enqueue", "shop", "--verb=create --resource=djangotasks", refusal) == (
        "kubectl create role enqueue -n shop --verb=create --resource=djangotasks, and "
        f"kubectl create rolebinding enqueue -n shop --role=enqueue {subject}"
    )


def test_a_service_account_has_a_namespace_and_a_person_has_none() -> None:
    assert service_account(OF_A_POD) == ("shop", "web")
    assert service_account(OF_A_PERSON) is None
