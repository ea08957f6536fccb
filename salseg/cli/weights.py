"""Fetch, import and check weights that the authors of the papers published."""

import argparse
from pathlib import Path

from salseg.cli.common import Update, say

_MEGA = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg weights``."""
    actions = parser.add_subparsers(dest='action', metavar='ACTION', required=True)
    add = actions.add_parser('list', help='what is published, and whether it is here')
    add.add_argument('pattern', nargs='?', default='*', help="shell pattern, e.g. 'xmem@*'")
    add = actions.add_parser('get', help='fetch, convert and keep')
    add.add_argument('names', metavar='NAME', nargs='+', help='for example xmem@official')
    add.add_argument('--again', action='store_true', help='fetch weights that are here: another hash is refused')
    add.add_argument(
        '--timeout', type=float, default=30.0, metavar='SECONDS', help='without a byte, until a connection is given up'
    )
    add = actions.add_parser('import', help='take a file that was fetched by hand, convert and keep it')
    add.add_argument('name', metavar='NAME', help='for example scwssod@official')
    add.add_argument('file', metavar='FILE', help="the authors' file")
    add = actions.add_parser('verify', help='compare what is here with its record')
    add.add_argument('names', metavar='NAME', nargs='*', help='all that are here by default')
    add = actions.add_parser('remove', help='delete from the cache; the hash stays known')
    add.add_argument('names', metavar='NAME', nargs='+')
    add.add_argument('--forget', action='store_true', help='delete the hash too: another file is accepted then')
    for action in actions.choices.values():
        # Also behind the action; a value before it stays where nothing is said there.
        action.add_argument('--debug', action='store_true', default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Do what the action says; ``verify`` ends with status 1 where something is wrong."""
    actions = {'list': _list, 'get': _get, 'import': _import, 'verify': _verify, 'remove': _remove}
    return actions[args.action](args)


def _list(args: argparse.Namespace) -> int:
    from fnmatch import fnmatchcase

    from salseg.catalog import published_weights
    from salseg.engine.imagenet import LICENCE, cached_imagenet, find_file, imagenet_names
    from salseg.io.weights_cache import read_facts, weights_folder, weights_path
    from salseg.models.backbones.weights import HOST

    for weights in published_weights(args.pattern):
        here = weights_path(weights.name).is_file()
        say(f'{weights.name}  {"here" if here else "not here"}  about {weights.size / 1e6:.0f} MB')
        say(f'  licence: {weights.licence}')
        say(f'  page: {weights.page}')
        say(f'  file: {weights.address}')
        if weights.metrics:
            say(f'  published: {", ".join(f"{what} {value}" for what, value in weights.metrics.items())}')
        if weights.note:
            say(f'  {weights.note}')
        facts = read_facts(weights.name) if here else None
        if facts is not None:
            say(f'  from {facts.source}, {facts.date}, SHA-256 {facts.sha256}')
    for name in imagenet_names():
        if fnmatchcase(name, args.pattern):
            file = find_file(name)
            here = cached_imagenet(file) is not None
            say(f'{name}  {"here" if here else "not here"}  about {file.megabytes} MB')
            say(f'  licence: {LICENCE}')
            say(f'  file: {HOST}{file.name}')
    say(f'cache folder: {weights_folder()} (SALSEG_CACHE names another one); of ImageNet weights that of torch')
    return 0


def _get(args: argparse.Namespace) -> int:
    from salseg.cli.common import progress_bar
    from salseg.engine.imagenet import get_imagenet, is_torchvision
    from salseg.engine.published import get_weights
    from salseg.errors import ConfigError

    if not args.timeout > 0:
        raise ConfigError(f'--timeout {args.timeout}; expected seconds above 0.')
    for name in args.names:
        with progress_bar(name, 'MB') as update:
            if is_torchvision(name):
                path, fetched = get_imagenet(name, _in_megabytes(update), args.timeout)
            else:
                facts, fetched = get_weights(name, args.again, _in_megabytes(update), args.timeout, say)
        if is_torchvision(name):
            say(f'{name}: {path}' + ('' if fetched else ' (was here)'))
            continue
        say(f'{name}: SHA-256 {facts.sha256}, {facts.size} bytes from {facts.source}')
        _say_where(name, fetched)
    return 0


def _in_megabytes(update: Update) -> Update:
    return lambda done, total: update(done // _MEGA, None if total is None else -(-total // _MEGA))


def _say_where(name: str, new: bool = True) -> None:
    from salseg.catalog import model_cards
    from salseg.io.weights_cache import weights_path

    say(f'{"converted and checked" if new else "was here"}: {weights_path(name)}')
    tracker = model_cards()[name.partition('@')[0]].get('Task') == 'VOS'
    say(f'use: salseg {"track" if tracker else "predict"} {name} ...')


def _import(args: argparse.Namespace) -> int:
    from salseg.engine.imagenet import import_imagenet, is_torchvision
    from salseg.engine.published import import_weights

    if is_torchvision(args.name):
        say(f'{args.name}: {import_imagenet(args.name, args.file)}')
        return 0
    facts = import_weights(args.name, args.file, note=say)
    say(f'{args.name}: SHA-256 {facts.sha256}, {facts.size} bytes from {Path(args.file).name}')
    _say_where(args.name)
    return 0


def _verify(args: argparse.Namespace) -> int:
    from salseg.catalog import published_weights
    from salseg.engine.imagenet import is_torchvision, verify_imagenet
    from salseg.engine.published import verify_weights
    from salseg.io.weights_cache import weights_path

    names = args.names or [w.name for w in published_weights() if weights_path(w.name).is_file()]
    wrong = 0
    for name in names:
        problem = verify_imagenet(name) if is_torchvision(name) else verify_weights(name)
        say(f'{name}: {problem or "as recorded"}')
        wrong += bool(problem)
    if not names:
        say('no published weights are here')
    return 1 if wrong else 0


def _remove(args: argparse.Namespace) -> int:
    from salseg.engine.imagenet import find_file, imagenet_path, is_torchvision
    from salseg.engine.published import remove_weights
    from salseg.errors import ConfigError

    for name in args.names:
        if is_torchvision(name):
            raise ConfigError(
                f'{name} lies in the cache of torch, which other programs use too: {imagenet_path(find_file(name))}.'
            )
        there = remove_weights(name, args.forget)
        say(f'{name}: {"removed" if there else "was not here"}{", its hash forgotten" if args.forget else ""}')
    return 0
