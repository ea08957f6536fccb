"""Releases for object segmentation in videos: palettes, prompts, lists: section 6 of the layouts."""

import json
from collections.abc import Sequence

import numpy as np

from tests.releases.clips import Clip, all_names, clips, put, same, split_lists, video_part
from tests.releases.drawing import VOID
from tests.releases.release import Archive, Maker, Order, Part, Release

DAVIS_2016 = {'train': ('bear', 'bmx-bumps', 'mallard-water'), 'val': ('blackswan', 'dance-twirl')}
DAVIS_2017 = {'train': ('bear', 'bmx-bumps', 'classic-car'), 'val': ('blackswan', 'bike-packing', 'gold-fish')}
ONLY_2017 = ('classic-car', 'bike-packing', 'gold-fish')
# Sequences of the training set with frames in which no object is left.
VANISHING = ('bmx-bumps', 'scooter-board', 'surf')


def davis_clips(order: Order, videos: Sequence[str], **how: object) -> list[Clip]:
    made = clips(order, 'DAVIS', videos, 10, **how)  # type: ignore[arg-type]
    for clip in made:
        if clip.video in VANISHING:
            clip.empty(4, 5)
    return made


def davis_paths(top: str, height: str, annotations: str = 'Annotations') -> tuple[str, str]:
    return f'{top}/JPEGImages/{height}/{{video}}/{{frame}}.jpg', f'{top}/{annotations}/{height}/{{video}}/{{frame}}.png'


def enlarged(clip: Clip) -> Clip:
    """The same video at twice the size, as it stands in the tree of full resolution."""
    twice = [np.repeat(np.repeat(array, 2, axis=1), 2, axis=2) for array in (clip.frames, clip.ids)]
    return Clip(clip.video, clip.stems, *twice)


def aside(archive: Archive, clip: Clip, paths: tuple[str, str], binary: bool) -> None:
    """A clip that is in the archive and not in the result."""
    unseen = Part(encoding='binary' if binary else 'index')
    how = {} if binary else {'store': same, 'mode': 'P'}
    put(archive, unseen, clip, paths, **how)  # type: ignore[arg-type]


def davis2016(order: Order) -> Release:
    """Masks are grey 0/255; lists hold a pair of paths per frame, with a leading slash; two resolutions."""
    archive = Archive(order, 'DAVIS-2016', 'video')
    part = video_part(archive, 'binary')
    splits = order.splits(**DAVIS_2016)
    made = {clip.video: clip for clip in davis_clips(order, all_names(splits))}
    for clip in made.values():
        put(archive, part, clip, davis_paths('DAVIS', '480p'))
        aside(archive, enlarged(clip), davis_paths('DAVIS', '1080p'), binary=True)
    for height in ('480p', '1080p'):
        paths = davis_paths('', height)
        for split, names in {**splits, 'trainval': all_names(splits)}.items():
            frames = [(video, stem) for video in names for stem in made[video].stems]
            lines = [' '.join(path.format(video=video, frame=stem) for path in paths) for video, stem in frames]
            archive.list(f'DAVIS/ImageSets/{height}/{split}.txt', lines)
    archive.release.lists = split_lists(splits)
    return archive.release


def davis2016_of_2017(order: Order) -> Release:
    """The download of 2017 used for 2016: the lists of 2016, all objects united."""
    archive = Archive(order, 'DAVIS-2016', 'video')
    part = video_part(archive, 'binary')
    splits = order.splits(**DAVIS_2017)
    wanted = {split: [name for name in names if name not in ONLY_2017] for split, names in splits.items()}
    for clip in davis_clips(order, all_names(splits), objects=lambda index: 1 + index % 3):
        old = clip.video not in ONLY_2017
        put(archive, part if old else Part(), clip, davis_paths('DAVIS', '480p'), store=same, mode='P')
        if not old:
            archive.release.left_out[clip.video] = 'not in the lists of 2016'
    davis2017_lists(archive, splits)
    archive.release.lists = split_lists(wanted)
    return archive.release


def davis2017_lists(archive: Archive, splits: dict[str, list[str]]) -> None:
    """A name per line, with the old split beside the new one."""
    for split, names in splits.items():
        archive.list(f'DAVIS/ImageSets/2017/{split}.txt', names)
        archive.list(f'DAVIS/ImageSets/2016/{split}.txt', [name for name in names if name not in ONLY_2017])


