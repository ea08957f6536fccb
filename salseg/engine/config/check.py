"""Refuse a config with a key that nothing takes, before anything is built."""

import difflib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine import registry as root
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from salseg import registry as own
from salseg.engine.config.origin import Origin, find_origin
from salseg.engine.config.values import check_values
from salseg.errors import ConfigError, UnknownKey, UnknownName
from salseg.models.backbones.base import Backbone

# Keys that mmengine takes out of a config before it calls the constructor, by base class.
_CONSUMED = {
    'Hook': {'priority'},
    'OptimWrapper': {'constructor', 'paramwise_cfg'},
    'ParamScheduler': {'convert_to_iter_based'},
    'BaseLoop': {'by_epoch'},
}
_TOP_EXTRA = {
    'allow_changes',
    'begun_from',
    'custom_imports',
    'load_partial',
    'model_options',
    'needs_start',
    'scale_batch',
    'env_cfg',
    'flow_estimator',
    'default_scope',
    'launcher',
    'cfg',
    'compile',
    'pseudo_label_datasets',
    'generate_pipeline',
}
_LOADER_EXTRA = {'dataset', 'sampler', 'batch_sampler', 'collate_fn', 'num_batch_per_epoch', 'worker_init_fn'}
_PLAIN_NODES = {
    'randomness': {'seed', 'diff_rank_seed', 'deterministic'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
}
_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# Dicts whose keys are free names of parts; each part has a type.
_NAMED_PARTS = {'losses', 'extra_passes', 'postprocess', 'default_hooks'}
_ROOTS = [value for value in vars(root).values() if isinstance(value, root.Registry)]


def check_config(config: Mapping[str, Any], origins: Mapping[str, Origin] | None = None) -> None:
    """Compare every key with what its constructor takes.

    Args:
        config: The merged config.
        origins: Where keys were set, for messages.

    Raises:
        UnknownKey: A key nothing takes; the message names it, the nearest valid one and the place that set it.
        UnknownName: A ``type`` that no registry has.
        ConfigError: A value is of the wrong type or range, or the model takes another type of input than a test set has.
    """
    origins = origins or {}
    known = set(inspect.signature(Runner.__init__).parameters) - {'self'} | _TOP_EXTRA
    for key in config:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.85)
        place = find_origin(origins, key)
        from_options = place is not None and not place.line
        if key not in known and (near or from_options):
            _refuse(key, key, known, 'the top level of a config', origins)
    for path, node in _nodes(dict(config)):
        _check_node(path, node, origins)
    check_values(config, origins)
    _check_input_type(config, origins)


def _nodes(node: Any, path: str = '') -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, Mapping):
        if path:
            yield path, node
        for key, value in node.items():
            yield from _nodes(value, f'{path}.{key}' if path else str(key))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _nodes(value, f'{path}[{index}]')


def _check_node(path: str, node: Mapping[str, Any], origins: Mapping[str, Origin]) -> None:
    last = path.rpartition('.')[2]
    if path in _LOADERS:
        allowed = set(inspect.signature(DataLoader.__init__).parameters) - {'self'} | _LOADER_EXTRA
        _check_keys(path, node, allowed, 'a data loader', origins)
    elif path in _PLAIN_NODES:
        _check_keys(path, node, _PLAIN_NODES[path], path, origins)
    elif last in _NAMED_PARTS:
        for name, part in node.items():
            if isinstance(part, Mapping) and 'type' not in part:
                _refuse(f'{path}.{name}', name, set(node) - {name}, f'{path} (each entry needs a type)', origins)
    elif 'type' in node:
        _check_typed(path, node, origins)


def _check_typed(path: str, node: Mapping[str, Any], origins: Mapping[str, Origin]) -> None:
    target = _named_class(path, 'type', node['type'], origins)
    if path == 'optim_wrapper' and 'constructor' in node:
        _named_class(path, 'constructor', node['constructor'], origins)
    allowed = accepted_keys(target)
    if allowed is not None:
        _check_keys(path, node, allowed, getattr(target, '__name__', str(target)), origins)


def _named_class(path: str, key: str, name: Any, origins: Mapping[str, Origin]) -> Any:
    if not isinstance(name, str):
        return name
    try:
        return find_class(name, path if key == 'type' else f'{path}.{key}')
    except UnknownName as error:
        place = find_origin(origins, f'{path}.{key}')
        raise UnknownName(f'{path}.{key}: {error}' + (f'\n  set in: {place}' if place else '')) from None


def _check_keys(
    path: str, node: Mapping[str, Any], allowed: set[str], owner: str, origins: Mapping[str, Origin]
) -> None:
    for key in node:
        if key not in allowed and key not in ('type', '_scope_'):
            _refuse(f'{path}.{key}', key, allowed, owner, origins)


def _refuse(path: str, key: str, allowed: set[str], owner: str, origins: Mapping[str, Origin]) -> None:
    near = difflib.get_close_matches(key, sorted(allowed), n=2, cutoff=0.5)
    hint = f'did you mean {" or ".join(near)}? ' if near else ''
    place = find_origin(origins, path)
    raise UnknownKey(
        f'{path} is no argument of {owner}.\n  {hint}It takes: {", ".join(sorted(allowed)) or "nothing"}'
        + (f'\n  set in: {place}' if place else '')
    )


