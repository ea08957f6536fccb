"""The routes of the page, and the process that serves them."""

import json
import secrets
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from salseg.app.commands import Commands, short_name
from salseg.app.frames import Frames
from salseg.app.guard import LOOPBACK, Guard, TooLarge, authorities
from salseg.app.jobs import Busy, Jobs
from salseg.app.labels import Conflict, boxed, read_boxes_of, read_scribble, save_boxes_of, save_scribble
from salseg.app.pixels import Remembered, doubt, thumbnail, view
from salseg.app.prompts import LAYERS, layer_folder, read_ids, read_layer, read_prompts_of, save_boxes, save_layer
from salseg.app.results import MASKS, evaluation, group_results, image_errors, track_frames
from salseg.app.workspace import NotFound, Workspace
from salseg.errors import DataError, SalsegError
from salseg.io.images import image_size

STATIC = Path(__file__).parent / 'static'
# A list of boxes or of images of a group; scribbles alone are larger.
MAX_JSON = 2 * 2**20
Answer = Callable[[Request, bytes], Response]


class Page:
    """What the routes answer from.

    Args:
        workspace: The folder.
        commands: The words of the commands.
        jobs: What runs.
    """

    def __init__(self, workspace: Workspace, commands: Commands, jobs: Jobs) -> None:
        self.workspace, self.commands, self.jobs = workspace, commands, jobs
        self.doubts, self.ids, self.frames = Remembered(doubt), Remembered(read_ids), Frames(workspace)

    def state(self, request: Request, body: bytes) -> Response:
        """What the folder holds, and what runs."""
        truth = self.workspace.truth()
        return JSONResponse(
            dict(
                folder=str(self.workspace.root), models=self.commands.models(), given=self.commands.given,
                mapped=self.workspace.mapped(), videos=list(self.workspace.videos()),
                truth=truth.name if truth else None, job=self.jobs.describe(),
            )
        )  # fmt: skip

    def images(self, request: Request, body: bytes) -> Response:
        """All images with their status; of a model's maps the doubt, and the error where they were scored."""
        model = request.query_params.get('model', '')
        drawn, framed = self.workspace.scribbles(), boxed(self.workspace)
        maps = self.workspace.maps(model) / 'mask' if model else None
        errors = image_errors(self.workspace, model) if model else {}
        entries = []
        for key, path in self.workspace.images().items():
            entry: dict[str, Any] = dict(key=key, name=path.name, scribble=key in drawn, box=key in framed)
            mask = maps and maps / f'{key}.png'
            if mask and mask.is_file():
                entry['doubt'] = self.doubts(mask)
                if key in errors:
                    entry['error'] = errors[key]
            entries.append(entry)
        return JSONResponse(entries)

    def thumb(self, request: Request, body: bytes) -> Response:
        """A small JPEG of an image, or of its map by a model."""
        key, model = request.query_params.get('key', ''), request.query_params.get('model', '')
        path = self.workspace.map(model, key) if model else self.workspace.image(key)
        return _image(thumbnail(self.workspace, path))

    def view(self, request: Request, body: bytes) -> Response:
        """A large JPEG."""
        return _image(view(self.workspace.image(request.query_params.get('key', ''))))

    def info(self, request: Request, body: bytes) -> Response:
        """Size of an image as it is seen, its boxes."""
        key = request.query_params.get('key', '')
        height, width = image_size(self.workspace.image(key), orient=True)
        boxes, version = read_boxes_of(self.workspace, key)
        return JSONResponse(dict(key=key, width=width, height=height, boxes=boxes, version=version))

    def scribble(self, request: Request, body: bytes) -> Response:
        """Codes of the scribble, packed."""
        packed, version = read_scribble(self.workspace, request.query_params.get('key', ''))
        return Response(packed, media_type='application/octet-stream', headers={'x-version': version})

    def put_scribble(self, request: Request, body: bytes) -> Response:
        """Save a scribble."""
        known = request.headers.get('x-version', '')
        return JSONResponse(
            dict(version=save_scribble(self.workspace, request.query_params.get('key', ''), body, known))
        )

    def put_boxes(self, request: Request, body: bytes) -> Response:
        """Save the boxes of an image."""
        given = _json(body)
        boxes = given.get('boxes')
        if not isinstance(boxes, list) or not all(isinstance(box, dict) for box in boxes):
            raise DataError('the request has no list of boxes.')
        version = save_boxes_of(self.workspace, _text(given, 'key'), boxes, _text(given, 'version'))
        return JSONResponse(dict(version=version))

    def map(self, request: Request, body: bytes) -> Response:
        """The file of a result, as the command wrote it."""
        query = request.query_params
        path = self.workspace.map(query.get('model', ''), query.get('key', ''), query.get('kind', 'mask'))
        return _file(path, 'image/png')

    def job(self, request: Request, body: bytes) -> Response:
        """What runs."""
        return JSONResponse(self.jobs.describe())

    def start(self, request: Request, body: bytes) -> Response:
        """Start a command."""
        given = _json(body)
        kind = _text(given, 'kind')
        if kind == 'train':
            begin = _text(given, 'start') if 'start' in given else ''
            job = self.commands.train(_text(given, 'recipe'), _number(given, 'steps'), begin)
        elif kind == 'predict':
            job = self.commands.predict(_text(given, 'model'))
        elif kind == 'evaluate':
            job = self.commands.evaluate(_text(given, 'model'))
        elif kind == 'group':
            job = self.commands.group(_text(given, 'model'), [str(key) for key in _list(given, 'keys')])
        elif kind == 'track':
            video = _text(given, 'video')
            count = int(self.frames.describe(video)['count'])
            job = self.commands.track(_text(given, 'model'), video, count, given)
        else:
            raise NotFound(f'there is no job of the kind {kind!r}.')
        self.jobs.start(job)
        return JSONResponse(self.jobs.describe())

    def stop(self, request: Request, body: bytes) -> Response:
        """Stop what runs."""
        self.jobs.stop()
        return JSONResponse(self.jobs.describe())

    def resume(self, request: Request, body: bytes) -> Response:
        """Go on with what was stopped."""
        self.jobs.resume()
        return JSONResponse(self.jobs.describe())

    def video(self, request: Request, body: bytes) -> Response:
        """Length, rate and size of a video, its prompts, and the frames that have masks."""
        name = request.query_params.get('video', '')
        facts, found = self.frames.describe(name), track_frames(self.workspace, name)
        prompts = read_prompts_of(self.workspace, name, self.frames.source(name), self.ids)
        return JSONResponse(dict(facts, **found, prompts=prompts))

    def put_prompts(self, request: Request, body: bytes) -> Response:
        """Keep the boxes of a video."""
        given = _json(body)
        known = save_boxes(self.workspace, _text(given, 'video'), _list(given, 'boxes'), _text(given, 'version'))
        return JSONResponse(dict(version=known))

    def layer(self, request: Request, body: bytes) -> Response:
        """Ids of the scribbles, the prompt or the tracked mask of a frame, packed."""
        path, size, _ = self._layer(request)
        packed, known = read_layer(path, size)
        return Response(packed, media_type='application/octet-stream', headers={'x-version': known})

    def put_layer(self, request: Request, body: bytes) -> Response:
        """Save the scribbles or the mask that was drawn on a frame."""
        path, size, kind = self._layer(request)
        if kind not in LAYERS:
            raise NotFound('what was tracked is not drawn on.')
        return JSONResponse(dict(version=save_layer(path, kind, body, request.headers.get('x-version', ''), size)))

    def _layer(self, request: Request) -> tuple[Path, tuple[int, int], str]:
        query = request.query_params
        video, kind, number = query.get('video', ''), query.get('kind', ''), _whole(query.get('number', '0'))
        size = self.frames.read(video, number)[1]
        tracked = kind == 'tracked'
        folder = self.workspace.track(video) / MASKS if tracked else layer_folder(self.workspace, video, kind)
        return self.workspace.inside(folder / f'{self.frames.source(video).name(number)}.png'), size, kind

    def frame(self, request: Request, body: bytes) -> Response:
        """A frame of a video."""
        query = request.query_params
        return _image(self.frames.read(query.get('video', ''), _whole(query.get('number', '0')))[0])

    def track_file(self, request: Request, body: bytes) -> Response:
        """A file of the results of a video: a mask, or one to keep."""
        query = request.query_params
        video, name = query.get('video', ''), query.get('file', '')
        self.workspace.video(video)
        folder = self.workspace.track(video)
        path = self.workspace.inside(folder / name)
        if not path.is_relative_to(folder):
            raise NotFound(f'{name!r} is no result of {video}.')
        return _file(path, None)

    def group(self, request: Request, body: bytes) -> Response:
        """Results of the last group of a model."""
        return JSONResponse(group_results(self.workspace, short_name(request.query_params.get('model', ''))))

    def own_file(self, request: Request, body: bytes) -> Response:
        """A file that a command wrote into the page's folder."""
        path = self.workspace.inside(self.workspace.own / request.query_params.get('file', ''))
        if not path.is_relative_to(self.workspace.own.resolve()):
            raise NotFound(f'{path.name} is no result.')
        return _file(path, None)

    def scores(self, request: Request, body: bytes) -> Response:
        """The table of a model, and its worst images."""
        return JSONResponse(evaluation(self.workspace, short_name(request.query_params.get('model', ''))))

    def routes(self) -> list[Route]:
        """Where each answers."""
        reads: dict[str, Answer] = {
            'state': self.state, 'images': self.images, 'thumb': self.thumb, 'view': self.view, 'info': self.info,
            'scribble': self.scribble, 'map': self.map, 'job': self.job, 'video': self.video, 'frame': self.frame,
            'track-file': self.track_file, 'layer': self.layer, 'group': self.group, 'own-file': self.own_file,
            'scores': self.scores,
        }  # fmt: skip
        writes: dict[str, Answer] = {
            'scribble': self.put_scribble, 'boxes': self.put_boxes, 'start': self.start, 'stop': self.stop,
            'resume': self.resume, 'prompts': self.put_prompts, 'layer': self.put_layer,
        }  # fmt: skip
        return [
            *(Route(f'/api/{name}', _endpoint(answer), methods=['GET']) for name, answer in reads.items()),
            *(Route(f'/api/{name}', _endpoint(answer), methods=['POST']) for name, answer in writes.items()),
        ]


