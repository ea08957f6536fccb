"""A hundred inputs that are wrong: one sentence that names what, status 2, and no traceback; a bad item among good ones, 1."""

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import torch

from salseg.cli.main import main
from tests.tiny import write_tiny_config

CPU = ['--device', 'cpu']
SMALL = 40, 32


def image(path, value=90, size=SMALL):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), value, np.uint8))
    return path


def mask(path, size=SMALL, value=255):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = np.zeros((size[1], size[0]), np.uint8)
    content[8:20, 8:20] = value
    cv2.imwrite(str(path), content)
    return path


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def huge_png(width, height):
    """A few bytes that stand for a large image."""
    head = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + head + chunk(b'IDAT', zlib.compress(b'\0' * 100)) + chunk(b'IEND', b'')


def lying_bmp(width, height):
    return b'BM' + struct.pack('<IHHIIiiHHIIiiII', 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    """A folder with good and bad files of every kind; no case changes one."""
    home = tmp_path_factory.mktemp('home')
    for name in 'ab':
        image(home / f'photos/{name}.png')
        mask(home / f'gt/{name}.png')
        mask(home / f'pred/{name}.png')
        image(home / f'set/image/{name}.png')
        mask(home / f'set/mask/{name}.png')
    for number in range(3):
        image(home / f'video/{number:05d}.png', 60 + 10 * number)
    mask(home / 'first.png', value=1)
    mask(home / 'other_size.png', (20, 20), 1)
    mask(home / 'empty_mask.png', value=0)
    bad = {
        'text.png': b'this is text', 'empty.png': b'', 'cut.png': (home / 'photos/a.png').read_bytes()[:60],
        'huge.png': huge_png(60000, 60000), 'wide.png': huge_png(2**31 - 1, 1), 'none.png': huge_png(0, 5),
        'lies.bmp': lying_bmp(2**30, 2**30), 'negative.bmp': lying_bmp(-5, -5), 'text.jpg': b'\xff\xd8\xff\xe0 and no more',
        'x.gif': b'GIF89a' + b'\xff' * 20, 'x.tif': b'II*\0' + b'\xff' * 20, 'x.webp': b'RIFF\xff\xff\xff\xffWEBPVP8 ',
        'text.mp4': b'no video', 'text.pth': b'no weights', 'zip.pth': b'PK\x03\x04 and no more', 'empty.pth': b'',
    }  # fmt: skip
    for name, data in bad.items():
        (home / name).write_bytes(data)
        if name.endswith(('png', 'jpg', 'bmp', 'gif', 'tif', 'webp')):
            folder = home / f'mixed_{name.replace(".", "_")}'
            for good in 'ab':
                image(folder / f'{good}.png')
            (folder / f'z_{name}').write_bytes(data)
    os.mkfifo(home / 'pipe.png')
    image(home / 'piped/a.png')
    os.mkfifo(home / 'piped/z.png')
    image(home / 'endless/a.png')
    (home / 'endless/z.png').symlink_to('/dev/zero')
    states = {
        'none': None, 'list': [1, 2], 'keys': {1: torch.zeros(1)}, 'inner_none': {'state_dict': None},
        'inner_list': {'state_dict': [1]}, 'texts': {'state_dict': {'a': 'b'}}, 'nothing': {},
        'foreign': {'x.weight': torch.zeros(2)},
        'meta_text': {'state_dict': {'x': torch.zeros(1)}, 'meta': 'text'},
    }  # fmt: skip
    for name, state in states.items():
        torch.save(state, home / f'{name}.pth')
    write_tiny_config(home / 'tiny.py')
    (home / 'broken.py').write_text('model = dict(\n')
    (home / 'raises.py').write_text('model = 1 / 0\n')
    (home / 'no_model.py').write_text('a = 1\n')
    (home / 'absent_import.py').write_text(
        f'_base_ = [{str(home / "tiny.py")!r}]\ncustom_imports = dict(imports=["not_there"])\n'
    )
    (home / 'list.txt').write_bytes(b'\xff\xfe\xfa')
    (home / 'empty.txt').write_text('\n')
    (home / 'names.txt').write_text('nobody\n')
    (home / 'run').mkdir()
    head = 'set,frame,object,x0,y0,x1,y1,width,height\n'
    for name, line in {
        'nan': ',a,1,nan,0,5,5,40,32', 'inf': ',a,1,0,0,inf,5,40,32', 'large': ',a,1,0,0,1e308,5,1e308,32',
        'id': ',a,999,0,0,5,5,40,32', 'word': ',a,1,x,0,5,5,40,32', 'flat': ',a,1,5,5,5,5,40,32', 'short': ',a,1',
    }.items():  # fmt: skip
        (home / f'{name}.csv').write_text(head + line + '\n')
    (home / 'columns.csv').write_text('a,b\n1,2\n')
    return home


PREDICT = {
    'a video that is none': ('predict text.mp4', 'text.mp4'),
    'a pipe': ('predict pipe.png', 'pipe.png'),
    'an image that is nowhere': ('predict nowhere.png', 'nowhere.png'),
    'the device is none': ('predict photos --device nothing', 'nothing'),
    'the kinds are unknown': ('predict photos --save maps', 'maps'),
    'no kinds': ('predict photos --save ,', '--save'),
    'batch of 0': ('predict photos --batch-size 0', '--batch-size 0'),
    'shard 3 of 2': ('predict photos --shard 3/2', '3/2'),
    'shard of words': ('predict photos --shard a/b', 'a/b'),
    'out is a file': ('predict photos --out first.png', 'first.png'),
    'out is below a file': ('predict photos --out first.png/x', 'first.png'),
    'out is too long': (f'predict photos --out {"x" * 300}', 'x' * 40),
    'two of one name': ('predict photos gt', 'a.png'),
    'a model and nothing': ('predict scwssod-lite', 'scwssod-lite'),
    'no model of that name': ('predict scwsod photos', 'scwsod'),
    'an empty folder': ('predict run', 'run'),
    'a clip model and text': ('predict contrastive-vsod-lite text.mp4 --random-weights', 'text.mp4'),
}  # fmt: skip

CHECKPOINTS = {
    f'weights {name}': (f'predict salseg-demo photos --checkpoint {name}', name)
    for name in (
        'text.pth', 'zip.pth', 'empty.pth', 'nowhere.pth', 'none.pth', 'list.pth', 'keys.pth', 'inner_none.pth',
        'inner_list.pth', 'texts.pth', 'nothing.pth', 'foreign.pth', 'meta_text.pth', 'first.png', 'photos', 'run',
    )
}  # fmt: skip

CONFIGS = {
    name: (f'train {config} --work-dir OUT', word)
    for name, config, word in (
        ('a config that is broken', 'broken.py', 'broken.py'), ('a config that raises', 'raises.py', 'raises.py'),
        ('a config without model', 'no_model.py', 'no_model.py'), ('an import that is absent', 'absent_import.py', 'not_there'),
        ('no such config', 'nowhere.py', 'nowhere.py'), ('a folder as config', 'photos', 'photos'),
        ('a folder of nothing', 'run', 'run'),
    )
}  # fmt: skip

OPTIONS = {
    f'option {option}': (f'train tiny.py --work-dir OUT --cfg-options {option}', word)
    for option, word in (
        ('train_cfg.max_iters=x', 'train_cfg.max_iters'), ('train_cfg.max_iters=0', 'train_cfg.max_iters'),
        ('train_cfg.max_iters=-3', 'train_cfg.max_iters'), ('train_cfg.max_iters=1.5', 'train_cfg.max_iters'),
        ('train_cfg.val_interval=0', 'train_cfg.val_interval'),
        ('train_dataloader.batch_size=0', 'train_dataloader.batch_size'),
        ('train_dataloader.batch_size=x', 'train_dataloader.batch_size'),
        ('train_dataloader.batch_size=-1', 'train_dataloader.batch_size'),
        ('train_dataloader.num_workers=-1', 'train_dataloader.num_workers'),
        ('train_dataloader.num_workers=x', 'train_dataloader.num_workers'),
        ('train_dataloader.persistent_workers=3', 'train_dataloader.persistent_workers'),
        ('optim_wrapper.optimizer.lr=x', 'optim_wrapper.optimizer.lr'),
        ('optim_wrapper.optimizer.lr=-1', 'optim_wrapper.optimizer.lr'),
        ('optim_wrapper.optimizer.lr=nan', 'optim_wrapper.optimizer.lr'),
        ('optim_wrapper.optimizer.momentum=x', 'optim_wrapper.optimizer.momentum'),
        ('optim_wrapper.accumulative_counts=0', 'optim_wrapper.accumulative_counts'),
        ('optim_wrapper.clip_grad.max_norm=x', 'optim_wrapper.clip_grad.max_norm'),
        ('default_hooks.checkpoint.interval=0', 'default_hooks.checkpoint.interval'),
        ('default_hooks.checkpoint.interval=x', 'default_hooks.checkpoint.interval'),
        ('default_hooks.checkpoint.max_keep_ckpts=0', 'default_hooks.checkpoint.max_keep_ckpts'),
        ('default_hooks.logger.interval=0', 'default_hooks.logger.interval'),
        ('model.data_preprocessor.std=[0,0,0]', 'std'), ('model.data_preprocessor.mean=[x,0,0]', 'mean'),
        ('model.data_preprocessor.std=[1,2]', 'std'), ('model.data_preprocessor.std=x', 'std'),
        ('model.neck.width=0', 'backbone'), ('model.neck.width=x', 'model'),
        ('model.backbone.depth=19', 'depth'), ('model.losses.lsc.weight=x', 'model.losses.lsc.weight'),
        ('model.losses.lsc.weight=nan', 'model.losses.lsc.weight'), ('model.x=[1,(2', 'model.x'), ('model={', '{'),
        ('nothing', 'nothing'), ('modle.depth=3', 'modle'), ('randomness.seed=x', 'randomness.seed'),
        ('randomness.seed=-1', 'randomness.seed'), ('train_dataloader.dataset.length=0', 'length'),
        ('train_dataloader.dataset.pipeline.2.size=0', 'size'), ('train_dataloader.dataset.pipeline.9.size=1', 'pipeline'),
        ('load_from=nowhere.pth', 'nowhere.pth'), ('load_from=text.pth', 'text.pth'), ('model.type=Nothing', 'Nothing'),
        ('model.type=os.system', 'system'), ('param_scheduler.total=0', 'param_scheduler'), ('resume=True', 'resume'),
    )
}  # fmt: skip

EVALUATE = {
    'no such protocol': ('evaluate pred gt --protocol nothing', 'nothing'),
    'no protocol': ('evaluate pred gt', '--protocol'),
    'no folder': ('evaluate --protocol sod', '0 folders'),
    'one folder': ('evaluate gt --protocol sod', '1 folders'),
    'no such truth': ('evaluate pred nowhere --protocol sod', 'nowhere'),
    'no such predictions': ('evaluate nowhere gt --protocol sod', 'nowhere'),
    'no such column': ('evaluate pred gt --protocol sod --columns nothing', 'nothing'),
    'an empty folder of predictions': ('evaluate run gt --protocol sod', 'run'),
    'a list of bytes': ('evaluate pred gt --protocol sod --list list.txt', 'list.txt'),
    'an empty list': ('evaluate pred gt --protocol sod --list empty.txt', 'empty.txt'),
    'a list of nobody': ('evaluate pred gt --protocol sod --list names.txt', 'nobody'),
    'no processes': ('evaluate pred gt --protocol sod --processes 0', '--processes 0'),
    'predictions of a huge image': (
        'evaluate mixed_huge_png mixed_huge_png --protocol sod --processes 1',
        'z_huge.png',
    ),
    'predictions that are text': ('evaluate mixed_text_png mixed_text_png --protocol sod --processes 1', 'z_text.png'),
    'a pipe among them': ('evaluate piped piped --protocol sod --processes 1', 'z.png'),
}

OTHER = {
    'check-data of nothing': ('check-data nowhere', 'nowhere'),
    'check-data of an empty folder': ('check-data run', 'run'),
    'check-data of a list of bytes': ('check-data set --list list.txt', 'list.txt'),
    'info of nobody': ('info nobody', 'nobody'),
    'export to words': ('export salseg-demo --out OUT/x --size a,b', 'a,b'),
    'export of nothing': ('export nobody --out OUT/x', 'nobody'),
    'convert of nothing': ('convert nothing photos OUT', 'nothing'),
    'weights of nobody': ('weights get nobody', 'nobody'),
    'flow of nothing': ('precompute flow nowhere --out OUT', 'nowhere'),
    'test of a folder of photos': ('test photos', 'photos'),
    'resume from nothing': ('train tiny.py --work-dir OUT --resume nowhere.pth', 'nowhere.pth'),
}

CASES = {**PREDICT, **CHECKPOINTS, **CONFIGS, **OPTIONS, **EVALUATE, **OTHER}


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Loggers keep the stream of the test in which they were made, which is closed by now."""
    monkeypatch.setattr('logging.raiseExceptions', False)


def call(words, capsys):
    try:
        status = main(words)
    except SystemExit as error:
        # The parser of the command line.
        status = error.code
    said = capsys.readouterr()
    return status, said.out + said.err


@pytest.mark.parametrize(('line', 'word'), CASES.values(), ids=CASES)
def test_what_is_wrong_is_said_in_a_sentence(line, word, home, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(home)
    words = [w.replace('OUT', str(tmp_path / 'out')) for w in line.split(' ')]
    if words[0] in ('predict', 'track') and '--out' not in words:
        words += ['--out', str(tmp_path / 'out')]
    if words[0] in ('predict', 'track') and '--device' not in words:
        words += CPU
    status, said = call(words, capsys)
    # A photo that cannot be read, alone as among others, is named at the end.
    assert status == (1 if line.startswith('predict') and 'left out: ' in said else 2), said[-2000:]
    assert word in said
    assert 'Traceback' not in said
    assert len(said.strip().splitlines()[-1]) < 2000


BAD_IMAGES = (
    'text.png', 'empty.png', 'cut.png', 'huge.png', 'wide.png', 'none.png', 'lies.bmp', 'negative.bmp', 'text.jpg', 'x.gif',
    'x.tif', 'x.webp', 'pipe.png', 'endless.png',
)  # fmt: skip


@pytest.fixture(scope='module')
def mixed(home, tmp_path_factory):
    """What is said of a folder with two good images and every bad one, and the files that were written."""
    out = tmp_path_factory.mktemp('mixed')
    for name in 'ab':
        image(home / f'mixed/{name}.png')
    for number, name in enumerate(BAD_IMAGES[:-2]):
        (home / 'mixed' / f'z{number}_{name}').write_bytes((home / name).read_bytes())
    os.mkfifo(home / 'mixed/z12_pipe.png')
    (home / 'mixed/z13_endless.png').symlink_to('/dev/zero')
    return out, ['predict', str(home / 'mixed'), '--out', str(out), *CPU]


def test_bad_images_never_stop_the_others_and_are_all_named(mixed, capsys):
    out, words = mixed
    status, said = call(words, capsys)
    assert status == 1
    assert sorted(path.name for path in out.rglob('*.png')) == ['a.png', 'b.png']
    assert [name for number, name in enumerate(BAD_IMAGES) if f'z{number}_{name}' not in said] == []
    assert 'Traceback' not in said


def test_cells_that_a_spreadsheet_would_run_are_quoted(home, tmp_path, capsys):
    for name in ('=1+1', '+a', '-b', '@c'):
        mask(tmp_path / f'gt/{name}.png')
    words = ['evaluate', f'=cmd={tmp_path / "gt"}', str(tmp_path / 'gt'), '--protocol', 'sod', '--processes', '1']
    assert call([*words[:1], str(tmp_path / 'gt'), *words[2:], '--out', str(tmp_path / 'out')], capsys)[0] == 0
    cells = [cell for line in (tmp_path / 'out/images.csv').read_text().splitlines() for cell in line.split(',')]
    assert {"'=1+1", "'+a", "'-b", "'@c"} <= set(cells)
    assert not [cell for cell in cells if cell[:1] in ('=', '+', '@')]


@pytest.mark.parametrize('name', ['nan', 'inf', 'large', 'id', 'word', 'flat', 'short', 'columns'])
def test_boxes_that_are_none_are_refused(name, home):
    from salseg.io.box_files import read_boxes
    from salseg.errors import DataError

    with pytest.raises(DataError, match=f'{name}.csv'):
        read_boxes(home / f'{name}.csv')