def davis2017(order: Order, full_resolution: bool = False) -> Release:
    """Palettes of ids 1 to K, all there in the first frame; in bmx-bumps they are away for two frames."""
    archive = Archive(order, 'DAVIS-2017', 'video')
    part = video_part(archive, 'index')
    splits = order.splits(**DAVIS_2017)
    made = davis_clips(order, all_names(splits), objects=lambda index: 1 + index % 3)
    for clip in made:
        put(archive, part, clip, davis_paths('DAVIS', '480p'), store=same, mode='P')
        if full_resolution:
            aside(archive, enlarged(clip), davis_paths('DAVIS', 'Full-Resolution'), binary=False)
    davis2017_lists(archive, splits)
    archive.release.lists = split_lists(splits)
    return archive.release


def davis2017_testdev(order: Order) -> Release:
    """Only the first frame of each video has a mask."""
    archive = Archive(order, 'DAVIS-2017-testdev', 'video', annotated='some')
    part = video_part(archive, 'index')
    videos = order.splits(test=('aerobatics', 'car-race', 'tandem'))['test']
    for clip in davis_clips(order, videos, objects=lambda index: 1 + index % 3):
        put(archive, part, clip, davis_paths('DAVIS', '480p'), [0], same, 'P')
    archive.list('DAVIS/ImageSets/2017/test-dev.txt', videos)
    archive.release.lists = {'ImageSets/test.txt': videos}
    return archive.release


def davis2017_unsupervised(order: Order) -> Release:
    """Ids of their own in Annotations_unsupervised, with a region of void (255) in every frame."""
    archive = Archive(order, 'DAVIS-2017-unsupervised', 'video')
    part = video_part(archive, 'index')
    splits = order.splits(**DAVIS_2017)
    for clip in davis_clips(order, all_names(splits), objects=lambda index: 2 + index % 3):
        clip.ids[:, -4:, :7] = VOID
        put(archive, part, clip, davis_paths('DAVIS', '480p', 'Annotations_unsupervised'), store=same, mode='P')
    for split, names in splits.items():
        archive.list(f'DAVIS/ImageSets/2017/{split}.txt', names)
    archive.list('DAVIS/ImageSets/2019/test-dev.txt', ['aerobatics'])
    archive.release.lists = split_lists(splits)
    return archive.release


# 01e64dd36a is one of the seven training videos that the recipe leaves out.
BAD = ('01e64dd36a', '04259896e2', '1336440745', '5bc77844da', '5ee23ca60e', '738e5a0a14', 'f8af30d4b6')
YOUTUBE = {
    'train': ('003234408d', '0043f083b5', '01e64dd36a'),
    'valid': ('0062f687f1', '00f88c4f0a'),
    'test': ('0070461469',),
}
# Sizes whose longer side is cut, not rounded, on the way to 480: 54 * 480 / 36 is whole, 57 * 480 / 37 is not.
YOUTUBE_SIZES = ((36, 54), (37, 57), (58, 40))
YOUTUBE_IDS = np.array([0, 1, 3], np.uint8)


def youtube_clips(order: Order, name: str, videos: Sequence[str], every: int) -> list[Clip]:
    """Frames 5 apart (every 5th of a longer scene) or, with `every` 1, all of them; ids 1 and 3, gaps between."""
    made = []
    for index, video in enumerate(videos):
        size = order.size or YOUTUBE_SIZES[index % 3]
        length = 5 * ((order.length or 10) - 1) + 1
        here = Order(order.folder, order.seed, None, length, None)
        # A size of its own, without the odd pixels that other sets add.
        clip = clips(here, f'{name} {index % 3}', [video], objects=lambda _: 2, fixed=size)[0]
        chosen = slice(None, None, every)
        made.append(Clip(video, clip.stems[chosen], clip.frames[chosen], YOUTUBE_IDS[clip.ids[chosen]]))
    return made


def meta(made: Sequence[Clip], frames: dict[tuple[str, int], list[str]]) -> str:
    """meta.json: for every video its objects, each with a category and its frames."""
    videos = {}
    for clip in made:
        mine = {number: stems for (video, number), stems in frames.items() if video == clip.video}
        objects = {str(number): {'category': 'ape', 'frames': stems} for number, stems in mine.items()}
        videos[clip.video] = {'objects': objects}
    return json.dumps({'videos': videos})


