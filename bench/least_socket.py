"""The least code for Socket Mode: one websocket, an ack for each envelope, and the answer of `bench.least`."""

import asyncio
import json
import os

import aiohttp
import uvloop

from bench.least import begin


async def main() -> None:
    """Ask for an address, connect, and serve until the connection ends."""
    token = {"Authorization": f"Bearer {os.environ['SLACK_APP_TOKEN']}"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:
        url = f"{os.environ['SLACK_API_URL']}apps.connections.open"
        async with session.post(url, headers=token) as response:
            address = (await response.json())["url"]
        async with session.ws_connect(address) as socket:
            async for frame in socket:
                envelope = json.loads(frame.data)
                if "envelope_id" in envelope:
                    await socket.send_str(json.dumps({"envelope_id": envelope["envelope_id"]}))
                    begin(session, envelope["payload"])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
