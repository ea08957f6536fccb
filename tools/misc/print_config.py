"""Print a resolved config, with --origin the file and line that set each value."""

import argparse
import sys

from salseg.engine.config import load_config, trace_origins
from salseg.engine.config.loading import parse_options, resolve
from salseg.engine.config.origin import find_origin
from salseg.errors import SalsegError


def main() -> int:
    """Print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('model', help='name, config file or folder of a run')
    parser.add_argument('--origin', action='store_true', help='show where each value was set')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE')
    args = parser.parse_args()
    try:
        config = load_config(args.model, args.cfg_options)
        if not args.origin:
            print(config.pretty_text)
            return 0
        origins = trace_origins(resolve(args.model), parse_options(args.cfg_options))
    except SalsegError as error:
        sys.stderr.write(f'{type(error).__name__}: {error}\n')
        return 2
    rows = [(key, repr(value), str(find_origin(origins, key) or '')) for key, value in leaves(config.to_dict())]
    width = max(len(f'{key} = {value}') for key, value, _ in rows)
    for key, value, place in rows:
        print(f'{f"{key} = {value}":{min(width, 96)}}  # {place}')
    return 0


def leaves(node: dict, path: str = '') -> list[tuple[str, object]]:
    """Dotted keys and values that are no dicts."""
    found = []
    for key, value in node.items():
        name = f'{path}.{key}' if path else str(key)
        found += leaves(value, name) if isinstance(value, dict) and value else [(name, value)]
    return found


if __name__ == '__main__':
    sys.exit(main())
