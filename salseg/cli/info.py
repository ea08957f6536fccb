"""Show the card of a model: task, source, parameters, licence, metrics."""

import argparse
from typing import Any

from salseg.cli.common import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg info``."""
    parser.add_argument('name', metavar='NAME', help='name of a model, see `salseg list`')


def run(args: argparse.Namespace) -> int:
    """Print the card."""
    from salseg.apis.row_pages import paper_results
    from salseg.catalog import config_of, model_cards

    path = config_of(args.name)
    card = dict(model_cards()[args.name])
    card['Config'] = str(path)
    numbers = [str(result) for result in paper_results(card)]
    if numbers:
        card["Paper's numbers"] = numbers
    for key in ('Folder', 'PaperRows'):
        card.pop(key, None)
    _show(card, '')
    return 0


def _show(value: dict[str, Any] | list[Any], indent: str) -> None:
    items = value.items() if isinstance(value, dict) else ((f'- {i}', v) for i, v in enumerate(value, 1))
    for key, item in items:
        if isinstance(item, dict | list) and item:
            say(f'{indent}{key}:')
            _show(item, indent + '  ')
        else:
            say(f'{indent}{key}: {item}')
