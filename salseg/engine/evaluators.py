"""Which protocols and columns a test prints: those of its config, or those that are named instead."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from salseg.errors import ConfigError
from salseg.evaluation.protocols import ALL, get_protocol
from salseg.registry import METRICS


def choose_protocols(config: Config, protocols: Sequence[str] = (), columns: Sequence[str] = ()) -> None:
    """Write protocols and columns into a config's ``test_evaluator``.

    Args:
        config: Of the test.
        protocols: Names; without `columns` their own columns are printed, whatever the config has. Empty: the config's.
        columns: Names, or 'all'. Empty: the config's, or the protocols' own. Without `protocols`, those protocols of the
            config are used that have one of them.

    Raises:
        ConfigError: The config has no evaluator, or its evaluator cannot score by such a protocol.
        UnknownName: There is no such protocol or column; near names are named.
    """
    if not protocols and not columns:
        return
    for name in protocols:
        get_protocol(name)
    evaluators = config.get('test_evaluator')
    nodes = evaluators if isinstance(evaluators, list | tuple) else [evaluators] if evaluators else []
    # A metric of somebody's own has no protocols, and prints what it prints.
    there = {position: names for position, node in enumerate(nodes) if (names := protocol_names(node))}
    if not there:
        raise ConfigError(
            f'{config.filename} has no test_evaluator with protocols, so its test prints no table that --protocol and '
            '--columns could choose. Name one: --cfg-options test_evaluator.type=VideoObjectMetric, or SaliencyMetric.'
        )
    for position, names in there.items():
        node = nodes[position]
        if protocols:
            node.protocol = list(protocols)
            node.pop('columns', None)
        if columns:
            node.protocol = list(protocols) or _with_columns(names, columns)
            node.columns = list(columns)
        # Before networks and data are built: a name that does not fit ends the test here.
        METRICS.build(node)


def _with_columns(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Those of the protocols that have one of the columns; all of them where none has."""
    chosen = [name for name in names if tuple(columns) == (ALL,) or {*columns} & {*get_protocol(name).all_columns}]
    return chosen or list(names)


def protocol_names(evaluator: Any) -> list[str]:
    """Protocols of an evaluator of a config, in the order of its tables; of several evaluators the first one's."""
    node = evaluator[0] if isinstance(evaluator, list | tuple) and evaluator else evaluator
    if not isinstance(node, Mapping):
        return []
    metric = METRICS.build({key: value for key, value in node.items() if key != 'columns'})
    return [rules.name for rules in getattr(metric, 'protocols', ())]
