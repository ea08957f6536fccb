"""How soon `salseg app` shows a large folder, what memory it takes to scroll through all of it, and whether it stays flat.

    python benchmarks/speed/page.py [--images 3000]

Makes a folder of JPEGs of 400x300 pixels, starts the server as a user does, and asks for what a browser asks for. Before a
time is printed, every image of the folder is found in the answer. Then come 1,000 requests more of all kinds, each on a
connection of its own.
"""

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

FIRST_SCREEN = 30
REQUESTS = 1000
# Seconds until the page is served and until the first screen is there; MB that all requests together may add.
START, FIRST, GROWTH = 3, 2, 32
# Connections that the server has not closed yet at the moment of looking.
CLOSING = 8


def main(argv: list[str] | None = None) -> int:
    """Print; status 1 if the page is late, or memory, descriptors or threads grow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--images', type=int, default=3000, metavar='N')
    count = parser.parse_args(argv).images
    with tempfile.TemporaryDirectory() as name:
        noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
        image = cv2.resize(noise, (400, 300), interpolation=cv2.INTER_CUBIC)
        data = cv2.imencode('.jpg', image)[1].tobytes()
        for number in range(count):
            Path(name, f'{number:05d}.jpg').write_bytes(data)
        began = time.perf_counter()
        words = [sys.executable, '-m', 'salseg', 'app', name, '--port', '0']
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                address = server.stdout.readline().split()[1].removeprefix('http://').rstrip('/')
                connection = http.client.HTTPConnection(address)
                _get(connection, '/')
                started, spent = time.perf_counter() - began, _spent(server.pid)
                began = time.perf_counter()
                _get(connection, '/api/state')
                keys = [entry['key'] for entry in json.loads(_get(connection, '/api/images'))]
                assert keys == [f'{number:05d}' for number in range(count)]
                for key in keys[:FIRST_SCREEN]:
                    _get(connection, f'/api/thumb?key={key}')
                first, more = time.perf_counter() - began, _spent(server.pid) - spent
                print(f'start, until the page is served: {started:.2f} s, {spent:.2f} s of them processor time')
                print(
                    f'first screen of {count} images ({FIRST_SCREEN} thumbnails): {first:.2f} s, {more:.2f} s of them',
                    flush=True,
                )
                before = _held(server.pid)
                for key in keys:
                    _get(connection, f'/api/thumb?key={key}')
                thumbs = _held(server.pid)
                connection.close()
                _ask(address, keys[:100])
                warm = _held(server.pid)
                _ask(address, [keys[number % count] for number in range(REQUESTS)])
                after = _held(server.pid)
            finally:
                os.kill(server.pid, signal.SIGINT)
        print(f'memory after the first screen {before[0]} MB, after all {count} thumbnails {thumbs[0]} MB')
        for place, name in enumerate(('memory in MB', 'descriptors', 'threads')):
            print(f'{name} after 100 requests more: {warm[place]}, after {REQUESTS} more: {after[place]}')
        flat = after[0] - before[0] <= GROWTH and all(now <= then + CLOSING for now, then in zip(after[1:], warm[1:]))
        return 0 if started <= START and first <= FIRST and flat else 1


def _ask(address: str, keys: list[str]) -> None:
    paths = (
        '',
        'app.js',
        'api/state',
        'api/job',
        *(f'api/{name}?key=' for name in ('info', 'view', 'scribble', 'thumb')),
    )
    for number, key in enumerate(keys):
        path = paths[number % len(paths)]
        connection = http.client.HTTPConnection(address)
        _get(connection, f'/{path}{key if path.endswith("=") else ""}')
        connection.close()


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request('GET', path)
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 200:
        raise SystemExit(f'{path}: status {answer.status}')
    return data


def _spent(pid: int) -> float:
    words = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8').rpartition(')')[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')


def _held(pid: int) -> tuple[int, int, int]:
    """Memory in MB, open descriptors and threads of a process."""
    found = dict(line.split(':') for line in Path(f'/proc/{pid}/status').read_text(encoding='utf-8').splitlines())
    descriptors = len(list(Path(f'/proc/{pid}/fd').iterdir()))
    return int(found['VmRSS'].split()[0]) // 1024, descriptors, int(found['Threads'])


if __name__ == '__main__':
    sys.exit(main())
