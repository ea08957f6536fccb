"""All registries of salseg, children of mmengine's root registries under the scope ``salseg``.

The parts of a model have registries of their own below ``MODELS``; a look-up in ``MODELS`` also finds what they hold.
"""

import difflib
import re
import traceback
from importlib import import_module
from typing import Any

from mmengine import registry as root
from mmengine.logging import print_log

from salseg.errors import SalsegError, UnknownName
from salseg.mmengine_compat.registries import OpenRegistry
from salseg.paths import assets_root

# Filled when an import location fails, so that a later "unknown name" can tell the true cause.
FAILED_IMPORTS: dict[str, str] = {}


class Registry(OpenRegistry):
    """A registry whose failures say what to do."""

    def import_from_location(self) -> None:
        """Import the modules that register this registry's classes; a failure is logged and remembered."""
        for location in self.locations if self.begin_import() else ():
            try:
                import_module(location)
            except Exception as error:  # noqa: BLE001 - whatever a module raises at import is reported
                FAILED_IMPORTS[location] = ''.join(traceback.format_exception(error)[-3:]).strip()
                print_log(f'salseg: importing {location} failed: {error!r}', logger='current', level=30)

    def get(self, key: str) -> Any:
        """Class or function registered under a name, here, in a child, or in mmengine's root.

        Raises:
            UnknownName: No registry has it; the message lists near names, the places searched, and failed imports.
        """
        self.import_from_location()
        name = key.removeprefix('salseg.')
        found = self.find(name)
        if found is not None:
            return found
        try:
            found = super().get(key)
        except (RuntimeError, ImportError, AttributeError, ValueError):
            found = None
        if found is None:
            raise UnknownName(self._unknown(key))
        return found

    def __contains__(self, key: str) -> bool:
        self.import_from_location()
        return self.find(key.removeprefix('salseg.')) is not None

    def find(self, name: str) -> Any:
        """Class or function registered under a name without scope, here or in a child; None where there is none."""
        if name in self.module_dict:
            return self.module_dict[name]
        for child in self.children.values():
            child.import_from_location()
            found = child.find(name)
            if found is not None:
                return found
        return None

    def _family(self) -> list[root.Registry]:
        family: list[root.Registry] = [self]
        for member in family:
            family.extend(member.children.values())
        parent = self.parent
        while parent is not None:
            family.append(parent)
            parent = parent.parent
        return family

    def _unknown(self, key: str) -> str:
        known = {name: registry.name for registry in self._family() for name in registry.module_dict}
        by_case = {name.lower(): name for name in known}
        near = [by_case[n] for n in difflib.get_close_matches(key.lower(), by_case, n=3, cutoff=0.6)]
        lines = [f'{key!r} is not in the registry {self.name!r}.']
        lines.append('  nearest names: ' + (', '.join(f'{n} ({known[n]})' for n in near) or 'none'))
        lines.append(f'  looked in: {", ".join(self.locations) or "what was imported"}')
        for other in ALL_REGISTRIES:
            if other.find(key) is not None and other.name not in known.values():
                lines.append(f'  the registry {other.name!r} has it: is it used in the right place?')
        lines += [
            f'  {place} registers it: add custom_imports = dict(imports=[{module!r}]) to the config'
            for place, module in _projects_with(key)
        ]
        for location, error in FAILED_IMPORTS.items():
            lines.append(
                f'  importing {location} failed, so what it registers is missing:\n    ' + error.replace('\n', '\n    ')
            )
        lines.append(
            f'  a new one: decorate it with @{_VARIABLES.get(self.name, "REGISTRY")}.register_module() and '
            'name its module in custom_imports'
        )
        return '\n'.join(lines)

    def before_registration(self, module: Any, names: list[str], force: bool) -> None:
        """Refuse a name that is taken."""
        for name in names:
            old = self.module_dict.get(name)
            if old is not None and not force:
                raise SalsegError(
                    f'{name!r} is registered twice in {self.name!r}: {old.__module__}.{old.__qualname__} and '
                    f'{module.__module__}.{module.__qualname__}. Rename one, or pass force=True to replace the first.'
                )


def _projects_with(name: str) -> list[tuple[str, str]]:
    """Project files that define a class or function of that name, with the module to import."""
    try:
        top = assets_root()
    except SalsegError:
        return []
    pattern = re.compile(rf'^(?:class|def) {re.escape(name)}\b', re.MULTILINE)
    files = [f for f in sorted((top / 'projects').glob('*/*.py')) if pattern.search(f.read_text(encoding='utf-8'))]
    return [(str(f.relative_to(top)), f'projects.{f.parent.name}') for f in files]


def _child(name: str, parent: root.Registry, location: str, scope: str = 'salseg') -> Registry:
    return Registry(name, parent=parent, scope=scope, locations=[location])


MODELS = _child('model', root.MODELS, 'salseg.models')
BACKBONES = _child('backbone', MODELS, 'salseg.models', 'salseg_backbone')
MATCHERS = _child('matcher', MODELS, 'salseg.models', 'salseg_matcher')
NECKS = _child('neck', MODELS, 'salseg.models', 'salseg_neck')
HEADS = _child('head', MODELS, 'salseg.models', 'salseg_head')
LOSSES = _child('loss', MODELS, 'salseg.models', 'salseg_loss')
PASSES = _child('pass', MODELS, 'salseg.models', 'salseg_pass')
SEGMENTORS = _child('segmentor', MODELS, 'salseg.models', 'salseg_segmentor')
DATASETS = _child('dataset', root.DATASETS, 'salseg.datasets')
TRANSFORMS = _child('transform', root.TRANSFORMS, 'salseg.datasets')
DATA_SAMPLERS = _child('data sampler', root.DATA_SAMPLERS, 'salseg.datasets')
METRICS = _child('metric', root.METRICS, 'salseg.evaluation.metrics')
HOOKS = _child('hook', root.HOOKS, 'salseg.engine')
LOOPS = _child('loop', root.LOOPS, 'salseg.engine')
OPTIMIZERS = _child('optimizer', root.OPTIMIZERS, 'salseg.engine')
OPTIM_WRAPPERS = _child('optim_wrapper', root.OPTIM_WRAPPERS, 'salseg.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor', root.OPTIM_WRAPPER_CONSTRUCTORS, 'salseg.engine')
PARAM_SCHEDULERS = _child('parameter scheduler', root.PARAM_SCHEDULERS, 'salseg.engine')
VISUALIZERS = _child('visualizer', root.VISUALIZERS, 'salseg.visualization')
VISBACKENDS = _child('vis_backend', root.VISBACKENDS, 'salseg.visualization')
FLOWS = Registry('flow', scope='salseg', locations=['salseg.datasets'])
POSTPROCESSORS = Registry('postprocessor', scope='salseg', locations=['salseg.models'])
EXPLAINERS = Registry('explainer', scope='salseg', locations=['salseg.models'])

ALL_REGISTRIES = [
    MODELS, BACKBONES, MATCHERS, NECKS, HEADS, LOSSES, PASSES, SEGMENTORS, DATASETS, TRANSFORMS, DATA_SAMPLERS, METRICS,
    HOOKS, LOOPS, OPTIMIZERS, OPTIM_WRAPPERS, OPTIM_WRAPPER_CONSTRUCTORS, PARAM_SCHEDULERS, VISUALIZERS, VISBACKENDS,
    FLOWS, POSTPROCESSORS, EXPLAINERS,
]  # fmt: skip
_VARIABLES = {value.name: name for name, value in list(globals().items()) if isinstance(value, Registry)}
