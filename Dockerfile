# The image of Rollcall: one program, run by an unprivileged user, with a home that is mounted.
#
#   docker build --build-arg VERSION="$(rollcall --version | cut -d' ' -f2)" --tag localhost/rollcall-sync .
#   docker run --rm --read-only --tmpfs /tmp --volume ./home:/home/rollcall localhost/rollcall-sync sync

FROM python:3.13-slim-bookworm AS build
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
ENV UV_PROJECT_ENVIRONMENT=/opt/rollcall \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# Install the packages first: they change less often than the sources, so this layer stays in the cache.
COPY pyproject.toml uv.lock ./
# Extras to install, such as "lake ray".
ARG EXTRAS=""
RUN for extra in $EXTRAS; do set -- "$@" --extra "$extra"; done; \
    uv sync --frozen --no-dev --no-install-project --no-build "$@"
COPY README.md LICENSE CHANGELOG.md ./
COPY pipelines pipelines
COPY sql sql
COPY notebooks notebooks
# The build has no git history, so the version is an argument.
ARG VERSION=0.1.0.dev0
RUN for extra in $EXTRAS; do set -- "$@" --extra "$extra"; done; \
    SETUPTOOLS_SCM_PRETEND_VERSION="$VERSION" uv sync --frozen --no-dev --no-editable "$@"

FROM python:3.13-slim-bookworm
RUN groupadd --gid 10001 rollcall \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /home/rollcall rollcall \
    && install --directory --mode=0700 --owner=10001 --group=10001 /home/rollcall
COPY --from=build /opt/rollcall /opt/rollcall
ENV PATH=/opt/rollcall/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    ROLLCALL_HOME=/home/rollcall
USER 10001:10001
WORKDIR /home/rollcall
VOLUME /home/rollcall
# For a container that keeps running, as in compose.yaml: it is unhealthy if a connection was not verified
# within 36 hours.
HEALTHCHECK --interval=30m --timeout=1m --start-period=1m --retries=1 \
    CMD ["rollcall", "status", "--max-age", "36h"]
ENTRYPOINT ["rollcall"]
CMD ["--help"]
