"""Names of models and the configs that they stand for, read from the projects' cards without importing anything heavy."""

import difflib
import fnmatch
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from salseg.errors import UnknownName
from salseg.paths import assets_root

DEMO = Path(__file__).resolve().parent / 'demo' / 'metafile.yml'


@dataclass(frozen=True)
class PublishedWeights:
    """Weights that the authors of a paper published, an entry under ``Weights: Published`` of a model's card.

    Attributes:
        model: Name of the model that they belong to.
        label: Which of its weights; ``MODEL@LABEL`` is their name.
        address: What is fetched.
        page: Where a person finds the file.
        licence: As published.
        size: Bytes, from the number of entries; the file is a little larger.
        metrics: As published, by data set and metric.
        options: Of the model, that the authors' weights expect: values by dotted key of a config.
        note: What else a user must know.
    """

    model: str
    label: str
    address: str
    page: str
    licence: str
    size: int
    metrics: dict[str, float] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    note: str = ''

    @property
    def name(self) -> str:
        """For example 'xmem@official'."""
        return f'{self.model}@{self.label}'


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


def published_weights(pattern: str = '*') -> list[PublishedWeights]:
    """Weights that were published for the models, those whose name matches a shell pattern."""
    found = [
        PublishedWeights(
            model=name,
            label=str(entry['Name']),
            address=entry['Address'],
            page=entry.get('Page', entry['Address']),
            licence=entry['Licence'],
            size=int(entry['MB'] * 1_000_000),
            metrics=entry.get('Metrics', {}),
            options=card['Weights'].get('Options', {}),
            note=entry.get('Note', ''),
        )
        for name, card in model_cards().items()
        for entry in (card.get('Weights') or {}).get('Published', [])
    ]
    return [weights for weights in found if fnmatch.fnmatchcase(weights.name, pattern)]


def is_published_name(word: str) -> bool:
    """Whether a word is the name of published weights, ``MODEL@LABEL``, or would be if the label were right."""
    return '@' in word and word.partition('@')[0] in model_cards()


def is_model_name(word: str) -> bool:
    """Whether a word is the name of a model or of published weights, and so no file or folder of that name."""
    return word in model_cards() or is_published_name(word)


def find_published(name: str) -> PublishedWeights:
    """Published weights by name.

    Raises:
        UnknownName: No weights have that name; the message lists those of the model, or all.
    """
    found = {weights.name: weights for weights in published_weights()}
    if name not in found:
        model = name.partition('@')[0]
        own = [other for other in found if other.partition('@')[0] == model] or list(found)
        raise UnknownName(
            f'no published weights are called {name!r}; there are {", ".join(own)} (`salseg weights list`).'
        )
    return found[name]


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
