"""The floor: the GETs alone, with aiohttp as it comes. Nothing is parsed, kept or published."""

import asyncio
import sys

import aiohttp

from tests.bench import control
from tests.bench.campaigns import KEY, ids


async def fetch(session: aiohttp.ClientSession, slots: asyncio.Semaphore, url: str) -> bool:
    async with slots, session.get(url) as response:
        await response.read()
        return response.status == 200


async def fetch_all(session: aiohttp.ClientSession, urls: list[str], in_flight: int) -> int:
    """Return how many GETs were answered with 200."""
    slots = asyncio.Semaphore(in_flight)
    return sum(await asyncio.gather(*(fetch(session, slots, url) for url in urls)))


async def main(base_url: str, count: int, in_flight: int) -> None:
    urls = [f"{base_url}/v1/campaigns/{id_}/stats" for id_ in ids(count)]
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session:
        await control.sweep_when_told(count, lambda: fetch_all(session, urls, in_flight))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
