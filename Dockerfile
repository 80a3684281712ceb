# Groundswell in one container: web, worker and sweeper.
#
#   docker build -t groundswell .
#   docker run -p 8000:8000 -v groundswell-data:/data -v groundswell-keys:/keys groundswell
#
# The root key has a volume of its own, so that a backup or a leak of the data does not carry it along.

FROM python:3.12-slim AS packages
COPY requirements.lock .
# The image has no compiler: wheels only, each checked against its hash.
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --no-deps --only-binary :all: -r requirements.lock

FROM python:3.12-slim
RUN groupadd --gid 10001 groundswell \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin groundswell \
    && install -d -m 0700 -o groundswell -g groundswell /data /data/groundswell /keys
COPY --from=packages /opt/venv /opt/venv
COPY LICENSE /opt/groundswell/
COPY crypto /opt/groundswell/crypto
COPY models /opt/groundswell/models
COPY federation /opt/groundswell/federation
COPY server /opt/groundswell/server
RUN /opt/venv/bin/python -m compileall -q /opt/groundswell

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/groundswell \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    GROUNDSWELL_DATA_DIR=/data/groundswell \
    GROUNDSWELL_ROOT_KEY_FILE=/keys/root.key \
    GROUNDSWELL_HOST=0.0.0.0 \
    GROUNDSWELL_PORT=8000

USER groundswell
WORKDIR /data
VOLUME ["/data", "/keys"]
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client as h, os, sys; c = h.HTTPConnection('127.0.0.1', int(os.environ['GROUNDSWELL_PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

ENTRYPOINT ["python", "-m", "server.cli"]
CMD ["run"]
