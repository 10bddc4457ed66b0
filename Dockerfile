FROM python:3.12-slim
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE manifest.yaml ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY bot ./bot
RUN useradd --system --uid 10001 bot && mkdir /app/data && chown bot /app/data
USER bot
CMD ["python", "-m", "bot", "run"]
