"""Draw precision-recall, F, E and ROC curves of several evaluations into the same axes.

    python tools/analysis_tools/plot_curves.py work_dirs/a/eval/metrics.json other=b/metrics.json --out curves

Each file is the `metrics.json` of `salseg evaluate --out`; all must have one protocol.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from salseg.errors import DataError, SalsegError
from salseg.evaluation.protocols import MapProtocol, get_protocol
from salseg.visualization.report.plots import Curves, draw_curves


def read_runs(names: list[str]) -> tuple[str, Curves]:
    """Protocol and curves by method of several files; a label stands before the method's name.

    Raises:
        DataError: A file is no `metrics.json` or of another protocol, or two methods have one name.
    """
    curves: dict[str, dict[str, np.ndarray]] = {}
    protocols: set[str] = set()
    for text in names:
        label, _, path = text.rpartition('=')
        try:
            content = json.loads(Path(path).read_text(encoding='utf-8'))
            protocols.add(content['protocol']['name'])
            methods = content['methods']
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f'{path} is no metrics.json of `salseg evaluate --out`: {error!r}.') from error
        for method in methods:
            name = f'{label} {method["name"]}' if label and len(methods) > 1 else label or method['name']
            if name in curves:
                raise DataError(f'two methods are called {name!r}; name the files: LABEL=FILE.')
            curves[name] = {key: np.array(values) for key, values in method['curves'].items()}
    if len(protocols) > 1:
        raise DataError(
            f'the files have several protocols, whose curves do not compare: {", ".join(sorted(protocols))}.'
        )
    return protocols.pop(), curves


def main(arguments: list[str] | None = None) -> int:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', nargs='+', metavar='[LABEL=]FILE', help='metrics.json files')
    parser.add_argument('--out', required=True, metavar='DIR')
    args = parser.parse_args(arguments)
    try:
        name, curves = read_runs(args.runs)
        protocol = get_protocol(name)
        if not isinstance(protocol, MapProtocol):
            raise DataError(f'the protocol {name} has no curves; its videos are plotted by `salseg evaluate --out`.')
        for path in draw_curves(curves, Path(args.out), f'protocol {name}', protocol.ascending):
            print(path)
    except SalsegError as error:
        sys.stderr.write(f'{error}\n')
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
