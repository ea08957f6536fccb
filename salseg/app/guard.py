"""Who may ask: this page in this browser, and nobody else.

A page of another site can send requests to a server on one's own computer. So the host that a request names must be
the server's own (which a name that was bound to 127.0.0.1 by somebody else is not), its origin that of the page, and off
this computer it needs a token too.
"""

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from salseg.errors import ConfigError

LOOPBACK = ('127.0.0.1', 'localhost', '::1')
# A scribble of the largest photo, packed, is far below; whatever else is sent is a few numbers.
MAX_BODY = 32 * 2**20
COOKIE = 'salseg_token'
_HEADERS = {
    'content-security-policy': "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
}


class TooLarge(Exception):
    """A request's body is larger than any that the page sends."""


def authorities(host: str, port: int) -> frozenset[str]:
    """What the Host header of an honest request may be.

    Raises:
        ConfigError: The host stands for every interface.
    """
    if host in ('', '*', '0.0.0.0', '::'):  # noqa: S104 (refused)
        raise ConfigError(
            f'--host {host or "(empty)"} listens on every network; name one address of this computer, or reach 127.0.0.1 '
            'from afar by `ssh -L`.'
        )
    names = LOOPBACK if host in LOOPBACK else (host,)
    written = [f'[{name}]' if ':' in name else name.lower() for name in names]
    return frozenset(f'{name}:{port}' for name in written) | (frozenset(written) if port == 80 else frozenset())


class Guard:
    """Refuse what does not come from the page.

    Args:
        app: What answers.
        allowed: See `authorities`.
        token: Needed where it is not empty: in the address once, then in a cookie.
    """

    def __init__(self, app: ASGIApp, allowed: frozenset[str], token: str = '') -> None:
        self.app, self.allowed, self.token = app, allowed, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse with a sentence."""
        if scope['type'] != 'http':
            # No web sockets are served; the rest is start and end of the server.
            if scope['type'] == 'lifespan':
                await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message['type'] == 'http.response.start':
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        headers = Headers(scope=scope)
        reason = self._foreign(headers) or self._oversized(headers)
        answer: Response | None = (
            JSONResponse({'error': reason}, 403 if 'bytes' not in reason else 413) if reason else None
        )
        if answer is None and self.token:
            answer = self._ask_token(scope, headers)
        if answer is not None:
            await answer(scope, receive, with_headers)
            return
        await self.app(scope, _bounded(receive), with_headers)

    def _foreign(self, headers: Headers) -> str:
        host, origin = headers.get('host', '').lower(), headers.get('origin')
        if host not in self.allowed:
            return f'this server is not called {host!r}; open the address that it printed.'
        if origin is not None and origin.lower() not in {f'http://{name}' for name in self.allowed}:
            return f'requests from {origin!r} are refused; use the page of this server.'
        if headers.get('sec-fetch-site', 'same-origin') not in ('same-origin', 'none'):
            return 'requests from other sites are refused; use the page of this server.'
        return ''

    @staticmethod
    def _oversized(headers: Headers) -> str:
        length = headers.get('content-length', '0')
        if length.isdigit() and int(length) <= MAX_BODY:
            return ''
        return f'the request has {length} bytes; at most {MAX_BODY} are taken.'

    def _ask_token(self, scope: Scope, headers: Headers) -> Response | None:
        given = parse_qs(scope.get('query_string', b'').decode('latin-1')).get('token', [''])[0]
        if given and secrets.compare_digest(given.encode(), self.token.encode()):
            answer = RedirectResponse('/', 303)
            answer.set_cookie(COOKIE, self.token, httponly=True, samesite='strict')
            return answer
        try:
            kept = SimpleCookie(headers.get('cookie', '')).get(COOKIE)
        except CookieError:
            kept = None
        if kept is not None and secrets.compare_digest(kept.value.encode(), self.token.encode()):
            return None
        return JSONResponse({'error': 'a token is needed: open the whole address that the server printed.'}, 401)


def _bounded(receive: Receive) -> Receive:
    """What is received, as long as it is no more than any page sends: a length may be left unsaid."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get('body', b''))
        if taken > MAX_BODY:
            raise TooLarge(f'the request is larger than {MAX_BODY} bytes.')
        return message

    return bounded