def make_app(
    folder: str | Path,
    models: Sequence[str] = (),
    host: str = '127.0.0.1',
    port: int = 7860,
    token: str = '',
    options: Sequence[str] = (),
) -> Starlette:
    """The page of a folder, to be served.

    Args:
        folder: Where the images are.
        models: That may be used beside those trained here: names, configs, folders of runs.
        host, port: Where it will be reached; other names are refused.
        token: Needed by every request where it is not empty.
        options: More words for `salseg train`.

    Raises:
        DataError: The folder does not exist.
        ConfigError: It cannot be written, or the host stands for all.
    """
    workspace = Workspace.open(folder)
    jobs = Jobs(workspace)
    page = Page(workspace, Commands(workspace, models, options), jobs)
    routes = [*page.routes(), Mount('/', StaticFiles(directory=STATIC, html=True))]
    app = Starlette(routes=routes)
    app.state.page = page
    app.add_middleware(Guard, allowed=authorities(host, port), token=token)
    return app


def serve(
    folder: str | Path,
    models: Sequence[str],
    host: str,
    port: int,
    say: Callable[[str], None],
    options: Sequence[str] = (),
) -> None:
    """Serve the page until Ctrl-C or SIGTERM, which stop the job that runs too.

    Args:
        folder, models, host, port: See `make_app`; port 0 takes a free one.
        say: Prints a line.
        options: See `make_app`.

    Raises:
        DataError: The folder does not exist, or the address cannot be used.
        ConfigError: As `make_app`.
    """
    import socket

    import uvicorn

    token = '' if host in LOOPBACK else secrets.token_urlsafe(24)
    authorities(host, port)
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    # With the protocol named, asyncio sends what is small at once; else each answer waits for the browser to confirm its head.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            # Whoever opens the address the moment it is printed waits for the server, and is not refused.
            listener.listen()
        except OSError as error:
            raise DataError(
                f'{host}:{port} cannot be used: {error}. Another --port may be free; 0 takes one.'
            ) from error
        port = listener.getsockname()[1]
        app = make_app(folder, models, host, port, token, options)
        shown = f'[{host}]' if ':' in host else host
        say(f'open http://{shown}:{port}/' + (f'?token={token}' if token else '') + '   (Ctrl-C ends)')
        if token:
            say('whoever has this address can change the labels of the folder; it is not encrypted on its way')
        server = uvicorn.Server(uvicorn.Config(app, log_level='error', lifespan='off', server_header=False))
        # When it has closed its connections, uvicorn raises the signal again: to be told to end is no failure, and the
        # job that runs is stopped first.
        signal.signal(signal.SIGTERM, _interrupt)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        app.state.page.jobs.close()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _endpoint(answer: Answer) -> Callable[[Request], Any]:
    @wraps(answer)
    async def endpoint(request: Request) -> Response:
        try:
            body = await request.body() if request.method == 'POST' else b''
            return await run_in_threadpool(answer, request, body)
        except TooLarge as error:
            return _refusal(413, error)
        except NotFound as error:
            return _refusal(404, error)
        except (Conflict, Busy) as error:
            return _refusal(409, error)
        except SalsegError as error:
            return _refusal(422, error)
        except OSError as error:
            return _refusal(507, f'a file could not be read or written: {error}. Look for free space and permissions.')

    return endpoint


