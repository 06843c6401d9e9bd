"""The go.mod of what is built."""

from tools.cluster.golang import modfile

KUBERNETES = """\
module k8s.io/kubernetes

go 1.26.0

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/client-go => ./staging/src/k8s.io/client-go
	example.com/other => example.com/fork v1.0.0
)
"""


def test_staging_modules_are_replaced_by_what_is_published_of_them() -> None:
    assert modfile.staging_replaces(KUBERNETES, "1.37.2") == (
        "replace k8s.io/api => k8s.io/api v0.37.2\nreplace k8s.io/client-go => k8s.io/client-go v0.37.2\n"
    )


def test_godebug_follows_the_modules_go() -> None:
    assert modfile.godebug(KUBERNETES) == "godebug default=go1.26\n"
    assert modfile.godebug("module x\n") == ""


def test_go_mod() -> None:
    assert modfile.render({"example.com/m": "1.2.3", "example.com/n": "2.0.0"}, "replace …\n") == (
        "module build\ngo 1.26.0\nrequire example.com/m v1.2.3\nrequire example.com/n v2.0.0\nreplace …\n"
    )
