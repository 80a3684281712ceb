"""How many POSTs a second the web framework takes when it does nothing with them: `python -m benchmarks.bare`.

One route of FastAPI that reads the body and answers 202, on uvicorn, set up as ours is.
"""

import asyncio
import socket
import sys
import time

import uvicorn
import uvloop
from fastapi import FastAPI, Request, Response

from benchmarks.inbox import send
from benchmarks.machine import cpu_seconds

COUNT, CONNECTIONS = 8_000, 64


async def rate() -> float:
    """POSTs of about an activity's size, for each second of the processor."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.bare", str(port))
    try:
        await _listens(port)
        body = b"x" * 1_200
        head = f"POST /inbox HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
        requests = [head.encode() + body] * COUNT
        await send(port, requests[:200], 8)
        spent = cpu_seconds(process.pid)
        await send(port, requests, CONNECTIONS)
        return COUNT / (cpu_seconds(process.pid) - spent)
    finally:
        process.terminate()
        await process.wait()


async def _listens(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                return writer.close()


def _serve(port: int) -> None:
    app = FastAPI(openapi_url=None)

    @app.post("/inbox")
    async def inbox(request: Request) -> Response:
        await request.body()
        return Response(status_code=202)

    uvicorn.run(app, port=port, access_log=False, server_header=False, ws="none", log_config=None)


async def main() -> None:
    """Runs once and prints."""
    began = time.monotonic()
    print(f"{await rate():.0f}/s per core, measured in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _serve(int(sys.argv[1]))
    else:
        uvloop.run(main())