def _refusal(status: int, error: object) -> JSONResponse:
    return JSONResponse({'error': str(error)}, status)


def _image(data: bytes) -> Response:
    # Checked again every time, since the file may be replaced at any moment.
    return Response(data, media_type='image/jpeg', headers={'cache-control': 'no-cache'})


def _file(path: Path, kind: str | None) -> Response:
    if not path.is_file():
        raise NotFound(f'{path.name} is not there, any more or yet.')
    # Nothing of the folder runs as a page of ours: a report is looked at where it lies.
    headers = {'cache-control': 'no-cache', 'content-security-policy': "sandbox; default-src 'none'"}
    return FileResponse(path, media_type=kind, headers=headers)


def _json(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_JSON:
        raise DataError(f'the request has {len(body)} bytes; at most {MAX_JSON} are read.')
    try:
        given = json.loads(body)
    except ValueError as error:
        raise DataError(f'the request cannot be read: {error}.') from error
    if not isinstance(given, dict):
        raise DataError('the request is no object of JSON.')
    return given


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise DataError(f'the request has {name} {value!r}; expected a text.')
    return value


def _number(given: dict[str, Any], name: str) -> int:
    value = given.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise DataError(f'the request has {name} {value!r}; expected a whole number.')
    return value


def _list(given: dict[str, Any], name: str) -> list:
    value = given.get(name)
    if not isinstance(value, list):
        raise DataError(f'the request has {name} {value!r}; expected a list.')
    return value


def _whole(text: str) -> int:
    if not text.isdigit() or len(text) > 9:
        raise NotFound(f'there is no frame {text!r}.')
    return int(text)
