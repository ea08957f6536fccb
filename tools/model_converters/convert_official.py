"""Turn the authors' checkpoint of a system into one of salseg; says what is dropped."""

import argparse
import sys

from salseg.engine.checkpoint import save_file
from salseg.engine.published import convert_official
from salseg.errors import SalsegError


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
    made = convert_official(system, source)
    if made.dropped:
        first = ', '.join(made.dropped[:5]) + ', ...' * (len(made.dropped) > 5)
        print(f'dropped {len(made.dropped)} entries that the model does not use: {first}')
    save_file(made.checkpoint, target)
    print(f'{len(made.checkpoint["state_dict"])} entries written to {target}')


if __name__ == '__main__':
    sys.exit(main())
