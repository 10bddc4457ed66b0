# The bot as a container: docs/operating.md, "The container image". It runs with a read-only root file system.
#
# One stage: every library comes as a wheel, so there is no compiler to leave behind, and a second stage would hold the
# same files. Whoever must have the same base each time names it by its digest.
FROM python:3.12-slim

LABEL org.opencontainers.image.title="Vault Uploads" \
      org.opencontainers.image.description="Slack app that answers where a Veeva Vault upload session stands" \
      org.opencontainers.image.licenses="Apache-2.0"

# A number, so that a platform can see that it is not root. It has a name too: libpq asks for it.
RUN groupadd --gid 10001 bot \
 && useradd --uid 10001 --gid 10001 --home-dir /app --no-create-home --shell /usr/sbin/nologin bot \
 && install -d -o 10001 -g 10001 -m 700 /app/data

WORKDIR /app

# Before the code, which changes more often.
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY manifest.yaml ./
COPY bot ./bot

# Compiled here, since nothing can be written later, and each start would have to compile anew. The files do not change
# any more, so Python need not compare them at each start either. Readable also where they were checked out unreadable.
RUN chmod -R a+rX bot manifest.yaml \
 && python -m compileall -q --invalidation-mode unchecked-hash bot

# HOST: connections come from outside of the container. No bytecode: there is nowhere to write it.
ENV HOST=0.0.0.0 \
    PORT=3000 \
    PYTHONDONTWRITEBYTECODE=1

EXPOSE 3000
VOLUME ["/app/data"]
USER 10001:10001

# Whether the process lives: who does not is to be started again. With Slack or the database away a new start would not
# help; /readyz tells that, for whatever shares requests out. By http.client, which asks no proxy. Who listens everywhere is asked here; an empty setting is the bot's own default.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import http.client, os, sys; h = os.environ.get('HOST') or '127.0.0.1'; c = http.client.HTTPConnection({'0.0.0.0': '127.0.0.1', '::': '::1'}.get(h, h), int(os.environ.get('PORT') or 3000), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

# No shell in between: SIGTERM, which is also STOPSIGNAL's default, reaches the bot.
CMD ["python", "-m", "bot", "run"]
