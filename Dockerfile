# Arena as one image: the server, the nodes of a Ray cluster and the command line. docs/how-to/deploy.md says how they go together.
# Debian's release decides the version of pg_dump, which copies no server that is newer: trixie has 17, as compose.yaml.
FROM python:3.11-slim-trixie

RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap postgresql-client tini \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/arena
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY arena arena
COPY agents agents
COPY games games
COPY leaderboards leaderboards
COPY server server
COPY solvers solvers
RUN pip install --no-cache-dir -c constraints.txt ".[postgres,ray,figures]"

# Nobody in here is root. What is kept lies in /var/lib/arena, a volume; compiled kernels in /var/cache/arena.
RUN useradd --uid 10001 --create-home --home-dir /var/lib/arena arena \
    && mkdir -p /var/cache/arena \
    && chown arena:arena /var/cache/arena
USER arena
WORKDIR /var/lib/arena
ENV ARENA_ARTIFACTS=/var/lib/arena/artifacts ARENA_SERVE_HOST=0.0.0.0 NUMBA_CACHE_DIR=/var/cache/arena PYTHONUNBUFFERED=1

EXPOSE 8000
ENTRYPOINT ["tini", "-g", "--"]
CMD ["arena", "serve"]
