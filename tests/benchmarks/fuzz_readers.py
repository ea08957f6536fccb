"""The readers that ``benchmarks/reliability/fuzz.py`` tries: valid files, how they are spoilt, what reads them.

Half of the inputs of a reader are valid containers with hostile fields, written by its ``spoil``; the others are valid files
with damaged bytes.
"""

import copy
import io
import json
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save

from salseg.apis.converting.coco import mask_of, read_coco
from salseg.apis.prompts import parse_box, parse_points
from salseg.datasets.flow.files import read_flow, write_flow
from salseg.engine.checkpoint import load_file
from salseg.engine.config import read_run_config
from salseg.engine.config.loading import parse_options
from salseg.io.annotations import read_annotation, read_map, read_truth
from salseg.io.box_files import read_boxes
from salseg.io.images import read_image, read_visible
from salseg.io.lists import read_list, read_names
from salseg.io.record import FileMark, RunRecord, Weights, read_record, write_record
from salseg.io.video_writing import VideoWriter
from salseg.io.videos import FrameSource
from salseg.models.backbones.weights import read_tensors

Draw = random.Random
# What no field should hold.
NUMBERS = (0, 1, -1, 2, 7, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, -(2**31))
WORDS = (
    '',
    ' ',
    '.',
    '..',
    '../x',
    '/etc/passwd',
    'a/../../b',
    'nan',
    'inf',
    '-inf',
    '1e308',
    '1e999',
    '\x00',
    '=1+1',
    'ä' * 300,
)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**63, 10**30, 0.5, 1e308, -1e308, float('nan'), float('inf'), *WORDS, [], {}, [[]],
    [None], {'a': 1}, [1e308] * 6, [0] * 6, ['x'] * 6,
)  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """A reader.

    Attributes:
        name: For the table.
        make: Valid files, as bytes by suffix.
        spoil: A valid container with hostile fields, made of one of these.
        first: Whether the first parser takes the bytes.
        read: Reads the file; may raise errors of ours only.
    """

    name: str
    make: Callable[[Path], list[tuple[str, bytes]]]
    spoil: Callable[[Draw, str, bytes], bytes]
    first: Callable[[bytes], Any]
    read: Callable[[Path], Any]


