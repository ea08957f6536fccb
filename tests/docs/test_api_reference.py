"""Every public name has its entry in the API reference, and every entry is a public name that is described."""

import inspect
import re
from importlib import import_module

import pytest

from tests.docs.pages import ROOT

FOLDER = ROOT / 'docs/en/api'
# Packages whose public names are all in the reference; a page may show more than these.
PACKAGES = (
    'salseg.apis',
    'salseg.propagation',
    'salseg.structures',
    'salseg.ops',
    'salseg.models',
    'salseg.models.backbones',
    'salseg.models.heads',
    'salseg.models.losses',
    'salseg.models.matchers',
    'salseg.models.necks',
    'salseg.models.passes',
    'salseg.models.postprocessors',
    'salseg.models.segmentors',
    'salseg.datasets',
    'salseg.datasets.flow',
    'salseg.datasets.sampling',
    'salseg.datasets.sampling',
    'salseg.datasets.transforms',
    'salseg.evaluation.evaluate',
    'salseg.evaluation.functional',
    'salseg.evaluation.metrics',
    'salseg.evaluation.protocols',
)
# Constants and type aliases cannot carry a docstring of their own.
UNDESCRIBED = ('InputType', 'PROTOCOLS', 'Metrics', 'SALIENCY_METRICS', 'Scores')


def entries():
    """Dotted names that the pages show, in order."""
    found = []
    for page in sorted(FOLDER.glob('*.md')):
        found += re.findall(r'^::: ([\w.]+)$', page.read_text(encoding='utf-8'), re.MULTILINE)
    return found


def public(package):
    """Public names of a package: its ``__all__``, or what it defines itself; no submodules."""
    module = import_module(package)
    names = getattr(module, '__all__', None)
    if names is None:
        names = [name for name, value in vars(module).items() if getattr(value, '__module__', None) == package]
        names = [name for name in names if not name.startswith('_')]
    return [name for name in names if not inspect.ismodule(getattr(module, name))]


def resolved(entry):
    """The object that an entry shows."""
    module, _, name = entry.rpartition('.')
    return getattr(import_module(module), name)


@pytest.mark.parametrize('package', PACKAGES)
def test_every_public_name_has_its_entry(package):
    shown = entries()
    objects = [resolved(entry) for entry in shown]
    module = import_module(package)
    missing = [
        name
        for name in public(package)
        # A class that two packages export, as Prompt, is shown by one of them.
        if f'{package}.{name}' not in shown and not any(getattr(module, name) is value for value in objects)
    ]
    assert not missing, f'no page of docs/en/api has an entry `::: {package}.NAME` for {", ".join(missing)}'


def test_every_entry_is_importable_shown_once_and_described():
    shown = entries()
    assert len(shown) == len(set(shown)), sorted({entry for entry in shown if shown.count(entry) > 1})
    bare = [e for e in shown if e.rpartition('.')[2] not in UNDESCRIBED and not inspect.getdoc(resolved(e))]
    assert not bare, f'without a docstring: {", ".join(bare)}'


def test_every_public_function_describes_what_it_takes():
    """Arguments that a docstring lists are those of the signature, so that a renamed one is not forgotten."""
    wrong = []
    for entry in entries():
        value = resolved(entry)
        text = inspect.getdoc(value) or ''
        section = re.search(r'^Args:\n((?: {4}.*\n?|\n)+)', text, re.MULTILINE)
        if section is None or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        listed = re.findall(r'^ {4}((?:\*{0,2}\w+(?:, )?)+):', section.group(1), re.MULTILINE)
        names = {name.lstrip('*') for group in listed for name in group.split(', ')}
        unknown = names - set(inspect.signature(value).parameters)
        wrong += [f'{entry}: {", ".join(sorted(unknown))}'] if unknown else []
    assert not wrong, '\n'.join(wrong)
