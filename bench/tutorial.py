"""The bot of a first afternoon, to compare with: Bolt's own HTTP server, `requests` for each call, `respond()`."""

import os
from typing import Any

import requests
from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

VAULT = os.environ["VAULTS"].partition("=")[2]

app = App(
    client=WebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"]),
    signing_secret=os.environ["SLACK_SIGNING_SECRET"],
)


@app.command("/upload-status")
def upload_status(ack: Ack, respond: Respond, command: dict[str, Any]) -> None:
    """Say how far the upload is."""
    ack()
    response = requests.get(
        f"{VAULT}/api/v24.3/services/file_staging/upload/{command['text']}",
        headers={"Authorization": f"Bearer {os.environ['VAULT_SESSION']}"},
        timeout=10,
    )
    data = response.json()["data"]
    respond(f"{data['name']}: {data['uploaded'] * 100 // data['size']}%")


if __name__ == "__main__":
    app.start(port=int(os.environ["PORT"]))
