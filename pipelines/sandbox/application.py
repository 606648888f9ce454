"""The world as an ASGI application: each provider under its name, the control interface under `/_sandbox`."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from pipelines.sandbox import control
from pipelines.sandbox.access import complaint
from pipelines.sandbox.replies import json_reply
from pipelines.sandbox.traffic import RequestLine
from pipelines.sandbox.world import World

_log = logging.getLogger(__name__)


def application(world: World) -> ASGIApp:
    """The ASGI application of all providers. Faults and delays of `world` apply before a provider answers."""
    mounts = [Mount(f"/{provider}", routes=vendor.routes()) for provider, vendor in world.vendors.items()]

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        vendor = world.vendors.get(request.scope["path"].split("/", 2)[1])
        message = {"message": complaint(request, error.status_code)}
        refusal = (
            vendor.refuse(request, error.status_code) if vendor else json_reply(message, error.status_code)
        )
        refusal.headers.update(error.headers or {})
        return refusal

    providers = Starlette(
        routes=[*mounts, Mount("/_sandbox", routes=control.routes(world))],
        exception_handlers={HTTPException: refuse},
    )

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        provider = scope["path"].split("/", 2)[1]
        if provider not in world.vendors:
            await providers(scope, receive, send)
            return
        request = RequestLine(
            provider, scope["method"], scope["path"], scope["query_string"].decode("latin-1")
        )
        with world.traffic.passing(request):
            with _logged(request):
                answer_instead = await _pause(world, request)
                if answer_instead is None:
                    await providers(scope, receive, send)
            if answer_instead is not None:
                await answer_instead(scope, receive, send)

    return answer


@contextmanager
def _logged(request: RequestLine) -> Iterator[None]:
    """Log an error of a hook or of the sandbox itself; the client only sees a 500."""
    try:
        yield
    except Exception:
        _log.exception("the sandbox failed to answer %s", request)
        raise


async def _pause(world: World, request: RequestLine) -> ASGIApp | None:
    """Wait for the delay of `request`. Return the answer of a fault, or None if the provider answers."""
    fault = world.faults.take(request.provider, str(request))
    delay_s = world.latency_s + (fault.delay_s if fault else 0.0)
    if delay_s:
        await asyncio.sleep(delay_s)
    if world.before_request:
        world.before_request(request)
    return fault.response() if fault else None
