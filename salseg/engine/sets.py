"""Before a training or a test builds anything: are the data sets here, and can their first items be read?"""

from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from salseg.datasets.checking.sets import SetState, check_sets
from salseg.errors import DataError
from salseg.releases import Release

_MORE = 'All that it reads: salseg check-data --config {}'


def require_sets(config: Config, model: str, releases: Sequence[Release] = ()) -> None:
    """Refuse to train without the training and validation sets; ``model`` is what the user called the config.

    Raises:
        DataError: One is absent, or its list, its files or its encoding are wrong; all of them are named.
    """
    problems = [state.problem for state in check_sets(config, ('train', 'val'), releases, quick=True) if state.problem]
    if problems:
        raise DataError('\n'.join([*problems, _MORE.format(model)]))


def skip_absent(config: Config, model: str, releases: Sequence[Release] = ()) -> list[str]:
    """Take the test sets that are not here out of a config; metrics are told their names.

    Returns:
        A sentence for each.

    Raises:
        DataError: None is here, or one that is here cannot be read.
    """
    states = check_sets(config, ('test',), releases, quick=True)
    wrong = [state.problem for state in states if state.state == 'wrong']
    absent = [state for state in states if state.state == 'absent']
    if wrong or (absent and len(absent) == len(states)):
        raise DataError('\n'.join([*wrong, *(state.problem for state in absent), _MORE.format(model)]))
    if absent:
        concatenation = next(_concatenations(config.test_dataloader.dataset))
        for node in _concatenations(config.test_dataloader.dataset):
            node['datasets'] = [part for part in node['datasets'] if not _is_among(part, absent)]
        concatenation['absent'] = [state.name for state in absent]
    return [state.problem for state in absent]


def _concatenations(node: MutableMapping[str, Any]) -> Iterator[MutableMapping[str, Any]]:
    if 'datasets' in node:
        yield node
        for part in node['datasets']:
            yield from _concatenations(part)


def _is_among(node: MutableMapping[str, Any], absent: Sequence[SetState]) -> bool:
    return 'data_root' in node and str(Path(node['data_root'])) in {state.path for state in absent}
