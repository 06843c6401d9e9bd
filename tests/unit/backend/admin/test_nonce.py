"""The attribute for a Content Security Policy with nonces."""

from django.template import Context, Template
from django.utils.csp import LazyNonce


def test_a_nonce_is_made_where_nothing_else_has_asked_for_it() -> None:
    """Of a project with a nonce in its policy, and a base template that knows of none, as Django 6.0 has."""
    template = Template("{% load djangotasks_admin %}<script {% nonce %}>")
    nonce = LazyNonce()
    assert template.render(Context({"csp_nonce": nonce})) == f'<script nonce="{nonce}">'
    assert template.render(Context({"csp_nonce": None})) == template.render(Context()) == "<script >"
