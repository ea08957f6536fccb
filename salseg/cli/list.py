"""List models, or the configs that come with salseg."""

import argparse

from salseg.cli.common import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg list``."""
    parser.add_argument('pattern', nargs='?', default='*', help="shell pattern, e.g. '*lite*'")
    parser.add_argument('--configs', action='store_true', help='all configs instead of models')


def run(args: argparse.Namespace) -> int:
    """Print names."""
    from fnmatch import fnmatch

    from salseg.catalog import list_configs, list_models, model_cards
    from salseg.paths import assets_root

    if args.configs:
        for path in list_configs():
            if fnmatch(path.stem, args.pattern):
                say(str(path.relative_to(assets_root())))
        return 0
    cards = model_cards()
    for name in list_models(args.pattern):
        task, kind = cards[name].get('Task', ''), cards[name].get('Input type', '')
        say(f'{name:24s} {task:8s} {kind:6s} {cards[name].get("Description", "")}')
    return 0
