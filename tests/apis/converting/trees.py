"""What tests of converters do with a small release: wrap it, litter it, take annotations away, compare results."""

import os
import shutil

import numpy as np
from PIL import Image

from salseg.apis.converting import CONVERTERS


def convert(name, source, out, **options):
    return CONVERTERS[name].convert(source, out, **options)


def snapshot(root):
    """Every file of a result, hidden ones too: images as their arrays, the rest as bytes."""
    found = {}
    for folder, _, names in os.walk(root, followlinks=True):
        for file in names:
            path = os.path.join(folder, file)
            image = file.lower().endswith(('.png', '.jpg', '.jpeg', '.bmp'))
            with open(path, 'rb') as stream:
                content = np.asarray(Image.open(stream)) if image else stream.read()
            found[os.path.relpath(path, root)] = content
    return found


def check_same(one, other):
    assert one.keys() == other.keys()
    for name, content in one.items():
        np.testing.assert_array_equal(content, other[name], err_msg=name)


def litter(root):
    """What file managers and archives leave, in every folder; and upper-case suffixes."""
    for folder in [root, *(path for path in root.rglob('*') if path.is_dir())]:
        (folder / '.DS_Store').write_bytes(b'x')
        (folder / 'Thumbs.db').write_bytes(b'x')
    shutil.copytree(root, root.parent / 'copy')
    shutil.move(root.parent / 'copy', root / '__MACOSX')
    for path in list(root.rglob('*')):
        if path.suffix in ('.jpg', '.png', '.bmp', '.pgm', '.ppm', '.JPEG') and '__MACOSX' not in path.parts:
            path.rename(path.with_name(path.stem + path.suffix.upper()))
            (path.parent / f'._{path.name}').write_bytes(b'x')


def annotations(root, folders):
    """Annotation files of a release, those below one of some folders."""
    files = sorted(path for path in root.rglob('*') if path.is_file() and set(folders) & set(path.parts))
    return [path for path in files if path.suffix.lower() in ('.png', '.bmp', '.pgm', '.ppm')]


def halve(out):
    """As a killed run leaves it: every other file is missing, one is half written."""
    files = sorted(path for path in out.rglob('*') if path.is_file() or path.is_symlink())
    for path in files[::2]:
        path.unlink()
    # No process has this number: systems count to 2 ** 22.
    (files[0].parent / f'.{files[0].name}.99999999.tmp').write_bytes(b'half')


def stamps(out):
    return {path: path.lstat().st_mtime_ns for path in out.rglob('*') if path.is_file() and path.suffix != '.txt'}
