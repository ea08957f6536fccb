"""Releases of still images with one mask each: section 3 of the layouts."""

from collections.abc import Callable, Sequence

import numpy as np

from tests.releases.drawing import full, image, levels, mix, odd_size, scribbles, soft
from tests.releases.release import Archive, Maker, Order, Part, Release

Store = Callable[[np.ndarray], np.ndarray]
DUTS_TRAIN = ('ILSVRC2012_test_00000004', 'n01440764_10042', 'sun_aaajuldidvlcyzhv', 'ILSVRC2013_val_00000072')
DUTS_TEST = ('ILSVRC2012_test_00000003', 'sun_abjxcmgmlpyvrowq', 'n02105412_9891')
# The page of DUT-OMRON names these four: images without truth.
OMRON_WITHOUT_TRUTH = ('img_561715398', 'sun_bqfgwnmzhjwuphdi', 'sun_bswlalhygmnrhvuw', 'sun_buaqzytduodbufcb')
THUR_CLASSES = ('Butterfly', 'CoffeeMug', 'DogJump', 'Giraffe', 'Plane')


def add(archive: Archive, part: Part, order: Order, key: str, paths: Sequence[str | None], **how: object) -> None:
    """One image and, unless its path is None, its mask.

    `how`: `store` turns ids into the values of the file (0/255 unless given), `objects`, `grey` for a JPEG of one
    channel, `side` for the seed of the scene, `size`.
    """
    store: Store = how.get('store', full)  # type: ignore[assignment]
    seed = mix(order.seed, how.get('side', archive.release.name), key)
    size = how.get('size') or odd_size(seed, order.size)
    array, ids = image(seed, size, how.get('objects', 1))  # type: ignore[arg-type]
    if how.get('grey'):
        array = array.mean(axis=-1).astype(np.uint8)
    archive.image(part, key, str(paths[0]), array, int(how.get('orientation', 1)))  # type: ignore[call-overload]
    if paths[1] is not None:
        stored = store(ids)
        # Half of full scale; no file of the miniatures holds 127 or 128, where tools differ.
        archive.mask(part, key, paths[1], stored, stored > 127, str(how.get('mode', '')))


def plain(order: Order, name: str, stems: Sequence[str], image_path: str, mask_path: str, **how: object) -> Release:
    """A set without classes: `image_path` and `mask_path` are paths in the archive with {stem}."""
    archive = Archive(order, name, 'image', str(how.pop('variant', '')))
    part = archive.part()
    for stem in stems:
        add(archive, part, order, stem, (image_path.format(stem=stem), mask_path.format(stem=stem)), **how)
    return archive.release


def stems(order: Order, default: Sequence[str], pattern: str) -> list[str]:
    """The names that are asked for, `length` names after a pattern, or the default."""
    if order.names is not None:
        return [stem for names in order.splits(all=()).values() for stem in names]
    return [pattern.format(number) for number in range(1, order.length + 1)] if order.length else list(default)


def ecssd(
    order: Order, image_path: str = 'images/{stem}.jpg', mask_path: str = 'ground_truth_mask/{stem}.png'
) -> Release:
    """Two zips unpacked side by side; 0557 is a JPEG of one channel; longer and shorter names do not occur."""
    names = stems(order, ('0001', '0002', '0010', '0557', '1000'), '{:04d}')
    archive = Archive(order, 'ECSSD', 'image')
    part = archive.part()
    for stem in names:
        paths = image_path.format(stem=stem), mask_path.format(stem=stem)
        add(archive, part, order, stem, paths, grey=stem in ('0557', names[-1]))
    return archive.release


def ecssd_twins(order: Order) -> Release:
    """The bundle of static sets: mask beside image."""
    return ecssd(order, 'ecssd/{stem}.jpg', 'ecssd/{stem}.png')


def duts_pairs(order: Order) -> dict[str, list[str]]:
    if order.length and order.names is None:
        numbers = range(1, order.length + 1)
        return {
            'train': [f'ILSVRC2012_test_{number:08d}' for number in numbers],
            'test': [f'sun_test_{number:05d}' for number in numbers],
        }
    return order.splits(train=DUTS_TRAIN, test=DUTS_TEST)


