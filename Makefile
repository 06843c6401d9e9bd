# The project's commands. `make` alone lists them; ARGS goes to pytest and to the benchmarks:
#   make test ARGS="-k helm"      make bench ARGS="latency --json"
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec
ARGS ?=
# The environment that .ci/bootstrap makes. Its programs come first, so no activation is needed.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Where it is set, each of the hundreds of processes that the tests start would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE
CLUSTER := python -m tools.cluster
# More than there are processors, since tests mostly wait for the cluster. A file's tests share a namespace.
WORKERS ?= 4
# CI tries a story that failed again, so that a race on a busy machine does not stop all; its summary shows each try.
RERUNS := $(if $(CI),--reruns 2 --rerun-show-tracebacks -raR)
# What runs side by side prints one after the other.
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
# Not what takes long, which `make test` runs. Without plugins that do nothing for these tests, and something before and
# after each; for the bound of a test's time each starts a thread.
UNIT := pytest -q -m "not thorough" -o faulthandler_timeout=0 $(addprefix -p no:,rerunfailures hypothesispytest xdist junitxml doctest subtests legacypath) $(if $(MAKE_TERMOUT),--color=yes)
# In the parts where ARGS="-k something" finds nothing.
NONE_FOUND := [ $$? = 5 ]
# Commits after this one have conventional messages. Checkouts without history do not have it, and are not checked.
UNCONVENTIONAL := 788bacfc86ca7cc791c33a470462f51c17f2ba19

.PHONY: help bootstrap demo test test-faults test-kind test-clients unit unit-backend unit-others unit-thorough lint fmt generate docs \
        matrix changelog dist audit release-check run-operator bench cluster-up cluster-down

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

bootstrap: ## Make the Python environment (the other commands do it by themselves)
	@.ci/bootstrap

demo: bootstrap ## From nothing to tasks that ran in a cluster, explained on the way
	@python -m tools.demo $(ARGS)

ifeq ($(strip $(ARGS)),)
test: lint docs unit unit-thorough matrix cluster-up ## All checks and tests, on a real cluster (ARGS: just pytest, with these)
	@$(CLUSTER) bin kwok > /dev/null
	@python -m tools.browser > /dev/null
	@python -m tools.promtool > /dev/null
	@pytest -n $(WORKERS) --dist loadfile $(RERUNS) tests --ignore=tests/unit --ignore=tests/charts
	@pytest -m alone $(RERUNS) tests/cluster/test_readme.py
else
test: bootstrap
	@pytest $(ARGS)
endif

test-faults: cluster-up ## Crashes, faults and outages on the real cluster: 15 minutes, on a machine with nothing else to do
	@pytest -n 2 --dist loadfile -m "slow and not disruptive" tests/cluster
	@pytest -m disruptive tests/cluster

test-kind: export DJANGOTASKS_CLUSTER := kind
test-kind: bootstrap ## What differs on kind: the demo, the stories of its provider, the tutorial. Needs Docker or Podman
	@python -m tools.demo
	@pytest tests/cluster/test_life.py tests/cluster/test_run_operator.py tests/docs/test_stand_in.py tests/docs/test_tutorial.py $(ARGS)

test-clients: bootstrap ## Wagtail and other packages, and Django's own tests, on this backend: fetched from PyPI
	@python -m tools.clients

unit: bootstrap ## The tests that need neither a cluster nor processes of their own
	@$(MAKE) --no-print-directory -j2 $(SYNC) unit-backend unit-others

# Two processes of about the same length. Workers of pytest-xdist would each collect all tests, and report each to a third
# process. The part that needs no Django saves its imports, and its fixtures for each test.
unit-backend:
	@$(UNIT) tests/unit/backend tests/unit/benchmarks $(ARGS) || $(NONE_FOUND)

unit-others:
	@$(UNIT) -p no:django tests/unit --ignore=tests/unit/backend --ignore=tests/unit/benchmarks $(ARGS) || $(NONE_FOUND)

