"""Releases for video saliency: masks 0/255, often of few frames: sections 5 and 6.5 of the layouts."""

from collections.abc import Iterable, Sequence

import numpy as np

from tests.releases.clips import Clip, all_names, clips, put, split_lists, video_part
from tests.releases.drawing import full
from tests.releases.release import Archive, Maker, Order, Release

# The three layouts in circulation: image and mask with {video} and {frame}.
UNIFIED = ('{video}/Imgs/{frame}.jpg', '{video}/ground-truth/{frame}.png')
FLOW = ('{video}/Frame/{frame}.jpg', '{video}/GT/{frame}.png')
DAVIS_LIKE = ('JPEGImages/{video}/{frame}.jpg', 'Annotations/{video}/{frame}.png')
VOS_VIDEOS = {'train': ('1', '102'), 'val': ('10', '5'), 'test': ('100',)}


def flows(archive: Archive, clip: Clip, top: str) -> None:
    """One flow image per frame; the last frame has none."""
    for stem, frame in list(zip(clip.stems, clip.frames))[:-1]:
        archive.raster(f'{top}{clip.video}/OF_FlowNet2/{stem}.jpg', 255 - frame)


def sparse(
    order: Order, name: str, videos: Sequence[str], paths: tuple[str, str], every: int, **how: object
) -> Archive:
    """A set without splits of its own that annotates every so many frames, in one of the three layouts."""
    archive = Archive(order, name, 'video', annotated='some')
    part = video_part(archive, 'binary')
    top = f'{name}/'
    for clip in clips(order, name, videos, **how):  # type: ignore[arg-type]
        chosen = range(0, len(clip.stems), order.every or every)
        put(archive, part, clip, (top + paths[0], top + paths[1]), chosen)
        if paths == FLOW:
            flows(archive, clip, top)
    return archive


def vos(order: Order, paths: tuple[str, str] = DAVIS_LIKE) -> Release:
    """Ids are numbers with gaps; every 15th frame has a mask. 10 sorts before 5 as text and after it as a number."""
    videos = all_names(order.splits(**VOS_VIDEOS))
    return sparse(order, 'VOS', videos, paths, 15, length=46, size=(29, 37)).release


def visal(order: Order, paths: tuple[str, str] = UNIFIED) -> Release:
    """About every 5th frame has a mask."""
    videos = all_names(order.splits(test=('aeroplane', 'boat', 'snow_leopards')))
    return sparse(order, 'ViSal', videos, paths, 5, length=16).release


# FBMS: four forms that occur, by the index of a video. Name of the frame, first number, pgm or ppm, grey level of id 1.
FBMS_FORMS = (
    ('{video}_{number:02d}', 1, 'pgm', 120),
    ('{video}_{number:04d}', 1, 'ppm', 0),
    # The numbering starts at 5, of images and of truth.
    ('{video}_{number:03d}', 5, 'pgm', 200),
    # Levels so dim that a threshold at a tenth of full scale loses them; the number follows the name directly.
    ('{video}{number:03d}', 1, 'pgm', 17),
)
FBMS_VIDEOS = {'train': ('cars2', 'marple1'), 'test': ('camel01', 'tennis')}
REGIONS = np.array([(255, 255, 255), (0, 0, 0), (200, 0, 130)], np.uint8)


def irregular(length: int, every: int) -> list[int]:
    """Indexes about `every` frames apart, the first included."""
    found, time, steps = [], 0, (-2, 1, 0)
    while time < length:
        found.append(time)
        time += max(1, every + steps[len(found) % 3] if every > 3 else every)
    return found


