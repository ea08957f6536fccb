import subprocess
import sys

import pytest

from salseg import registry
from salseg.errors import SalsegError, UnknownName

pytestmark = pytest.mark.core()


def test_a_misspelt_name_gets_the_nearest_names_and_the_places_searched():
    with pytest.raises(UnknownName) as error:
        registry.LOSSES.get('LocalSaliencyCoherenceLos')
    message = str(error.value)
    assert 'LocalSaliencyCoherenceLoss (loss)' in message
    assert 'salseg.models' in message


def test_the_models_registry_finds_what_its_children_hold():
    assert registry.MODELS.get('ResNet') is registry.BACKBONES.get('ResNet')


def test_a_name_of_another_registry_is_pointed_out():
    with pytest.raises(UnknownName, match="the registry 'transform' has it"):
        registry.LOSSES.get('RandomFlip')


def test_a_failed_import_is_told_when_a_name_is_missing(monkeypatch):
    broken = registry.Registry('broken', scope='salseg_broken', locations=['salseg.no_such_module'])
    monkeypatch.setattr(registry, 'FAILED_IMPORTS', {})
    with pytest.raises(UnknownName, match=r'importing salseg.no_such_module failed(.|\n)*No module named'):
        broken.get('Anything')


def test_registering_a_name_twice_names_both_places():
    own = registry.Registry('twice', scope='salseg_twice')

    @own.register_module(name='Part')
    class First:
        pass

    with pytest.raises(SalsegError, match='First and .*Second'):

        @own.register_module(name='Part')
        class Second:
            pass


def test_importing_the_package_pulls_in_neither_torch_nor_mmengine():
    code = 'import sys, salseg; sys.exit(any(m in sys.modules for m in ("torch", "mmengine", "cv2", "numpy")))'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_help_and_list_load_nothing_heavy():
    code = (
        'import sys; from salseg.cli import main\n'
        'try:\n    main(["--help"])\nexcept SystemExit:\n    pass\n'
        'main(["list"])\n'
        'sys.exit(any(m in sys.modules for m in ("torch", "mmengine", "cv2", "numpy")))'
    )
    done = subprocess.run([sys.executable, '-c', code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'salseg-demo' in done.stdout
