# Pileus in one image; the command chooses the part: docker run IMAGE worker --broker HOST:PORT
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --create-home --uid 10001 pileus && install -d -o pileus -g pileus /home/pileus/.pileus
WORKDIR /opt/pileus

COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY predictors predictors
COPY streams streams
COPY actuators actuators
COPY dashboards dashboards
COPY pileus pileus
RUN pip install --no-deps --no-build-isolation .

# By number: Kubernetes cannot tell that a name is not root (runAsNonRoot).
USER 10001
WORKDIR /home/pileus
ENTRYPOINT ["pileus"]
CMD ["--help"]
