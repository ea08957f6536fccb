"""Names of models and the configs that they stand for, read from the projects' cards without importing anything heavy."""

import difflib
import fnmatch
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from salseg.errors import UnknownName
from salseg.paths import assets_root

DEMO = Path(__file__).resolve().parent / 'demo' / 'metafile.yml'


@lru_cache(maxsize=1)
def model_cards() -> dict[str, dict[str, Any]]:
    """Cards of all models by name: the entries under ``Models`` of every ``projects/<paper>/metafile.yml``.

    The demo model, whose weights come with the package, has its card in the package.
    """
    import yaml

    cards: dict[str, dict[str, Any]] = {}
    for file in [*sorted((assets_root() / 'projects').glob('*/metafile.yml')), DEMO]:
        card = yaml.safe_load(file.read_text(encoding='utf-8')) or {}
        for model in card.get('Models', []):
            shared = {key: value for key, value in card.items() if key not in ('Models', 'Stages')}
            cards[model['Name']] = {**shared, **model, 'Folder': str(file.parent)}
    return cards


@lru_cache(maxsize=1)
def project_stages() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Chains of stages by project and by name of the chain: ``Stages`` of every ``projects/<paper>/metafile.yml``.

    A stage has a ``Name`` and either ``Train`` (a model or config, with ``Start``: the stage whose weights it begins
    with) or ``Precompute`` ('pseudo-labels' with ``From``, the stage whose model makes them, or 'guidance' with
    ``Model``). ``Options`` override its config; ``{NAME}`` in a value is the folder of an earlier stage.
    """
    import yaml

    found = {}
    for file in sorted((assets_root() / 'projects').glob('*/metafile.yml')):
        card = yaml.safe_load(file.read_text(encoding='utf-8')) or {}
        if card.get('Stages'):
            found[file.parent.name] = card['Stages']
    return found


def list_models(pattern: str = '*') -> list[str]:
    """Names of models that match a shell pattern, sorted."""
    return sorted(fnmatch.filter(model_cards(), pattern))


def config_of(name: str) -> Path:
    """Config file of a model.

    Raises:
        UnknownName: No model has that name; the message lists near ones.
    """
    cards = model_cards()
    if name not in cards:
        near = difflib.get_close_matches(name, cards, n=3)
        raise UnknownName(
            f'no model is called {name!r}. Nearest: {", ".join(near) or "none"}; all: {", ".join(sorted(cards))}. '
            "A config file or a run's folder will do as well."
        )
    return Path(cards[name]['Folder']) / cards[name]['Config']


def shipped_weights(name: str) -> Path | None:
    """Weights that come with the package for a model, ``Checkpoint`` of its card; None for what has none."""
    card = model_cards().get(name, {})
    return Path(card['Folder']) / card['Checkpoint'] if 'Checkpoint' in card else None


def list_configs() -> list[Path]:
    """All configs that come with salseg, but the bases, and but those that mix in a project which was removed."""
    top = assets_root()
    found = [*(top / 'configs').rglob('*.py'), *(top / 'projects').glob('*/configs/**/*.py')]
    return sorted(path for path in found if '_base_' not in path.parts and _has_its_project(path, top))


def _has_its_project(path: Path, top: Path) -> bool:
    names = re.findall(r'\bprojects/(\w+)/configs/', path.read_text(encoding='utf-8'))
    return all((top / 'projects' / name).is_dir() for name in names)