def fbms_video(archive: Archive, clip: Clip, folder: str, form: Sequence, every: int) -> None:
    """Frames in the folder of the video, truth of few frames in GroundTruth below it."""
    pattern, first, suffix, level = form
    numbers = [first + time for time in range(len(clip.stems))]
    clip.stems = [pattern.format(video=clip.video, number=number) for number in numbers]
    part = archive.release.parts[0]
    chosen = irregular(len(clip.stems), every)
    truth = f'{folder}/{clip.video}/GroundTruth'
    paths = f'{folder}/{{video}}/{{frame}}.jpg', f'{truth}/{{frame}}{"_gt.ppm" if suffix == "ppm" else ".pgm"}'
    if suffix == 'ppm':
        put(archive, part, clip, paths, chosen, lambda ids: REGIONS[ids])
        for time in chosen:
            # A map of probabilities that is no truth.
            archive.raster(f'{truth}/{clip.stems[time]}_gt_PROB.ppm', clip.frames[time])
    else:
        grey = np.array([0, level, min(255, level + 8)], np.uint8)
        put(archive, part, clip, paths, chosen, lambda ids: grey[ids])
    archive.text(f'{truth}/{clip.video}Def.dat', f'{len(chosen)}\n')


def fbms(order: Order) -> Release:
    """Trainingset and Testset; truth as grey levels (pgm) or as colours on white (ppm), numbered like the frames."""
    archive = Archive(order, 'FBMS', 'video', annotated='some')
    video_part(archive, 'binary', by_number=True)
    splits = order.splits(**FBMS_VIDEOS)
    made = clips(order, 'FBMS', all_names(splits), 46, lambda index: 1 + index % 2, size=(29, 37))
    for index, clip in enumerate(made):
        folder = 'Trainingset' if clip.video in splits.get('train', ()) else 'Testset'
        form = FBMS_FORMS[index % len(FBMS_FORMS)]
        # Names that end in a digit need something between the name and the number.
        form = FBMS_FORMS[0] if form is FBMS_FORMS[3] and clip.video[-1].isdigit() else form
        fbms_video(archive, clip, folder, form, order.every or 20)
    archive.release.lists = split_lists(splits)
    return archive.release


def fbms_unified(order: Order) -> Release:
    """The benchmark's copy of the test set: masks 0/255."""
    videos = order.splits(test=('camel01', 'cars1', 'tennis'))['test']
    return sparse(order, 'FBMS', videos, UNIFIED, 20, length=46).release


DAVSOD = {
    'train': ('select_0606', 'select_0616', 'select_0616_1'),
    'val': ('select_0021', 'select_0332'),
    'Easy-35': ('select_0009', 'select_0120_2'),
    'Normal-25': ('select_0254',),
    'Difficult-20': ('select_0617',),
}


