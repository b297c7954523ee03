# docs/deploy/container.md says how to build, run and check this image. To pin the base by its digest:
# --build-arg BASE_IMAGE=python:3.13-slim@sha256:...
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
COPY requirements.lock /
# --no-deps: a lock names everything, and pip would take the newest of a package that is asked for with extras.
RUN ["python", "-m", "pip", "install", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-compile", \
     "--no-cache-dir", "--root-user-action=ignore", "--target=/app", "--requirement=/requirements.lock"]
COPY exporter /app/exporter
# A checkout that was made with umask 077 may have modes that the image's user can't read.
RUN ["chmod", "-R", "a+rX", "/app/exporter"]
# Bytecode, as nothing can be written later. It names no times: those of files change on their way into a layer.
ENV PYTHONPYCACHEPREFIX=/app/.pycache
RUN ["python", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "/app"]
# The same of what is used of the standard library: slim images come without it, which makes a start thrice as long.
ENV PYTHONPATH=/app
RUN ["python", "-c", "import exporter.cli, exporter.demo, exporter.api.client, exporter.polling.schedule, exporter.web.healthcheck, jinja2"]

FROM ${BASE_IMAGE}
COPY --from=build /app /app
# TMPDIR: the one place that can be written to under a read-only root; only the demo needs it.
ENV PYTHONPATH=/app \
    PYTHONPYCACHEPREFIX=/app/.pycache \
    TMPDIR=/dev/shm \
    LEADTERRA_EXPORTER_CONFIG_FILE=/etc/leadterra-exporter/config.yaml \
    LEADTERRA_EXPORTER_CONFIG_AUTO_RELOAD_INTERVAL=10s \
    LEADTERRA_EXPORTER_WEB_LISTEN_ADDRESS=:10421
LABEL org.opencontainers.image.title="leadterra-exporter" \
      org.opencontainers.image.description="Prometheus exporter for Leadterra campaign statistics" \
      org.opencontainers.image.source="https://github.com/leadterra-exporter/leadterra-exporter" \
      org.opencontainers.image.documentation="https://github.com/leadterra-exporter/leadterra-exporter/blob/main/docs/deploy/container.md" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532
EXPOSE 10421
STOPSIGNAL SIGTERM
# Every 10 s: the first check comes after one interval. Builders of before 2024 know no --start-interval.
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s --retries=3 CMD ["python", "-m", "exporter.web.healthcheck"]
ENTRYPOINT ["python", "-m", "exporter"]
# Last, so that another revision reuses all layers.
ARG LEADTERRA_EXPORTER_REVISION=unknown
LABEL org.opencontainers.image.revision="${LEADTERRA_EXPORTER_REVISION}"
ENV LEADTERRA_EXPORTER_REVISION=${LEADTERRA_EXPORTER_REVISION}