def youtube_train(archive: Archive, order: Order, videos: list[str]) -> None:
    """Masks of all frames; in the second video the first mask is empty and object 3 misses a frame."""
    part = video_part(archive, 'index', 'train_480p', slack=0)
    made = youtube_clips(order, 'train', videos, 5)
    for index, clip in enumerate(made):
        if index == 1:
            clip.empty(0)
            clip.ids[4][clip.ids[4] == 3] = 0
        paths = 'train/JPEGImages/{video}/{frame}.jpg', 'train/Annotations/{video}/{frame}.png'
        put(archive, part, clip, paths, store=same, mode='P')
        height, width = clip.ids[0].shape
        ratio = 480 / min(height, width)
        part.sizes.update({f'{clip.video}/{stem}': (int(height * ratio), int(width * ratio)) for stem in clip.stems})
    frames = {
        (clip.video, number): [stem for stem, ids in zip(clip.stems, clip.ids) if (ids == number).any()]
        for clip in made
        for number in (1, 3)
    }
    archive.text('train/meta.json', meta(made, frames))
    archive.release.lists['train_480p/train.txt'] = [video for video in videos if video not in BAD]


def youtube_prompted(archive: Archive, order: Order, split: str, videos: list[str], all_frames: bool) -> None:
    """Object 1 enters at the first frame, object 3 at the third; its mask holds nothing but itself."""
    part = video_part(archive, 'index', split)
    made = youtube_clips(order, split, videos, 5)
    frames = {}
    for clip in made:
        late = min(2, len(clip.stems) - 1)
        clip.ids[0][clip.ids[0] == 3] = 0
        clip.ids[late][clip.ids[late] == 1] = 0
        # The last frame is not required.
        frames[clip.video, 1], frames[clip.video, 3] = clip.stems[:-1], clip.stems[late:-1]
        paths = f'{split}/JPEGImages/{{video}}/{{frame}}.jpg', f'{split}/Annotations/{{video}}/{{frame}}.png'
        put(archive, part, clip, paths, [0, late], same, 'P')
    archive.text(f'{split}/meta.json', meta(made, frames))
    if all_frames:
        place = f'all_frames/{split}_all_frames'
        whole = archive.part(place=place, image_folder='JPEGImages', mask_folder='', optional=True)
        for clip in youtube_clips(order, split, videos, 1):
            put(archive, whole, clip, (f'{place}/JPEGImages/{{video}}/{{frame}}.jpg', ''), [])


def youtube(order: Order, name: str = 'YouTube-VOS', all_frames: bool = False) -> Release:
    """train, valid and test with meta.json; frame numbers are 5 apart; ids have gaps."""
    archive = Archive(order, name, 'video')
    splits = order.splits(**YOUTUBE)
    youtube_train(archive, order, splits.get('train', []))
    for split in ('valid', 'test'):
        if split in splits:
            youtube_prompted(archive, order, split, splits[split], all_frames)
    archive.release.left_out = {video: 'left out of training' for video in splits.get('train', []) if video in BAD}
    return archive.release


def mose(order: Order) -> Release:
    """Training videos have all masks, objects disappear in some (never in the first); valid has first masks only."""
    archive = Archive(order, 'MOSE', 'video')
    splits = order.splits(train=('0011e1a5', '002b4dce', '01c24a0b'), valid=('03ed1fd2', '0a1b2c3d'))
    for split, names in splits.items():
        part = video_part(archive, 'index', split)
        for index, clip in enumerate(clips(order, f'MOSE {split}', names, 10, lambda index: 1 + index % 3)):
            if index % 2 == 0:
                clip.empty(3, 4, 5)
            paths = f'{split}/JPEGImages/{{video}}/{{frame}}.jpg', f'{split}/Annotations/{{video}}/{{frame}}.png'
            put(archive, part, clip, paths, None if split == 'train' else [0], same, 'P')
    return archive.release


