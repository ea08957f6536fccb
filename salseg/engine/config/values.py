"""Types and ranges of the values that mmengine and torch take as they come, and that would fail late or pass in silence."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from salseg.engine.config.origin import Origin, find_origin
from salseg.errors import ConfigError
from salseg.io.fields import short


def _is_whole(low: int, *others: Any) -> Callable[[Any], bool]:
    return lambda value: (isinstance(value, int) and not isinstance(value, bool) and value >= low) or value in others


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_statistic(low: float) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        if isinstance(value, str) or value is None:
            return value in ('backbone', None)
        return (
            isinstance(value, list | tuple)
            and len(value) == 3
            and all(_is_number(each) and each > low for each in value)
        )

    return check


def _is_no_scalar(value: Any) -> bool:
    return not isinstance(value, str | int | float)


_LOADER = r'(train|val|test)_dataloader'
# Keys that hold parts, or lists of parts (.0, .1): a word or a number there would end in mmengine's code as a traceback.
_PARTS = '|'.join(
    (
        r'model|randomness|env_cfg(\.(mp_cfg|dist_cfg))?|visualizer|log_processor|custom_imports|model_wrapper_cfg',
        r'(train|val|test)_cfg|optim_wrapper(\.(optimizer|paramwise_cfg|clip_grad))?|default_hooks(\.\w+)?',
        r'((custom_hooks|param_scheduler|(val|test)_evaluator)(\.\d+)?)',
        rf'{_LOADER}(\.(.+\.)?(dataset|sampler|batch_sampler|(datasets|pipeline)(\.\d+)?))?',
        r'model\.(.+\.)?(backbone|neck|head|matcher|data_preprocessor)|model\.(losses|extra_passes|postprocess)(\.\w+)?',
    )
)
# By pattern of the dotted key: what is right, in words, and whether a value is.
_RULES: list[tuple[str, str, Callable[[Any], bool]]] = [
    (_PARTS, 'dict(...), a list of such, or None (of a part another class is KEY.type=NAME)', _is_no_scalar),
    (r'train_cfg\.(max_iters|val_interval)', 'a whole number, at least 1', lambda v: v is None or _is_whole(1)(v)),
    (r'train_cfg\.(max_epochs|val_epochs)', 'a number above 0', lambda v: v is None or (_is_number(v) and v > 0)),
    (r'train_cfg\.val_begin', 'a whole number, at least 0', _is_whole(0)),
    (rf'{_LOADER}\.batch_size', 'a whole number, at least 1', lambda v: v is None or _is_whole(1)(v)),
    (rf'{_LOADER}\.num_workers', 'a whole number, at least 0', _is_whole(0)),
    (rf'{_LOADER}\.(persistent_workers|pin_memory)', 'True or False', lambda v: isinstance(v, bool)),
    (rf'{_LOADER}\.prefetch_factor', 'a whole number, at least 1', lambda v: v is None or _is_whole(1)(v)),
    (rf'{_LOADER}\.(.+\.)?length', 'a whole number, at least 1', lambda v: v is None or _is_whole(1)(v)),
    (r'optim_wrapper\.accumulative_counts', 'a whole number, at least 1', _is_whole(1)),
    (
        r'optim_wrapper\.optimizer\.(lr|momentum|weight_decay)',
        'a number, at least 0',
        lambda v: _is_number(v) and v >= 0,
    ),
    (r'optim_wrapper\.clip_grad\.(max_norm|clip_value)', 'a number above 0', lambda v: _is_number(v) and v > 0),
    (
        r'optim_wrapper\.paramwise_cfg\.(.+\.)?(lr|decay)_mult',
        'a number, at least 0',
        lambda v: _is_number(v) and v >= 0,
    ),
    (r'default_hooks\.checkpoint\.interval', 'a whole number, at least 1, or -1 for never', _is_whole(1, -1)),
    (r'default_hooks\.checkpoint\.max_keep_ckpts', 'a whole number, at least 1, or -1 for all', _is_whole(1, -1)),
    (r'default_hooks\.logger\.interval', 'a whole number, at least 1', _is_whole(1)),
    (r'model\.data_preprocessor\.mean', "three numbers or 'backbone'", _is_statistic(-math.inf)),
    (r'model\.data_preprocessor\.std', "three numbers above 0 or 'backbone'", _is_statistic(0)),
    (r'model\.losses\.\w+\.weight', 'a number', _is_number),
    (r'randomness\.seed', 'a whole number, 0 to 2**63', lambda v: v is None or (_is_whole(0)(v) and v < 2**63)),
    (r'param_scheduler(\.\d+)?\.(total|T_max)', 'a whole number, at least 1', lambda v: v is None or _is_whole(1)(v)),
    (r'resume', 'nothing: salseg train --resume resumes', lambda v: v is False),
]
_COMPILED = [(re.compile(pattern), words, check) for pattern, words, check in _RULES]
# Lists that are values, not parts.
_WHOLE = re.compile(r'.*\.(mean|std)')


def check_values(config: Mapping[str, Any], origins: Mapping[str, Origin]) -> None:
    """Refuse values of the wrong type or range.

    Raises:
        ConfigError: Names the key, the value, what is expected, and who set it.
    """
    for key, value in _values(dict(config), ''):
        for pattern, words, check in _COMPILED:
            if pattern.fullmatch(key) and not check(value):
                place = find_origin(origins, key)
                raise ConfigError(
                    f'{key} is {short(value)}; expected {words}.' + (f'\n  set in: {place}' if place else '')
                )


def _values(node: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _values(value, f'{place}.{key}' if place else str(key))
    elif isinstance(node, list | tuple) and not _WHOLE.fullmatch(place):
        for number, value in enumerate(node):
            yield from _values(value, f'{place}.{number}')
    else:
        yield place, node