DUTS_PATHS = ('{set}/{set}-Image/{stem}.jpg', '{set}/{set}-Mask/{stem}.png')


def duts(order: Order, tree: tuple[str, str] = DUTS_PATHS) -> Release:
    """Two archives side by side, names with several underscores, masks with grey borders."""
    archive = Archive(order, 'DUTS', 'image')
    part = archive.part()
    for split, names in duts_pairs(order).items():
        folder = {'train': 'DUTS-TR', 'test': 'DUTS-TE'}[split]
        for stem in names:
            paths = [path.format(set=folder, stem=stem) for path in tree]
            add(archive, part, order, stem, paths, store=soft)
        archive.release.lists[f'{split}.txt'] = names
    return archive.release


def duts_twins(order: Order) -> Release:
    """The bundle of static sets: DUTS-TR and DUTS-TE flat."""
    return duts(order, ('{set}/{stem}.jpg', '{set}/{stem}.png'))


def s_duts(order: Order, strangers: bool = False) -> Release:
    """Scribbles on DUTS-TR: 0 unknown, 1 foreground, 2 background; the second image has foreground scribbles only."""
    before = duts(order)
    archive = Archive(order, 'S-DUTS', 'scribble')
    archive.release.target, archive.release.before = 'DUTS', (before,)
    part = archive.part(image_folder='', mask_folder='scribble', encoding='scribble')
    for index, stem in enumerate(before.lists['train.txt']):
        codes = scribbles(before.masks[stem], background=index != 1)
        truth = codes
        if strangers and index == 0:
            # A value that the readme does not know.
            codes = codes.copy()
            codes[-2, 3:9] = 3
            archive.release.left_out[stem] = 'value 3'
        archive.mask(part, stem, f'scribble/{stem}.png', codes, truth)
        if stem in archive.release.left_out:
            del part.masks[stem]
    return archive.release