def damaged(draw: Draw, data: bytes, others: list[bytes]) -> bytes:
    """Some bytes of a file changed, cut out, doubled, or exchanged for those of another one."""
    found = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        if not found:
            break
        place, size = draw.randrange(len(found)), draw.choice((1, 2, 4, 8, 64))
        kind = draw.randrange(7)
        if kind == 0:
            found[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            found[place : place + size] = draw.randbytes(size)
        elif kind == 2:
            del found[place : place + size]
        elif kind == 3:
            del found[place:]
        elif kind == 4:
            found[place:place] = found[place : place + size] * draw.choice((1, 3, 100))
        elif kind == 5:
            found[place : place + 4] = struct.pack(draw.choice('<>') + 'I', draw.choice(NUMBERS) & 0xFFFFFFFF)
        else:
            other = draw.choice(others)
            start = draw.randrange(len(other))
            found[place : place + size * 8] = other[start : start + size * 8]
    return bytes(found)


# Images and annotations


def _images(folder: Path) -> list[tuple[str, bytes]]:
    rng = np.random.default_rng(0)
    color = Image.fromarray(rng.integers(0, 255, (12, 14, 3)).astype(np.uint8))
    labels = Image.fromarray(np.repeat(np.arange(3, dtype=np.uint8), 56).reshape(12, 14))
    palette = labels.convert('P')
    palette.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    deep = Image.fromarray(rng.integers(0, 2**16, (12, 14)).astype(np.uint16))
    pairs = [
        (color, 'PNG'), (color.convert('RGBA'), 'PNG'), (labels, 'PNG'), (palette, 'PNG'), (deep, 'PNG'),
        (labels.convert('1'), 'PNG'),
        (color, 'JPEG'), (labels, 'JPEG'), (color.convert('CMYK'), 'JPEG'), (color, 'BMP'), (palette, 'GIF'), (color, 'TIFF'),
        (deep, 'TIFF'), (color, 'WEBP'),
    ]  # fmt: skip
    found = []
    for image, form in pairs:
        data = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(data, form, **(dict(exif=exif.tobytes()) if form in ('JPEG', 'PNG') else {}))
        found.append(({'JPEG': '.jpg', 'TIFF': '.tif'}.get(form, f'.{form.lower()}'), data.getvalue()))
    return found


def _spoil_image(draw: Draw, suffix: str, data: bytes) -> bytes:
    if suffix == '.png':
        return _spoil_png(draw, data)
    found = bytearray(data)
    if suffix == '.jpg':
        # Height and width of the frame, or the length of a segment.
        starts = [i for i in range(len(found) - 9) if found[i] == 0xFF and 0xC0 <= found[i + 1] <= 0xFE]
        place = draw.choice(starts) + draw.choice((2, 4, 5, 7, 9))
        found[place : place + 2] = struct.pack('>H', draw.choice(NUMBERS) & 0xFFFF)
        return bytes(found)
    place = draw.randrange(2, min(len(found), 90))
    form = draw.choice(('<I', '<H', '>H', '>I'))
    size = struct.calcsize(form)
    found[place : place + size] = struct.pack(form, draw.choice(NUMBERS) & (2 ** (8 * size) - 1))
    return bytes(found)


def _spoil_png(draw: Draw, data: bytes) -> bytes:
    """Fields of the header or of a chunk, with right checksums."""
    chunks, place = [], 8
    while place < len(data):
        (size,) = struct.unpack('>I', data[place : place + 4])
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    number = draw.randrange(len(chunks))
    name, body = chunks[number]
    kind = draw.randrange(5)
    if kind < 2:
        header = list(struct.unpack('>IIBBBBB', chunks[0][1]))
        field = draw.randrange(7)
        header[field] = draw.choice(NUMBERS) & (0xFFFFFFFF if field < 2 else draw.choice((0x1F, 0xFF)))
        chunks[0] = b'IHDR', struct.pack('>IIBBBBB', *header)
    elif kind == 2:
        chunks.insert(number, (name, body))
    elif kind == 3:
        chunks[number] = name, damaged(draw, body or b'x', [data])
    else:
        extra = draw.choice((b'tRNS', b'PLTE', b'eXIf', b'gAMA', b'iCCP', b'acTL', b'zTXt'))
        chunks.insert(1, (extra, draw.randbytes(draw.choice((0, 1, 3, 255, 769)))))
    parts = [
        struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body)) for name, body in chunks
    ]
    return data[:8] + b''.join(parts)


def _opens(data: bytes) -> Any:
    return Image.open(io.BytesIO(data)).size


def _read_image(path: Path) -> None:
    assert read_image(path).dtype == np.uint8
    read_visible(path)


def _read_labels(path: Path) -> None:
    # Each file by one of them.
    read_annotation(path, ('index', 'binary', 'scribble', 'union')[path.stat().st_size % 4])


def _read_maps(path: Path) -> None:
    read_map(path)
    read_truth(path)


# Videos


