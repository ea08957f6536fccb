"""Turn the authors' checkpoint of a system into one of salseg; says what is dropped."""

import argparse
import sys
from importlib import import_module

import torch

from salseg.catalog import model_cards
from salseg.engine.checkpoint import load_file, save_file
from salseg.errors import CheckpointError, SalsegError, UnknownName
from salseg.paths import enable_projects


def main() -> int:
    """Convert."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('system', help='name of the system, see `salseg list`')
    parser.add_argument('source', help="the authors' file")
    parser.add_argument('target', help='file to write')
    args = parser.parse_args()
    try:
        convert(args.system, args.source, args.target)
    except SalsegError as error:
        sys.stderr.write(f'{type(error).__name__}: {error}\n')
        return 2
    return 0


def convert(system: str, source: str, target: str) -> None:
    """Read, rename, write.

    Raises:
        UnknownName: The system has no converter.
        CheckpointError: The file does not hold what the system's checkpoint holds.
    """
    converted, dropped = key_map(system).convert(load_file(source)['state_dict'])
    if dropped:
        first = ', '.join(dropped[:5]) + ', ...' * (len(dropped) > 5)
        print(f'dropped {len(dropped)} entries that the model does not use: {first}')
    wrong = [name for name, value in converted.items() if not isinstance(value, torch.Tensor)]
    if wrong:
        raise CheckpointError(
            f'{source}: {wrong[0]} is no tensor; expected the bare state dict that the authors publish.'
        )
    save_file(dict(meta=dict(converted_from=str(source), system=system), state_dict=converted), target)
    print(f'{len(converted)} entries written to {target}')


def key_map(system: str):
    """Module ``projects.<paper>.weights`` of a system.

    Raises:
        UnknownName: No such system, or it has none.
    """
    enable_projects()
    cards = model_cards()
    if system not in cards or 'Converter' not in cards[system]:
        having = sorted(name for name, card in cards.items() if 'Converter' in card)
        raise UnknownName(f'{system!r} has no converter; those with one: {", ".join(having)}.')
    return import_module(cards[system]['Converter'])


if __name__ == '__main__':
    sys.exit(main())
