"""How soon `salseg app` shows a large folder, and what memory it takes to scroll through all of it.

    python benchmarks/speed/page.py [--images 3000]

Makes a folder of JPEGs of 400x300 pixels, starts the server as a user does, and asks for what a browser asks for. Before a
time is printed, every image of the folder is found in the answer.
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


def main(argv: list[str] | None = None) -> int:
    """Print; status 1 if the first screen takes more than two seconds."""
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
                started = time.perf_counter() - began
                began = time.perf_counter()
                _get(connection, '/api/state')
                keys = [entry['key'] for entry in json.loads(_get(connection, '/api/images'))]
                assert keys == [f'{number:05d}' for number in range(count)]
                for key in keys[:FIRST_SCREEN]:
                    _get(connection, f'/api/thumb?key={key}')
                first = time.perf_counter() - began
                print(f'start, until the page is served: {started:.2f} s')
                print(f'first screen of {count} images ({FIRST_SCREEN} thumbnails): {first:.2f} s', flush=True)
                before = _memory(server.pid)
                for key in keys:
                    _get(connection, f'/api/thumb?key={key}')
                after = _memory(server.pid)
            finally:
                os.kill(server.pid, signal.SIGINT)
        print(f'memory after the first screen {before} MB, after all {count} thumbnails {after} MB')
        return 0 if first <= 2 else 1


def _get(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request('GET', path)
    answer = connection.getresponse()
    data = answer.read()
    if answer.status != 200:
        raise SystemExit(f'{path}: status {answer.status}')
    return data


def _memory(pid: int) -> int:
    lines = Path(f'/proc/{pid}/status').read_text(encoding='utf-8').splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmRSS')) // 1024


if __name__ == '__main__':
    sys.exit(main())