def davsod(
    order: Order, folders: dict[str, str] | None = None, suffix: str = '.jpg', only_easy: bool = False
) -> Release:
    """Object and instance level and fixations beside the images; one frame without an object; three test folders."""
    archive = Archive(order, 'DAVSOD', 'video')
    part = video_part(archive, 'binary')
    splits = order.splits(**DAVSOD)
    if only_easy:
        splits = {split: names for split, names in splits.items() if split not in ('Normal-25', 'Difficult-20')}
    made = {clip.video: clip for clip in clips(order, 'DAVSOD', all_names(splits), 8, lambda _: 2, '{:04d}')}
    for split, names in splits.items():
        top = f'DAVSOD/{(folders or {}).get(split, split)}/{{video}}'
        for video in names:
            clip = made[video]
            clip.empty(5)
            put(archive, part, clip, (f'{top}/Imgs/{{frame}}{suffix}', f'{top}/GT_object_level/{{frame}}.png'))
            for stem, ids, frame in zip(clip.stems, clip.ids, clip.frames):
                here = top.format(video=video)
                archive.raster(f'{here}/GT_instance_level/{stem}.png', REGIONS[::-1][ids])
                archive.raster(f'{here}/Fixation_maps/{stem}.png', (frame[..., 0] // 200 * 255).astype(np.uint8))
    archive.release.lists = split_lists(
        {
            split: all_names({name: names for name, names in splits.items() if kind(name) == split})
            for split in dict.fromkeys(kind(name) for name in splits)
        }
    )
    return archive.release


def kind(split: str) -> str:
    """The three test folders are one list."""
    return split if split in ('train', 'val') else 'test'


WORDED = {'train': 'Training Set', 'val': 'Validation Set'}
# All 14 videos with their number of objects, 24 in all.
SEGTRACK = {
    **dict.fromkeys(('birdfall', 'bird_of_paradise', 'frog', 'girl', 'monkey', 'parachute', 'soldier', 'worm'), 1),
    **dict.fromkeys(('bmx', 'cheetah', 'drift', 'hummingbird', 'monkeydog'), 2),
    'penguin': 6,
}


def segtrack_video(archive: Archive, clip: Clip, count: int, suffixes: tuple[str, str]) -> None:
    """Binary masks, in a folder per object where there are several; they overlap, and the later object wins."""
    part = archive.release.parts[0]
    for time, stem in enumerate(clip.stems):
        key = f'{clip.video}/{stem}'
        archive.image(part, key, f'JPEGImages/{key}{suffixes[0]}', clip.frames[time])
        for number in range(1, count + 1):
            mine = clip.ids[time] == number
            if number < count:
                # What the next object covers is in this file too.
                mine = mine | (clip.ids[time] == number + 1) & (np.arange(mine.shape[0])[:, None] % 2 == 0)
            folder = f'{clip.video}/{number}' if count > 1 else clip.video
            path = f'GroundTruth/{folder}/{stem}{suffixes[1]}'
            archive.mask(part, key, path, full(mine.astype(np.uint8)), clip.ids[time])


def segtrackv2(order: Order, single: bool = False) -> Release:
    """Suffixes differ between videos and between image and mask; lists begin with a star or with a path."""
    archive = Archive(order, 'SegTrackv2', 'video')
    video_part(archive, 'index')
    videos = all_names(order.splits(all=sorted(SEGTRACK)))
    made = clips(order, 'SegTrackv2', videos, 6, lambda index: SEGTRACK.get(videos[index], 1))
    for index, clip in enumerate(made):
        clip.stems = [f'{clip.video}_{17 + time:05d}' for time in range(len(clip.stems))]
        count = 1 if single else SEGTRACK.get(clip.video, 1)
        if single:
            clip.ids = (clip.ids > 0).astype(np.uint8)
        suffixes = ('.png', '.bmp')[index % 2], ('.png', '.bmp')[index // 2 % 2]
        segtrack_video(archive, clip, count, suffixes)
        archive.list(f'ImageSets/{clip.video}.txt', [f'JPEGImages/{clip.video}/', *clip.stems])
    # One frame in both formats, with the same pixels.
    twin = made[0]
    archive.raster(f'JPEGImages/{twin.video}/{twin.stems[0]}.bmp', twin.frames[0])
    archive.list('ImageSets/all.txt', [f'*{video}' for video in videos])
    return archive.release


def layouts(make: object, *names: Iterable[str]) -> dict:
    """Variants of one maker that takes the paths of a layout."""
    paths = {'unified': UNIFIED, 'flow': FLOW, 'davis': DAVIS_LIKE}
    return {name: (lambda order, path=paths[name]: make(order, path)) for name in names}  # type: ignore[index, operator]


VIDEO_SALIENCY = [
    Maker('VOS', 'video', {'released': vos, **layouts(vos, 'unified', 'flow')}),
    Maker('FBMS', 'video', {'released': fbms, 'unified': fbms_unified}),
    Maker(
        'DAVSOD',
        'video',
        {
            'released': davsod,
            'words': lambda order: davsod(order, WORDED),
            'easy': lambda order: davsod(order, only_easy=True),
            'png': lambda order: davsod(order, suffix='.png'),
        },
    ),
    Maker('ViSal', 'video', {'released': visal, **layouts(visal, 'flow', 'davis')}),
    Maker('SegTrackv2', 'video', {'released': segtrackv2, 'single': lambda order: segtrackv2(order, single=True)}),
]
