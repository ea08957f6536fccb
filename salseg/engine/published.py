"""Weights that authors published: fetched or imported, converted, checked against their model, kept with their facts."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from salseg.catalog import PublishedWeights, find_published, model_cards
from salseg.engine.checkpoint import load_file, load_weights
from salseg.engine.config import load_config
from salseg.engine.named_weights import by_hand
from salseg.engine.starting import build_model, nearest_cause
from salseg.errors import CheckpointError, UnknownName, WeightsError
from salseg.io.files import replacing
from salseg.io.transfer import TIMEOUT, TransferError, fetch, is_page
from salseg.io.weights_cache import (
    WeightsFacts,
    forget_facts,
    locked,
    part_path,
    read_facts,
    sha256_of,
    weights_path,
    write_facts,
)
from salseg.paths import enable_projects

# A file has more than its entries: a card's size is theirs, and a training state may lie beside them.
_ROOM = 3


@dataclass(frozen=True)
class Converted:
    """Weights under salseg's names.

    Attributes:
        checkpoint: ``state_dict`` and ``meta``, which holds the model options that the weights need.
        dropped: Entries that the model does not use.
    """

    checkpoint: dict[str, Any]
    dropped: list[str]

    @property
    def options(self) -> dict[str, Any]:
        """Options of the model, by dotted key of a config."""
        return dict(self.checkpoint['meta']['model_options'])


def key_map(model: str) -> ModuleType:
    """Module with the converter of a model's published weights, ``Converter`` of its card.

    Raises:
        UnknownName: No such model, or it has none.
    """
    enable_projects()
    cards = model_cards()
    if model not in cards or 'Converter' not in cards[model]:
        having = sorted(name for name, card in cards.items() if 'Converter' in card)
        raise UnknownName(f'{model!r} has no converter; those with one: {", ".join(having)}.')
    return import_module(cards[model]['Converter'])


def convert_official(model: str, file: str | Path) -> Converted:
    """Read the authors' file of a model and rename its entries.

    Options come from the card (``Weights: Options``) and from the shapes, where the converter reads such
    (``model_options``).

    Raises:
        UnknownName: The model has no converter.
        CheckpointError: The file is unsafe, or does not hold what the model's checkpoint holds.
    """
    module, state = key_map(model), load_file(file)['state_dict']
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise CheckpointError(f'{file} holds no state dict; expected tensors by name, as the authors publish them.')
    converted, dropped = module.convert(state)
    wrong = [name for name, value in converted.items() if not isinstance(value, torch.Tensor)]
    if wrong:
        raise CheckpointError(
            f'{file}: {wrong[0]} is no tensor; expected the bare state dict that the authors publish.'
        )
    options = dict((model_cards()[model].get('Weights') or {}).get('Options', {}))
    if hasattr(module, 'model_options'):
        try:
            options |= {f'model.{key}': value for key, value in module.model_options(state).items()}
        except KeyError as error:
            raise CheckpointError(f'{file} lacks the entry {error}; give the file of the authors as it is.') from None
    kind = load_config(model, check=False).model.type
    meta = dict(converted_from=Path(file).name, system=model, model_type=kind, model_options=options)
    return Converted(dict(meta=meta, state_dict=converted), dropped)


def get_weights(
    name: str,
    again: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    timeout: float = TIMEOUT,
    note: Callable[[str], None] | None = None,
) -> tuple[WeightsFacts, bool]:
    """Fetch published weights into the cache, converted; a transfer that was stopped is resumed.

    Two processes that ask at once fetch once: the second one waits and finds the file.

    Args:
        name: For example 'xmem@official'.
        again: Fetch them though they are here, to compare their hash or to convert them anew.
        progress: Called with the bytes that are there and those in all, None where the server does not say.
        timeout: Seconds without a byte after which a connection is given up.
        note: Called with a sentence where something is worth it.

    Returns:
        What is known of them, and whether they were fetched now.

    Raises:
        UnknownName: No published weights have that name.
        WeightsError: They cannot be fetched, or differ from those that were fetched or imported before.
        CheckpointError: The file is unsafe or does not fit the model.
    """
    weights = find_published(name)
    with locked(name):
        facts = read_facts(name)
        if facts is not None and weights_path(name).is_file() and not again:
            return facts, False
        part = part_path(name)
        _transfer(weights, part, progress, timeout)
        try:
            return _keep(weights, part, weights.address, note), True
        finally:
            # A file that was refused would be refused again: the next attempt fetches anew.
            part.unlink(missing_ok=True)


def _transfer(
    weights: PublishedWeights, part: Path, progress: Callable[[int, int | None], None] | None, timeout: float
) -> None:
    if os.environ.get('SALSEG_OFFLINE'):
        raise WeightsError(f'{weights.name} was not fetched, since SALSEG_OFFLINE is set. {by_hand(weights)}')
    try:
        fetch(weights.address, part, _ROOM * weights.size, progress, timeout)
        page = is_page(part)
    except TransferError as error:
        kept = f'{error.kept} bytes are kept, and the same command resumes. ' if error.kept else ''
        raise WeightsError(f'{weights.name} was not fetched: {error}. {kept}{by_hand(weights)}') from error
    if page:
        part.unlink()
        raise WeightsError(
            f'{weights.name} was not fetched: the server sent a page (HTML) instead of the file. {by_hand(weights)}'
        )


def import_weights(name: str, file: str | Path, note: Callable[[str], None] | None = None) -> WeightsFacts:
    """Take a file of the authors, fetched by hand, into the cache, converted; the file itself stays as it is.

    Args:
        name: For example 'scwssod@official'.
        file: The authors' file.
        note: Called with a sentence where something is worth it.

    Raises:
        UnknownName: No published weights have that name.
        WeightsError: There is no such file, it is a page, or it is another one than before.
        CheckpointError: It is unsafe or does not fit the model.
    """
    weights, file = find_published(name), Path(file)
    if not file.is_file():
        raise WeightsError(f'{file} is no file; expected what {weights.page} publishes as {name}.')
    if is_page(file):
        raise WeightsError(
            f'{file} is a page (HTML), which a server sent instead of the file. Open {weights.page} in a browser, confirm '
            'the download there, and import what it saves.'
        )
    with locked(name):
        return _keep(weights, file, file.name, note)


def _keep(
    weights: PublishedWeights,
    file: Path,
    source: str,
    note: Callable[[str], None] | None = None,
) -> WeightsFacts:
    """Convert a file of the authors, check it against the model, and store it with what is known of it."""
    name, digest = weights.name, sha256_of(file)
    before = read_facts(name)
    if before is not None and before.sha256 != digest:
        raise WeightsError(
            f'{source} is not the file that {name} was before: its SHA-256 is {digest}, that of {before.source} on '
            f'{before.date} was {before.sha256}. Ask its publisher why it changed. Where that is right: '
            f'`salseg weights remove {name} --forget`, then again.'
        )
    converted = convert_official(weights.model, file)
    _check_fit(weights, converted, source)
    if note is not None and converted.dropped:
        first = ', '.join(converted.dropped[:3]) + ', ...' * (len(converted.dropped) > 3)
        note(f'{len(converted.dropped)} entries that the model does not use were left out: {first}')
    date = datetime.now(timezone.utc).strftime('%Y-%m-%d %H:%M:%S UTC')
    known = dict(name=name, source=source, sha256=digest, licence=weights.licence, date=date)
    converted.checkpoint['meta'] |= {'published': known}
    path = weights_path(name)
    try:
        with replacing(path, alone=True) as temporary:
            torch.save(converted.checkpoint, temporary)
    except (OSError, RuntimeError) as error:
        # torch reports a failed write of its archive as RuntimeError.
        raise WeightsError(f'{path} cannot be written: {error}. SALSEG_CACHE names another folder.') from error
    facts = WeightsFacts(size=file.stat().st_size, options=converted.options, stored_sha256=sha256_of(path), **known)
    write_facts(facts)
    return facts


def _check_fit(weights: PublishedWeights, converted: Converted, source: str) -> None:
    """Load the weights into their model once, so that what lies in the cache is known to work."""
    config = load_config(weights.model, converted.options)
    with torch.random.fork_rng(devices=[]):
        model = build_model(config.model.to_dict(), converted.checkpoint['state_dict'])
    load_weights(model, converted.checkpoint['state_dict'], f'{source} as {weights.name}', cause=nearest_cause)


def verify_weights(name: str) -> str:
    """Compare weights in the cache with their record.

    Returns:
        What is wrong, as a sentence; empty where nothing is.

    Raises:
        UnknownName: No published weights have that name.
    """
    path = weights_path(find_published(name).name)
    try:
        facts = read_facts(name)
    except WeightsError as error:
        return str(error)
    if facts is None or not path.is_file():
        return f'{name} is not here: `salseg weights get {name}`.'
    found = sha256_of(path)
    if found == facts.stored_sha256:
        return ''
    return (
        f'{path} was changed since {facts.date}: its SHA-256 is {found}, {facts.stored_sha256} was written. Fetch it again '
        f'(`salseg weights get {name} --again`) or import it again.'
    )


def remove_weights(name: str, forget: bool = False) -> bool:
    """Delete weights from the cache, and what was fetched of them.

    Args:
        name: For example 'xmem@official'.
        forget: Delete their hash too, so that another file is accepted under the name.

    Returns:
        Whether there was something.
    """
    find_published(name)
    with locked(name):
        part = part_path(name)
        paths = [weights_path(name), part, part.with_name(f'{part.name}.json')]
        there = [path for path in paths if path.exists()]
        for path in there:
            path.unlink()
        if forget:
            forget_facts(name)
    return bool(there)
