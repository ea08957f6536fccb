"""Open the page: draw scribbles or boxes, train, look at the results and correct them, in a browser.

It works on the files of a folder, on this computer alone; nothing is sent anywhere. Labels are saved as training reads
them, models and maps go to FOLDER/salseg_app, and every result is that of the command which the page shows.
"""

import argparse
import importlib.util

from salseg.cli.common import add_options, say
from salseg.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg app``."""
    parser.add_argument('folder', nargs='?', default='.', metavar='FOLDER', help='images, or image/ (.)')
    parser.add_argument(
        '--model',
        action='append',
        default=[],
        metavar='NAME',
        help='name, config or folder of a run that the page may use too, as for groups and videos; may be repeated',
    )
    parser.add_argument('--port', type=int, default=7860, metavar='N', help='of the page (7860); 0 takes a free one')
    parser.add_argument(
        '--host',
        default='127.0.0.1',
        metavar='ADDRESS',
        help='another address of this computer; needs a token, printed',
    )
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    missing = [name for name in ('starlette', 'uvicorn') if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(f'the page needs {" and ".join(missing)}: pip install "salseg[app]".')
    if not 0 <= args.port <= 65535:
        raise ConfigError(f'--port {args.port}; expected 0 to 65535.')
    from salseg.app.server import serve

    # Of the configs that the page trains; other commands have none.
    options = ['--cfg-options', *args.cfg_options] if args.cfg_options else []
    serve(args.folder, args.model, args.host, args.port, say, options)
    return 0
