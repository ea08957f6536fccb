"""Show the card of a model: task, source, parameters, licence, metrics."""

import argparse
from typing import Any

from salseg.cli.common import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``salseg info``."""
    parser.add_argument('name', metavar='NAME', help='name of a model (`salseg list`), or of published weights of one')


def run(args: argparse.Namespace) -> int:
    """Print the card."""
    from salseg.apis.row_pages import paper_results
    from salseg.catalog import config_of, is_published_name, model_cards

    model = args.name.partition('@')[0] if is_published_name(args.name) else args.name
    path = config_of(model)
    card = dict(model_cards()[model])
    card['Config'] = str(path)
    numbers = [str(result) for result in paper_results(card)]
    if numbers:
        card["Paper's numbers"] = numbers
    for key in ('Folder', 'PaperRows'):
        card.pop(key, None)
    _show(card, '')
    if model != args.name:
        _show({args.name: _facts(args.name)}, '')
    return 0


def _facts(name: str) -> dict[str, Any]:
    """What the card says of published weights, and what is known of the file in the cache."""
    from dataclasses import asdict

    from salseg.catalog import find_published
    from salseg.io.weights_cache import read_facts, weights_path

    facts, path = read_facts(name), weights_path(name)
    known = {} if facts is None else {key: value for key, value in asdict(facts).items() if key != 'name'}
    return {**asdict(find_published(name)), 'here': str(path) if path.is_file() else 'no', 'fetched': known}


def _show(value: dict[str, Any] | list[Any], indent: str) -> None:
    items = value.items() if isinstance(value, dict) else ((f'- {i}', v) for i, v in enumerate(value, 1))
    for key, item in items:
        if isinstance(item, dict | list) and item:
            say(f'{indent}{key}:')
            _show(item, indent + '  ')
        else:
            say(f'{indent}{key}: {item}')
