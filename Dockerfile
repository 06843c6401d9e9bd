# The project's images. `operator` is the product; `example`, `clients` and `services` are for the tests and the demo.
# BASE needs a Python of 3.12 or later, its venv module, CA certificates, and Debian's packages for `services`.
# Where packages come through somebody who signs with an authority of their own, the secret `certificates` is the file
# of authorities to trust: docker build --secret id=certificates,src=/etc/ssl/certs/ca-certificates.crt ...
ARG BASE=python:3.13-slim

# --- What all images share: the standard library as bytecode, since nothing is written at run time, and a
# user with a name (PostgreSQL and getpass want one) whose number can be checked by runAsNonRoot.
FROM ${BASE} AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp PATH=/opt/venv/bin:$PATH
RUN python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash \
        -x '/(site|dist)-packages/|/test/|lib2to3/tests' "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && echo 'app:x:65532:65532:app:/tmp:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'app:x:65532:' >> /etc/group

# --- The tools of the build, in a venv that no image gets. `install` puts packages into /opt/venv; its bytecode
# does not look at the sources' times, which an image may lose.
FROM base AS tools
ARG PIP_INDEX_URL=https://pypi.org/simple
ARG UV_DEFAULT_INDEX=https://pypi.org/simple
ARG UV_VERSION=0.13.9
ARG HATCHLING_VERSION=1.33.0
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m venv /opt/tools \
    && /opt/tools/bin/pip install -q --disable-pip-version-check "uv==${UV_VERSION}" "hatchling==${HATCHLING_VERSION}" \
    && printf '%s\n' '#!/bin/sh' \
        'export UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=UNCHECKED_HASH UV_LINK_MODE=copy UV_NO_CACHE=1' \
        "export SSL_CERT_FILE=$SSL_CERT_FILE UV_DEFAULT_INDEX=$UV_DEFAULT_INDEX" \
        'exec /opt/tools/bin/uv pip install -q --python /opt/venv/bin/python "$@"' > /opt/tools/bin/install \
    && chmod 755 /opt/tools/bin/install
ENV PATH=/opt/tools/bin:$PATH

# --- The lock file as one list for each image. Steps below copy these lists and not the lock file, so that a
# new tool for developers builds no image anew.
FROM tools AS lock
WORKDIR /src
COPY pyproject.toml uv.lock ./
COPY crds/pyproject.toml crds/
COPY operator/pyproject.toml operator/
COPY backend/pyproject.toml backend/
RUN mkdir /lists \
    && list() { name=$1; shift; uv export -q --frozen --no-default-groups --no-emit-workspace --no-header "$@" > /lists/$name.txt; } \
    && list operator --package djangotasks-operator \
    && list example --only-group example \
    && list services --only-group services

# --- Dependencies: a venv for each image. `/opt/app`, the project's own code, is on its path.
FROM base AS venv
RUN python3 -m venv --without-pip /opt/venv \
    && echo /opt/app > "$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/app.pth"

FROM venv AS operator-venv
COPY --from=lock /lists/operator.txt /opt/venv/requirements.txt
RUN --mount=type=bind,from=tools,source=/opt/tools,target=/opt/tools \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    /opt/tools/bin/install --require-hashes -r /opt/venv/requirements.txt

FROM venv AS example-venv
COPY --from=lock /lists/example.txt /opt/venv/requirements.txt
RUN --mount=type=bind,from=tools,source=/opt/tools,target=/opt/tools \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    /opt/tools/bin/install --require-hashes -r /opt/venv/requirements.txt

# The packages of others that run on the backend (tools/clients), on top of the example's.
FROM example-venv AS clients-venv
COPY tools/clients/requirements.txt /opt/venv/clients.txt
RUN --mount=type=bind,from=tools,source=/opt/tools,target=/opt/tools \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    /opt/tools/bin/install -r /opt/venv/clients.txt

# --- The project's own code: the last, thin layer. Wheels are built with the tools at hand, so that a change
# of a source file needs no network.
FROM tools AS code
RUN python3 -m venv --without-pip /opt/venv
WORKDIR /src
COPY crds crds

FROM code AS operator-code
COPY operator operator
RUN uv build -q --no-build-isolation --python /opt/tools/bin/python --wheel --out-dir /wheels ./crds \
    && uv build -q --no-build-isolation --python /opt/tools/bin/python --wheel --out-dir /wheels ./operator \
    && install --no-deps --target /opt/app /wheels/*.whl

FROM code AS example-code
COPY backend backend
RUN uv build -q --no-build-isolation --python /opt/tools/bin/python --wheel --out-dir /wheels ./crds \
    && uv build -q --no-build-isolation --python /opt/tools/bin/python --wheel --out-dir /wheels ./backend \
    && install --no-deps --target /opt/app /wheels/*.whl
COPY examples/shop/manage.py /app/
COPY examples/shop/shop /app/shop
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

# --- The operator.
FROM operator-venv AS operator
COPY --from=operator-code /opt/app /opt/app
ENV PATH=/opt/app/bin:$PATH
USER 65532:65532
ENTRYPOINT ["djangotasks-operator"]
CMD ["run"]

# --- The example project: one image for its web pods and its tasks.
FROM example-venv AS example
COPY --from=example-code /opt/app /opt/app
COPY --from=example-code /app /app
ENV DJANGO_SETTINGS_MODULE=shop.settings
WORKDIR /app
USER 65532:65532
CMD ["gunicorn", "--bind=0.0.0.0:8000", "--worker-tmp-dir=/dev/shm", "--no-control-socket", "shop.wsgi"]

# --- A project with the packages of others, whose own tasks a story runs in pods.
FROM clients-venv AS clients
COPY --from=example-code /opt/app /opt/app
COPY tools/__init__.py /app/tools/
COPY tools/clients /app/tools/clients
ENV DJANGO_SETTINGS_MODULE=tools.clients.settings
WORKDIR /app
USER 65532:65532

# --- What the example needs around it: `postgres` and `smtp-sink` are its two commands.
FROM venv AS services
# No cluster at installation: the data lives in a volume, and is made by the first start.
RUN --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf \
    && apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY --from=lock /lists/services.txt /opt/venv/requirements.txt
RUN --mount=type=bind,from=tools,source=/opt/tools,target=/opt/tools \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    /opt/tools/bin/install --require-hashes -r /opt/venv/requirements.txt
COPY tools/cluster/services/postgres.sh /usr/local/bin/postgres
COPY tools/cluster/services/smtp_sink.py /usr/local/bin/smtp-sink
USER 65532:65532
CMD ["postgres"]
