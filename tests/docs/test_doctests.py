"""The examples in the docstrings of the functional core print what they say, and every public function has one."""

import doctest
import inspect
import pkgutil
from importlib import import_module

import pytest

PACKAGES = ('salseg.ops', 'salseg.evaluation.functional')
MODULES = [f'{name}.{found.name}' for name in PACKAGES for found in pkgutil.iter_modules(import_module(name).__path__)]


@pytest.mark.parametrize('name', MODULES)
def test_examples_print_what_they_say(name):
    module = import_module(name)
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner.run(example, out=report.append)
    assert not runner.failures, ''.join(report)


@pytest.mark.parametrize('package', PACKAGES)
def test_every_public_function_has_an_example(package):
    module = import_module(package)
    functions = [name for name in module.__all__ if inspect.isfunction(getattr(module, name))]
    without = [name for name in functions if '>>> ' not in (inspect.getdoc(getattr(module, name)) or '')]
    assert functions, f'{package} exports no function'
    assert not without, f'{package}: no example in the docstring of {", ".join(without)}'
