# One small image per service, all from the same layers:
#   docker build --target ingest .        (or query, indexer, notifier, provision)
# No BuildKit feature is used, so that any engine builds it.

FROM python:3.12-slim AS builder
ARG UV_VERSION=0.13.9
RUN pip install --no-cache-dir "uv==${UV_VERSION}"
# The image's own Python, files copied and not linked, bytecode made now: the final one is read-only.
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1
WORKDIR /app
# What changes rarely comes first: an edit of the code does not install again.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --group server --no-install-project
COPY registry registry
COPY shared shared
COPY services services
RUN python -m compileall -q registry shared services

FROM python:3.12-slim AS runtime
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin registry \
 && install -d -o registry /var/lib/registry
WORKDIR /app
COPY --from=builder /app/.venv .venv
COPY pyproject.toml ./
COPY --from=builder /app/registry registry
COPY --from=builder /app/shared shared
COPY --from=builder /app/services services
# REGISTRY_HOST: the default, loopback, would be the container's own, which no one else reaches.
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 REGISTRY_HOST=0.0.0.0
USER registry
# READY_URL is each service's; an answer other than 2xx raises, and so is unhealthy.
HEALTHCHECK --interval=5s --timeout=10s --start-period=60s --retries=6 \
  CMD ["python", "-m", "shared.runtime.ask_ready"]

# Ends by itself; operators' commands run in it, too.
FROM runtime AS provision
HEALTHCHECK NONE
CMD ["python", "-m", "services.admin", "provision"]

FROM runtime AS ingest
ENV READY_URL=http://127.0.0.1:8000/health/ready
EXPOSE 8000
CMD ["python", "-m", "services.ingest"]

FROM runtime AS query
ENV READY_URL=http://127.0.0.1:8001/health/ready
EXPOSE 8001
CMD ["python", "-m", "services.query"]

FROM runtime AS indexer
ENV READY_URL=http://127.0.0.1:8002/health/ready
EXPOSE 8002
CMD ["python", "-m", "services.indexer"]

FROM runtime AS notifier
ENV READY_URL=http://127.0.0.1:8003/health/ready
EXPOSE 8003
CMD ["python", "-m", "services.notifier"]