def _videos(folder: Path) -> list[tuple[str, bytes]]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (5, 32, 48, 3)).astype(np.uint8)
    with VideoWriter(folder / 'a.mp4', 5.0) as video:
        for image in images:
            video.write(image)
    writer = cv2.VideoWriter(str(folder / 'b.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 5.0, (48, 32))
    for image in images:
        writer.write(image)
    writer.release()
    return [(path.suffix, path.read_bytes()) for path in (folder / 'a.mp4', folder / 'b.avi')]


_BOXES = (b'tkhd', b'mvhd', b'mdhd', b'stsd', b'stts', b'stsz', b'stco', b'stsc', b'avih', b'strh', b'strf', b'idx1')


def _spoil_video(draw: Draw, suffix: str, data: bytes) -> bytes:
    found = bytearray(data)
    places = [place for name in _BOXES if (place := found.find(name)) >= 0]
    place = draw.choice(places) + draw.choice((-4, 4, 8, 12, 16, 20, 24, 32, 36, 40, 76, 80))
    value = draw.choice(NUMBERS) & 0xFFFFFFFF
    found[place : place + 4] = struct.pack('>I' if suffix == '.mp4' else '<I', value)
    return bytes(found)


def _read_video(path: Path) -> None:
    for number, _ in enumerate(FrameSource(path).frames()):
        if number > 20:
            break


def _has_box(data: bytes) -> None:
    if data[4:8] != b'ftyp' and data[:4] != b'RIFF':
        raise ValueError


# Values in JSON and text


def spoiled(draw: Draw, node: Any) -> Any:
    """The same tree with one to three values replaced, taken out, doubled or nested."""
    root = [json.loads(json.dumps(node))]
    for _ in range(draw.choice((1, 1, 2, 3))):
        places = list(_places(root))
        holder, key = draw.choice(places[1:] or places)
        kind = draw.randrange(6)
        if kind == 0 and isinstance(holder, dict):
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[draw.choice(WORDS) or 'x'] = holder.pop(key)
        elif kind == 2 and isinstance(holder[key], list | dict):
            deep: Any = holder[key]
            for _ in range(draw.choice((1, 50))):
                deep = [deep]
            # As text, so that the holder is in no circle.
            holder[key] = json.loads(json.dumps(deep))
        else:
            holder[key] = copy.deepcopy(draw.choice(VALUES))
    return root[0]


def _places(node: Any) -> list[tuple[Any, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node)
    found = []
    for key, value in list(items):
        found.append((node, key))
        if isinstance(value, dict | list):
            found += _places(value)
    return found


def _spoil_json(draw: Draw, suffix: str, data: bytes) -> bytes:
    return json.dumps(spoiled(draw, json.loads(data))).encode('utf-8', 'surrogatepass')


def _records(folder: Path) -> list[tuple[str, bytes]]:
    mark = FileMark(3, 4, 'ab')
    record = RunRecord(
        'predict',
        dict(a=[1, dict(b=None)]),
        Weights('f', 's'),
        dict(x=mark),
        dict(y=mark),
        dict(v=dict(frames=3)),
        dict(n=1),
    )
    return [('.json', write_record(folder, record).read_bytes())]


def _read_record(path: Path) -> None:
    path.rename(path.with_name('run.json'))
    read_record(path.parent)


def _run_configs(folder: Path) -> list[tuple[str, bytes]]:
    config = dict(
        model=dict(type='SaliencySegmentor', losses=dict(a=dict(type='X'))), train_cfg=dict(max_iters=3), seed=[1, 2]
    )
    return [('.json', json.dumps(dict(salseg_config=1, name='a.py', config=config)).encode())]


def _coco(folder: Path) -> list[tuple[str, bytes]]:
    polygon = [2, 2, 10, 2, 10, 10]
    runs = dict(counts=[30, 20, 118], size=[12, 14])
    images = [dict(id=i, file_name=f'{i}.png', width=14, height=12) for i in (1, 2)]
    found = [
        dict(id=i, image_id=i, category_id=1, bbox=[2, 2, 8, 8], area=32.0, iscrowd=0, segmentation=s)
        for i, s in ((1, [polygon]), (2, runs))
    ]
    content = dict(images=images, annotations=found, categories=[dict(id=1, name='cat')])
    return [('.json', json.dumps(content).encode())]


def _read_coco(path: Path) -> None:
    content = read_coco(path)
    for instance in content.instances:
        if instance.segmentation:
            mask_of(instance, (12, 14), path)


def _boxes(folder: Path) -> list[tuple[str, bytes]]:
    rows = 'set,frame,object,x0,y0,x1,y1,width,height\nv,0001,1,1,2,9.5,8,14,12\n,a,3,0,0,14,12,14,12\n'
    return [('.csv', rows.encode()), *_coco(folder)]


def _spoil_table(draw: Draw, suffix: str, data: bytes) -> bytes:
    if suffix == '.json':
        return _spoil_json(draw, suffix, data)
    rows = [line.split(',') for line in data.decode().splitlines()]
    for _ in range(draw.choice((1, 2, 3))):
        row = draw.choice(rows)
        kind = draw.randrange(5)
        if kind == 0 and len(row) > 1:
            row.pop(draw.randrange(len(row)))
        elif kind == 1:
            rows.append(list(row))
        else:
            row[draw.randrange(len(row))] = str(draw.choice((*NUMBERS, *WORDS)))
    return '\n'.join(','.join(row) for row in rows).encode('utf-8', 'surrogatepass')


def _lists(folder: Path) -> list[tuple[str, bytes]]:
    text = 'a b.jpg\nvideo/00001.jpg video/00001.png\n*star\nü\n'
    return [('.txt', text.encode()), ('.txt', text.encode('utf-16')), ('.txt', text.encode('utf-8-sig'))]


def _spoil_list(draw: Draw, suffix: str, data: bytes) -> bytes:
    lines = ['a', 'b c', *draw.choices(WORDS, k=draw.randrange(1, 4)), draw.choice(('\u2028', '\x1d', '﻿', 'x' * 5000))]
    draw.shuffle(lines)
    return (
        draw.choice(('\n', '\r\n', '\r'))
        .join(lines)
        .encode(draw.choice(('utf-8', 'utf-16', 'utf-8-sig')), 'surrogatepass')
    )


def _read_list(path: Path) -> None:
    read_list(path)
    read_names(path, ('a', 'video'))


def _texts(folder: Path) -> list[tuple[str, bytes]]:
    texts = (
        'train_cfg.max_iters=3', 'a=[1,(2,3)]', "b={'x': 1}", 'c=dict(type="A", b=[dict(c=1)])', 'data_root=a b, (c)',
        'd="x,y"',
        '1:40,30,90,90', '2@5:1,2,3,4', '1:+3,4 -5,6', '1@0:+3,4',
    )  # fmt: skip
    return [('.txt', text.encode()) for text in texts]


def _spoil_text(draw: Draw, suffix: str, data: bytes) -> bytes:
    text = data.decode()
    for _ in range(draw.choice((1, 2, 3))):
        place = draw.randrange(len(text) + 1)
        word = draw.choice(
            (*WORDS, '[', ']', '(', ')', '{', '}', ',', '=', ':', '@', '"', "'", '\\', '1' * 5000, '(' * 300, 'dict(')
        )
        text = text[:place] + word + text[place + draw.randrange(3) :]
    return text.encode('utf-8', 'surrogatepass')


def _read_text(path: Path) -> None:
    text = path.read_bytes().decode('utf-8', 'replace')
    if text[:1].isdigit():
        (parse_points if '+' in text else parse_box)(text)
    else:
        parse_options([text])


# Tensors


def _checkpoints(folder: Path) -> list[tuple[str, bytes]]:
    found = []
    for state in (dict(state_dict=_state(), meta=dict(iter=3, salseg='1')), _state()):
        data = io.BytesIO()
        torch.save(state, data)
        found.append(('.pth', data.getvalue()))
    return found


def _state() -> dict[str, Any]:
    return {'a.weight': torch.arange(6.0).view(2, 3), 'a.bias': torch.zeros(2), 'n': torch.tensor(3)}


def _spoil_checkpoint(draw: Draw, suffix: str, data: bytes) -> bytes:
    written = io.BytesIO()
    if draw.randrange(3) == 0:
        # The archive stays whole: bytes of its pickle are changed.
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(written, 'w') as new:
            for entry in old.infolist():
                body = old.read(entry)
                new.writestr(entry.filename, damaged(draw, body, [data]) if entry.filename.endswith('.pkl') else body)
        return written.getvalue()
    state: Any = dict(
        state_dict=_state(), meta=dict(iter=3, options=dict(a=1)), optimizer=dict(state={}), message_hub={}
    )
    strange = (
        *VALUES,
        torch.zeros(0),
        torch.full((2,), float('nan')),
        torch.zeros(2, 3, dtype=torch.int8),
        {1: torch.zeros(1)},
    )
    for _ in range(draw.choice((1, 2))):
        holder, key = draw.choice(_places(state))
        holder[key] = copy.deepcopy(draw.choice(strange))
    root = draw.choice((state, state, state, state.get('state_dict'), draw.choice(strange)))
    if draw.randrange(12) == 0:
        pickle.dump(root if not _holds_tensors(root) else {'a': 1}, written)
    else:
        torch.save(root, written)
    return written.getvalue()


def _holds_tensors(node: Any) -> bool:
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return isinstance(node, torch.Tensor) or any(map(_holds_tensors, values))


def _weights(folder: Path) -> list[tuple[str, bytes]]:
    tensors = {name: np.asarray(value) for name, value in _state().items()}
    return [*_checkpoints(folder), ('.safetensors', save(tensors))]


def _spoil_weights(draw: Draw, suffix: str, data: bytes) -> bytes:
    if suffix != '.safetensors':
        return _spoil_checkpoint(draw, suffix, data)
    # The length of a header of JSON, the header, the numbers.
    (size,) = struct.unpack('<Q', data[:8])
    header = _spoil_json(draw, suffix, data[8 : 8 + size])
    said = len(header) if draw.randrange(4) else draw.choice(NUMBERS) & 0xFFFFFFFFFFFFFFFF
    return struct.pack('<Q', said) + header + data[8 + size :]


def _is_weights(data: bytes) -> None:
    if data[8:9] == b'{':
        json.loads(data[8 : 8 + struct.unpack('<Q', data[:8])[0]])
    else:
        zipfile.ZipFile(io.BytesIO(data))


def _flows(folder: Path) -> list[tuple[str, bytes]]:
    flow = np.random.default_rng(0).normal(size=(6, 8, 2)).astype(np.float32)
    write_flow(folder / 'a.flo', flow)
    np.save(folder / 'a.npy', flow)
    return [(path.suffix, path.read_bytes()) for path in (folder / 'a.flo', folder / 'a.npy')]


def _spoil_flow(draw: Draw, suffix: str, data: bytes) -> bytes:
    found = bytearray(data)
    if suffix == '.flo':
        place = draw.choice((4, 8))
        found[place : place + 4] = struct.pack('<I', draw.choice(NUMBERS) & 0xFFFFFFFF)
        return bytes(found)
    shape = draw.choice(
        ('(6, 8, 2)', '(-1, 8, 2)', '(6, 8)', '(2147483647, 2147483647, 2)', '(0, 0, 2)', '()', '6', "('a',)")
    )
    kind = draw.choice(('<f4', '<f8', '|O', '<i2', '<U9', '>f4', 'x', '<c8'))
    header = f"{{'descr': '{kind}', 'fortran_order': {draw.choice(('False', 'True', '3'))}, 'shape': {shape}, }}"
    return b'\x93NUMPY\x01\x00' + struct.pack('<H', len(header) + 1) + header.encode() + b'\n' + data[128:]


READERS = (
    Reader('images', _images, _spoil_image, _opens, _read_image),
    Reader('annotations', _images, _spoil_image, _opens, _read_labels),
    Reader('maps', _images, _spoil_image, _opens, _read_maps),
    Reader('videos', _videos, _spoil_video, _has_box, _read_video),
    Reader('checkpoints', _checkpoints, _spoil_checkpoint, lambda data: zipfile.ZipFile(io.BytesIO(data)), load_file),
    Reader('weights', _weights, _spoil_weights, _is_weights, read_tensors),
    Reader('records', _records, _spoil_json, json.loads, _read_record),
    Reader('run-configs', _run_configs, _spoil_json, json.loads, read_run_config),
    Reader('coco', _coco, _spoil_json, json.loads, _read_coco),
    Reader('boxes', _boxes, _spoil_table, lambda data: data.decode(), read_boxes),
    Reader('lists', _lists, _spoil_list, lambda data: data.decode('utf-8'), _read_list),
    Reader('options', _texts, _spoil_text, lambda data: data.decode(), _read_text),
    Reader('flows', _flows, _spoil_flow, lambda data: data[:4] == b'PIEH' or np.load(io.BytesIO(data)), read_flow),
)
