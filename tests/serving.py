"""An HTTP server on the loopback that behaves well or badly."""

import contextlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """One file and how it is served.

    Attributes:
        content: Its bytes.
        ranges: Whether parts are served.
        tag: Of this version; empty sends none.
        cuts: Bytes after which a connection ends, one number for each of the first connections.
        kind: Content type.
        status: Sent instead of the file, where it is no success.
        pause: Seconds before each block.
        block: Bytes of a block.
        leads_to: Address of a redirect.
        announce: Whether the length is sent; another number than the true one where it is a number.
        requests: What was asked: the Range of each request, or None.
    """

    content: bytes
    ranges: bool = True
    tag: str = '"one"'
    cuts: list[int] = field(default_factory=list)
    kind: str = 'application/octet-stream'
    status: int = 200
    pause: float = 0.0
    block: int = 1 << 16
    leads_to: str = ''
    announce: bool | int = True
    requests: list[str | None] = field(default_factory=list)
    address: str = ''


@contextlib.contextmanager
def serving(served):
    """Serve on a free port; `served.address` is where."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get('Range')
            served.requests.append(asked)
            if served.leads_to:
                self.send_response(302)
                self.send_header('Location', served.leads_to)
                self.end_headers()
                return
            if served.status != 200:
                self.send_error(served.status)
                return
            begin, total = 0, len(served.content)
            same = self.headers.get('If-Range', served.tag) == served.tag
            if asked and served.ranges and same:
                begin = int(asked.removeprefix('bytes=').removesuffix('-'))
                if begin >= total:
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header('Content-Range', f'bytes {begin}-{total - 1}/{total}')
            else:
                self.send_response(200)
            self.send_header('Content-Type', served.kind)
            if served.tag:
                self.send_header('ETag', served.tag)
            if served.announce:
                true = served.announce is True
                self.send_header('Content-Length', str(total - begin if true else served.announce))
            # No name that a server proposes may become a path.
            self.send_header('Content-Disposition', 'attachment; filename="../../escaped.pth"')
            self.end_headers()
            end = served.cuts.pop(0) if served.cuts else total
            for start in range(begin, min(begin + end, total), served.block):
                time.sleep(served.pause)
                with contextlib.suppress(OSError):
                    self.wfile.write(served.content[start : min(start + served.block, begin + end)])

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01}, daemon=True)
    thread.start()
    served.address = f'http://127.0.0.1:{server.server_port}/weights.pth'
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
