"""The floor: the GETs alone, with aiohttp as it comes. Nothing is parsed, kept or published.

Run as `python -m tests.bench.peers.floor URL COUNT PORT`; it asks for all again and again, and serves nothing.
"""

import asyncio
import sys

import aiohttp

from tests.bench.campaigns import KEY, ids


async def fetch_all(base_url: str, names: list[str]) -> None:
    urls = [f"{base_url}/v1/campaigns/{id_}/stats" for id_ in names]
    slots = asyncio.Semaphore(32)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:

        async def fetch(url: str) -> None:
            async with slots, session.get(url) as response:
                await response.read()

        while True:
            await asyncio.gather(*(fetch(url) for url in urls))


if __name__ == "__main__":
    asyncio.run(fetch_all(sys.argv[1], ids(int(sys.argv[2]))))