def _check_input_type(config: Mapping[str, Any], origins: Mapping[str, Origin]) -> None:
    model = config.get('model') or {}
    kind: Any = find_class(model['type']) if isinstance(model.get('type'), str) else model.get('type')
    if not hasattr(kind, 'take_input_type'):
        return
    taken = kind.take_input_type(model.get('input_type'))
    sets = [(f'{key}.dataset', config[key]['dataset']) for key in _LOADERS[1:] if config.get(key)]
    for path, node in sets:
        if 'datasets' in node:
            sets += [(f'{path}.datasets[{index}]', part) for index, part in enumerate(node['datasets'])]
            continue
        dataset: Any = find_class(node['type']) if isinstance(node.get('type'), str) else node.get('type')
        found = getattr(dataset, 'input_type', taken)
        if found != taken:
            remedy = f'set model.input_type={found!r}, or ' if found in kind.input_types else ''
            place = find_origin(origins, f'{path}.type')
            raise ConfigError(
                f'model.input_type={taken!r} ({kind.__name__}), but an item of {path} ({dataset.__name__}) is of the type '
                f'{found!r}: {remedy}choose another data set.' + (f'\n  set in: {place}' if place else '')
            )


def check_sizes(model: Any, config: Mapping[str, Any], loaders: Sequence[str] = _LOADERS) -> None:
    """Compare the sizes that the pipelines of a config give with what the model's backbones can take.

    Models that track objects pad their frames themselves and are left out.

    Args:
        model: The model that was built from the config.
        config: The whole config.
        loaders: Whose pipelines are looked at.

    Raises:
        ConfigError: A backbone cannot take a size; the message names the pipeline and sizes that fit.
    """
    if getattr(model, 'input_type', 'video') == 'video':
        return
    divisor = getattr(model.data_preprocessor, 'size_divisor', 1)
    sizes = {}
    for path, node in _nodes({name: config[name] for name in loaders if config.get(name)}):
        # The last one counts: cropping or resizing comes one after the other.
        given = [step['size'] for step in node.get('pipeline', ()) if isinstance(step, Mapping) and step.get('size')]
        if given:
            last = given[-1]
            height, width = (last, last) if isinstance(last, int) else last
            sizes[-(-height // divisor) * divisor, -(-width // divisor) * divisor] = f'{path}.pipeline'
    for part in model.modules():
        for size, path in sizes.items() if isinstance(part, Backbone) else ():
            part.check_size(size, path)


def find_class(name: str, path: str = '') -> Any:
    """Class or function registered under a name, salseg's own before mmengine's.

    Raises:
        UnknownName: No registry has it.
    """
    found = registered_class(name.removeprefix('salseg.'))
    return _registry_for(path).get(name) if found is None else found


def registered_class(name: str) -> Any:
    """Class or function registered under a name without scope; None where there is none. Imports nothing by that name."""
    for registry in own.ALL_REGISTRIES:
        registry.import_from_location()
        found = registry.find(name)
        if found is not None:
            return found
    for registry in _ROOTS:
        registry.import_from_location()
        if name in registry.module_dict:
            return registry.module_dict[name]
    return None


def _registry_for(path: str) -> own.Registry:
    """The registry that a key's place asks for, for the message about an unknown name."""
    places = {
        'losses': own.LOSSES, 'extra_passes': own.PASSES, 'postprocess': own.POSTPROCESSORS, 'backbone': own.BACKBONES,
        'neck': own.NECKS, 'head': own.HEADS, 'matcher': own.MATCHERS, 'pipeline': own.TRANSFORMS, 'dataset': own.DATASETS,
        'datasets': own.DATASETS, 'sampler': own.DATA_SAMPLERS, 'batch_sampler': own.DATA_SAMPLERS, 'hooks': own.HOOKS,
        'default_hooks': own.HOOKS, 'custom_hooks': own.HOOKS, 'evaluator': own.METRICS, 'flow': own.FLOWS,
        'val_evaluator': own.METRICS, 'test_evaluator': own.METRICS, 'train_cfg': own.LOOPS,
        'param_scheduler': own.PARAM_SCHEDULERS, 'optim_wrapper': own.OPTIM_WRAPPERS, 'optimizer': own.OPTIMIZERS,
        'constructor': own.OPTIM_WRAPPER_CONSTRUCTORS,
        'visualizer': own.VISUALIZERS, 'vis_backends': own.VISBACKENDS,
    }  # fmt: skip
    for part in reversed(path.split('.')):
        if part.partition('[')[0] in places:
            return places[part.partition('[')[0]]
    return own.MODELS


def accepted_keys(target: Any) -> set[str] | None:
    """Names that a class or function takes; those of base classes too where it passes ``**kwargs`` on. None: any."""
    classes = [c for c in inspect.getmro(target) if c is not object] if inspect.isclass(target) else [target]
    names: set[str] = set(_consumed(classes))
    for member in classes:
        function = member.__dict__.get('__init__') if inspect.isclass(member) else member
        if function is None:
            continue
        parameters = inspect.signature(function).parameters.values()
        names |= {
            p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != 'self'
        }
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names
    return None if not inspect.isclass(target) else names


def _consumed(classes: list[Any]) -> set[str]:
    bases = {base.__name__.lstrip('_') for base in classes if inspect.isclass(base)}
    return {key for base, keys in _CONSUMED.items() if base in bases for key in keys}
