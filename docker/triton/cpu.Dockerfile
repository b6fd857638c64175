# Triton for machines without a GPU: the server of the PyPI wheel, ONNX Runtime behind this project's own backend.
ARG PYTHON_TAG=3.11-slim-bookworm
FROM python:${PYTHON_TAG}

WORKDIR /srv
COPY LICENSE THIRD_PARTY.md ./
# The wheels are used for the files they carry; what their metadata asks for is never imported.
COPY docker/requirements.txt docker/wheels.txt docker/
COPY docker/triton/requirements.txt docker/triton/
RUN pip install --no-cache-dir --no-deps --require-hashes -r docker/requirements.txt \
 && pip install --no-cache-dir --no-deps --require-hashes -r docker/triton/requirements.txt \
 && pip install --no-cache-dir --no-deps --require-hashes -r docker/wheels.txt

COPY docker/preflight.py docker/supervisor.py docker/
COPY docker/triton/ docker/triton/
COPY model_repository/ model_repository/
# Triton's stubs link libpython3.11.so.1.0: this image has it in /usr/local/lib; better to fail here than at the start.
RUN python -c "from docker.triton.server import libpython_directory as found; assert found(), 'no libpython'" \
 && install -d -o 10001 -g 10001 var

USER 10001:10001
ENV PYTHONDONTWRITEBYTECODE=1
EXPOSE 8001 8002 8010
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8010/v2/health/live', timeout=4)"]
CMD ["python", "-m", "docker.triton.launcher", "--host=0.0.0.0"]
