"""Parse the command line; import a command's code only when it runs."""

import argparse
import os
import sys
from collections.abc import Sequence
from errno import EDQUOT, EFBIG, ENOSPC
from importlib import import_module

from salseg.errors import SalsegError
from salseg.paths import trusted_imports
from salseg.version import __version__

# name -> module with add_arguments(parser) and run(args) -> exit status; their heads import nothing heavy.
COMMANDS = {
    'app': 'salseg.cli.app',
    'train': 'salseg.cli.train',
    'test': 'salseg.cli.test',
    'predict': 'salseg.cli.predict',
    'track': 'salseg.cli.track',
    'evaluate': 'salseg.cli.evaluate',
    'binarise': 'salseg.cli.binarise',
    'submission': 'salseg.cli.submission',
    'explain': 'salseg.cli.explain',
    'check-data': 'salseg.cli.check_data',
    'convert': 'salseg.cli.convert',
    'precompute': 'salseg.cli.precompute',
    'export': 'salseg.cli.export',
    'list': 'salseg.cli.list',
    'info': 'salseg.cli.info',
    'rows': 'salseg.cli.rows',
    'weights': 'salseg.cli.weights',
}


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog='salseg', description='Find and track objects in images and video with little labelling.'
    )
    parser.add_argument('--version', action='version', version=f'salseg {__version__}')
    commands = parser.add_subparsers(dest='command', metavar='COMMAND')
    for name, module_name in COMMANDS.items():
        module = import_module(module_name)
        first = (module.__doc__ or '').strip().splitlines()[0]
        sub = commands.add_parser(name, help=first, description=module.__doc__)
        sub.add_argument('--debug', action='store_true', help='show the traceback of errors')
        module.add_arguments(sub)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; bad input ends with its message and status 2."""
    parser = build_parser()
    args = parser.parse_args(arguments)
    if args.command is None:
        parser.print_help()
        return 0
    try:
        with trusted_imports(getattr(args, 'trust', False)):
            return import_module(COMMANDS[args.command]).run(args)
    except SalsegError as error:
        if args.debug:
            raise
        sys.stderr.write(f'salseg {args.command}: {type(error).__name__}: {error}\n')
        return 2
    except BrokenPipeError:
        # Whoever reads the output, such as `head`, has seen enough; Python must not try to flush it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (OSError, MemoryError) as error:
        if args.debug:
            raise
        # A disk that is full or read-only, a network drive that went away: no fault of the program.
        what = _in_words(error, args)
        sys.stderr.write(
            f'salseg {args.command}: {what}. Files that were written are complete (--debug shows where).\n'
        )
        return 2
    except KeyboardInterrupt:
        sys.stderr.write('\nstopped; files that were written are complete\n')
        return 130


def _in_words(error: OSError | MemoryError, args: argparse.Namespace) -> str:
    """What happened; a write that found no room does not know its file, so the folder of the results is named."""
    if isinstance(error, OSError) and error.filename is None and error.errno in (ENOSPC, EFBIG, EDQUOT):
        place = getattr(args, 'work_dir', None) or getattr(args, 'out', None) or 'a file'
        return f'{place} cannot be written: {error}. Free some space, or write elsewhere'
    return str(error) or 'there is not enough memory'