def bl30k(order: Order) -> Release:
    """Synthetic videos with three to five objects."""
    archive = Archive(order, 'BL30K', 'video')
    part = video_part(archive, 'index')
    videos = order.splits(train=('a00000', 'a00001', 'b00000'))['train']
    paths = 'BL30K/JPEGImages/{video}/{frame}.jpg', 'BL30K/Annotations/{video}/{frame}.png'
    for clip in clips(order, 'BL30K', videos, 10, lambda index: 3 + index % 3):
        put(archive, part, clip, paths, store=same, mode='P')
    return archive.release


def long_clips(order: Order) -> list[tuple[Clip, str, list[int]]]:
    """Each video with the suffix of its frames and its annotated indexes; the third has none at its first frame."""
    videos = order.splits(test=('blueboy', 'dressage', 'rat'))['test']
    made = clips(order, 'LongTimeVideo', videos, 24, lambda index: 1 + index % 2)
    every = order.every or 6
    return [
        (clip, '.png' if index == 1 else '.jpg', list(range(3 if index == 2 else 0, len(clip.stems), every)))
        for index, clip in enumerate(made)
    ]


def long_time(order: Order, top: str = '') -> Release:
    """Masks of few frames, of which the first is the prompt; frames .jpg, or .png in one video."""
    archive = Archive(order, 'LongTimeVideo', 'video', annotated='some')
    part = video_part(archive, 'index')
    made = long_clips(order)
    for clip, suffix, chosen in made:
        paths = f'{top}JPEGImages/{{video}}/{{frame}}{suffix}', f'{top}Annotations/{{video}}/{{frame}}.png'
        put(archive, part, clip, paths, chosen, same, 'P')
    archive.list(f'{top}videos.txt', [clip.video for clip, _, _ in made])
    if top:
        extended(archive, made)
    return archive.release


def extended(archive: Archive, made: Sequence[tuple[Clip, str, list[int]]]) -> None:
    """Beside long_video: the videos forward, backward and forward again, and both in DAVIS' tree."""
    for clip, suffix, chosen in made:
        times = list(range(len(clip.stems)))
        # The frames at which the video turns are not repeated.
        thrice = times + times[-2::-1] + times[1:]
        stems = [f'{number:05d}' for number in range(len(thrice))]
        longer = Clip(clip.video, stems, clip.frames[thrice], clip.ids[thrice])
        masks = [index for index, time in enumerate(thrice) if time in chosen]
        copies = (
            ('long_video_x3', '', longer, masks),
            ('long_video_davis', '480p/', clip, chosen),
            ('long_video_davis_x3', '480p/', longer, masks),
        )
        for tree, inner, one, marked in copies:
            images, labels = (f'long_video_set/{tree}/{kind}/{inner}' for kind in ('JPEGImages', 'Annotations'))
            paths = f'{images}{{video}}/{{frame}}{suffix}', f'{labels}{{video}}/{{frame}}.png'
            put(archive, Part(encoding='index'), one, paths, marked, same, 'P')
    videos = [clip.video for clip, _, _ in made]
    for tree in ('long_video_davis', 'long_video_davis_x3'):
        archive.list(f'long_video_set/{tree}/ImageSets/2017/val.txt', videos)
    archive.release.notes.append('long_video_davis is beside it; its place in the result is not compared')


def long_time_set(order: Order) -> Release:
    """The extended set: long_video is what is converted."""
    return long_time(order, 'long_video_set/long_video/')


VIDEO_OBJECTS = [
    Maker('DAVIS-2016', 'video', {'released': davis2016, 'of-2017': davis2016_of_2017}),
    Maker('DAVIS-2017', 'video', {'released': davis2017, 'full': lambda order: davis2017(order, full_resolution=True)}),
    Maker('DAVIS-2017-testdev', 'video', {'released': davis2017_testdev}),
    Maker('DAVIS-2017-unsupervised', 'video', {'released': davis2017_unsupervised}),
    Maker('YouTube-VOS', 'video', {'released': youtube, 'all-frames': lambda order: youtube(order, all_frames=True)}),
    Maker('YouTube-VOS-2019', 'video', {'released': lambda order: youtube(order, 'YouTube-VOS-2019')}),
    Maker('MOSE', 'video', {'released': mose}),
    Maker('BL30K', 'video', {'released': bl30k}),
    Maker(
        'LongTimeVideo',
        'video',
        {'released': long_time, 'set': long_time_set},
    ),
]