unit-thorough: bootstrap ## What `make unit` leaves out: whole pages, web servers, properties with random examples
	@pytest -q -m thorough tests/unit

lint: bootstrap ## Style, types, layers, and whether generated files are up to date
	@ruff check .
	@ruff format --check .
	@python -m tools.words
	@! git cat-file -e $(UNCONVENTIONAL) 2> /dev/null \
	  || cz --no-raise NO_COMMITS_FOUND check --rev-range $(UNCONVENTIONAL)..HEAD > /dev/null
	@mypy
	@lint-imports --no-cache | tail -n 4
	@python -m djangotasks_api.schema --check
	@python -m charts.generate --check
	@python -m docs.reference.generate --check
	@python -m tools.messages --check
	@pytest -q tests/charts tests/docs/test_code_references.py

fmt: bootstrap ## Format the code, and fix what can be fixed
	@ruff check --fix .
	@ruff format .

generate: bootstrap ## Write all generated files: CRDs, the charts' values, schemas and READMEs, the reference, catalogs of messages
	@python -m djangotasks_api.schema
	@python -m charts.generate
	@python -m docs.reference.generate
	@python -m tools.messages

docs: bootstrap ## Build the documentation into site/; a broken link is an error
	@# Without --quiet: that would hide the warnings from --strict.
	@NO_MKDOCS_2_WARNING=1 mkdocs build --strict

matrix: bootstrap ## The backend's unit tests under every Python and Django that is supported (make matrix-3.14: under one)
	@# Finds or installs all of them, before two at a time use them.
	@nox --list > /dev/null
	@$(MAKE) --no-print-directory -j2 $(SYNC) matrix-3.12 matrix-3.13 matrix-3.14

matrix-%: bootstrap
	@nox --error-on-missing-interpreters --session unit-$* $(ARGS)

changelog: bootstrap ## Show what changelog.d has for the next release
	@towncrier build --draft --version next

dist: bootstrap ## Make what a release publishes, in dist/: sdists, wheels, charts, and what is in them (SBOM)
	@rm -rf dist
	@uv build --quiet --all-packages --out-dir dist
	@rm -f dist/.gitignore
	@"$$($(CLUSTER) bin helm)" package $(patsubst %/Chart.yaml,%,$(wildcard charts/*/Chart.yaml)) --destination dist
	@for package in djangotasks-api djangotasks-operator django-tasks-kubernetes; do \
	  uv export --quiet --frozen --no-default-groups --package $$package --format cyclonedx1.5 \
	    --preview-features sbom-export --output-file dist/$$package.cdx.json > /dev/null; done
	@ls -l dist

audit: bootstrap ## Look for known vulnerabilities in what the packages depend on
	@python -c "import urllib.request as r; r.urlopen('https://pypi.org/pypi/pip/25.0/json')" 2> /dev/null \
	  || { echo "NOT AUDITED: PyPI's advisories cannot be reached from here"; exit 0; }; \
	  uv export --quiet --frozen --no-emit-workspace --all-packages --no-default-groups --all-extras \
	  | pip-audit --strict --disable-pip --require-hashes --requirement /dev/stdin

release-check: dist lint audit ## All that a release needs and that publishes nothing
	@pytest tests/release
	@$(CLUSTER) build operator
	@towncrier build --draft --version "$$(bump-my-version show current_version)"

run-operator: bootstrap ## Run the operator on this machine, against the test cluster; restart it after each change of its code
	@python -m tools.run_operator $(ARGS)

bench: bootstrap ## Measure latency, throughput and cost (ARGS: which, and how)
	@python -m benchmarks $(ARGS)

cluster-up: bootstrap ## Bring the test cluster up; nothing to do when it is
	@$(CLUSTER) up

cluster-down: bootstrap ## Remove the test cluster
	@$(CLUSTER) down