def s_duts_related(order: Order) -> Release:
    """The related archive: gt 255 where foreground, mask 255 where any scribble; img, gray and edge beside them."""
    before = duts(order)
    archive = Archive(order, 'S-DUTS', 'scribble', 'related')
    archive.release.target, archive.release.before = 'DUTS', (before,)
    part = archive.part(image_folder='', mask_folder='scribble', encoding='scribble')
    for index, stem in enumerate(before.lists['train.txt']):
        codes = scribbles(before.masks[stem], background=index != 1)
        picture = before.images[stem]
        archive.image(None, stem, f'img/{stem}.jpg', picture)
        archive.raster(f'gray/{stem}.png', picture[..., 1])
        archive.raster(f'edge/{stem}.png', full(before.masks[stem]) - full(before.masks[stem]) // 2)
        archive.raster(f'gt/{stem}.png', full(codes == 1))
        archive.mask(part, stem, f'mask/{stem}.png', full(codes), codes)
    return archive.release


def dut_omron(order: Order) -> Release:
    """A folder within a folder of the same name; four images have no truth."""
    archive = Archive(order, 'DUT-OMRON', 'image')
    part, nowhere = archive.part(), Part()
    folder = 'DUT-OMRON-image/DUT-OMRON-image'
    for stem in stems(order, ('im005', 'img_1010', 'sun_aacqsbumiuidokeh', 'im012'), 'im{:03d}'):
        add(archive, part, order, stem, (f'{folder}/{stem}.jpg', f'pixelwiseGT-new-PNG/{stem}.png'))
    for stem in OMRON_WITHOUT_TRUTH:
        add(archive, nowhere, order, stem, (f'{folder}/{stem}.jpg', None))
        archive.release.left_out[stem] = 'known to have no truth'
    return archive.release


def pascal_s(order: Order) -> Release:
    """Multi-level masks: what fewer than half of the annotators chose is background."""
    names = stems(order, ('1', '2', '10', '850'), '{}')
    paths = 'datasets/imgs/pascal/{stem}.jpg', 'datasets/masks/pascal/{stem}.png'
    return plain(order, 'PASCAL-S', names, *paths, store=levels, objects=2)


def hku_is(order: Order, lists: bool = False) -> Release:
    """Image and mask have the same name with suffix: only the folder tells them apart."""
    names = stems(order, ('0004', '0005', '0010', '0016', '0021', '1000'), '{:04d}')
    release = plain(order, 'HKU-IS', names, 'imgs/{stem}.png', 'gt/{stem}.png')
    return with_lists(release, names) if lists else release


def with_lists(release: Release, names: list[str]) -> Release:
    """`ImageSets/<split>_id.txt`: stems parted by blanks, here half for training, the rest for val and test."""
    half = (len(names) + 1) // 2
    third = half + max(1, (len(names) - half) // 2)
    split = {'train': names[:half], 'val': names[half:third], 'test': names[third:]}
    folder = release.source / 'ImageSets'
    folder.mkdir()
    for name, part in split.items():
        (folder / f'{name}_id.txt').write_text(' '.join(part[:2]) + '\n' + '  '.join(part[2:]), encoding='utf-8')
        release.lists[f'{name}.txt'] = part
    return release


def thur15k(order: Order) -> Release:
    """Images with and without a mask side by side; the second stem is in two classes, once with a mask."""
    archive = Archive(order, 'THUR15K', 'image', annotated='some')
    part, nowhere = archive.part(), Part()
    for number, name in enumerate(THUR_CLASSES):
        for index in range(order.length or 3):
            stem = str(7 if index == 1 else 100 * number + 9 * index + 1)
            folder = f'THUR15000/{name}/Src'
            bare = (index == 1 and number % 2 == 1) or index == 2
            mask = None if bare else f'{folder}/{stem}.png'
            into = nowhere if bare else part
            add(archive, into, order, f'{name}/{stem}', (f'{folder}/{stem}.jpg', mask))
            if bare:
                archive.release.left_out[f'{name}/{stem}'] = 'not annotated'
    return archive.release


def msra10k(order: Order) -> Release:
    """Twins in one folder, numbers without padding, grey borders."""
    names = stems(order, ('57', '9', '1001', '12400', '199999'), '{}')
    folder = 'MSRA10K_Imgs_GT/Imgs'
    return plain(order, 'MSRA10K', names, f'{folder}/{{stem}}.jpg', f'{folder}/{{stem}}.png', store=soft)


MSRA_B = ('0_0_272', '0_1_1338', '1_45_45397', '10_10_101', '2_62_62012', '9_93_93417')


def msra_b(order: Order, folders: tuple[str, str] = ('MSRA-B', 'MSRA-B'), lists: bool = True) -> Release:
    """Twins in one folder, names of three numbers; with or without the lists of the three splits."""
    names = stems(order, MSRA_B, '{0}_{0}_{0}')
    release = plain(order, 'MSRA-B', names, f'{folders[0]}/{{stem}}.jpg', f'{folders[1]}/{{stem}}.png', store=soft)
    return with_lists(release, names) if lists else release


def variants(name: str, **makes: Callable[[Order], Release]) -> Maker:
    return Maker(name, 'scribble' if name == 'S-DUTS' else 'image', makes)


IMAGE_SETS = [
    variants('ECSSD', released=ecssd, static=ecssd_twins),
    variants('DUTS', released=duts, static=duts_twins),
    variants('S-DUTS', released=s_duts, related=s_duts_related, strangers=lambda order: s_duts(order, strangers=True)),
    variants('DUT-OMRON', released=dut_omron),
    variants('PASCAL-S', released=pascal_s),
    variants('HKU-IS', released=hku_is, lists=lambda order: hku_is(order, lists=True)),
    variants('THUR15K', released=thur15k),
    variants('MSRA10K', released=msra10k),
    variants(
        'MSRA-B',
        released=lambda order: msra_b(order, lists=False),
        lists=msra_b,
        folders=lambda order: msra_b(order, ('imgs', 'gt')),
    ),
]
