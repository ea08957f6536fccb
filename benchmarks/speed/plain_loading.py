"""Loading of a training sample as the published code does it: decode, resize and crop in its order, written out.

For the pipelines whose code is public. A sample is what theirs hands to the loader: normalised float images and float or
integer labels. Left out are the thin plates of XMem's still images and its choice of objects, which only make these slower.
"""

import random
from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision import transforms as T
from torchvision.transforms import functional as TF

Sample = Callable[[Sequence[str], Sequence[str]], tuple[Tensor, Tensor]]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
GREY = (124, 116, 104)
BILINEAR, BICUBIC, NEAREST = T.InterpolationMode.BILINEAR, T.InterpolationMode.BICUBIC, T.InterpolationMode.NEAREST


def scwssod(images: Sequence[str], labels: Sequence[str], size: int = 320) -> tuple[Tensor, Tensor]:
    """Both decoded in colour to floats, normalised in double precision, resized, flipped, cropped."""
    image, mask = (cv2.imread(paths[0]).astype(np.float32)[:, :, ::-1] for paths in (images, labels))
    image = (image - np.array([[[124.55, 118.90, 102.94]]])) / np.array([[[56.77, 55.97, 57.50]]])
    image, mask = (cv2.resize(x, (320, 320), interpolation=cv2.INTER_LINEAR) for x in (image, mask))
    if random.random() < 0.5:
        image, mask = image[:, ::-1].copy(), mask[:, ::-1].copy()
    left, top = random.randint(0, 320 - size), random.randint(0, 320 - size)
    image, mask = (x[top : top + size, left : left + size] for x in (image, mask))
    image, mask = (torch.from_numpy(x).permute(2, 0, 1) for x in (image, mask))
    mask = mask.mean(0, keepdim=True)
    mask[mask == 0] = 255
    mask[mask == 2] = 0
    return image.unsqueeze(0), mask.unsqueeze(0)


def scwssod_cropped(images: Sequence[str], labels: Sequence[str]) -> tuple[Tensor, Tensor]:
    """The same with the random crop of the text, which the released code switches off by its size."""
    return scwssod(images, labels, 288)


def dcfm(images: Sequence[str], labels: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Each image enlarged to about 448, cropped there, shrunk to 224, flipped and rotated."""
    frames, masks = torch.empty(len(images), 3, 224, 224), torch.empty(len(images), 1, 224, 224)
    for place, paths in enumerate(zip(images, labels)):
        image, mask = Image.open(paths[0]).convert('RGB'), Image.open(paths[1]).convert('L')
        shorter = random.randint(int(448 * 0.8), int(448 * 1.2))
        width, height = image.size
        size = (shorter, height * shorter // width) if height > width else (width * shorter // height, shorter)
        image, mask = image.resize(size, Image.BILINEAR), mask.resize(size, Image.NEAREST)
        if shorter < 448:
            border = (0, 0, max(448 - size[0], 0), max(448 - size[1], 0))
            image, mask = ImageOps.expand(image, border), ImageOps.expand(mask, border)
        left, top = random.randint(0, image.width - 448), random.randint(0, image.height - 448)
        image, mask = (x.crop((left, top, left + 448, top + 448)) for x in (image, mask))
        image, mask = image.resize((224, 224), Image.BILINEAR), mask.resize((224, 224), Image.NEAREST)
        if random.random() < 0.5:
            image, mask = (x.transpose(Image.FLIP_LEFT_RIGHT) for x in (image, mask))
        angle = random.uniform(-90, 90)
        image, mask = TF.rotate(image, angle, BILINEAR), TF.rotate(mask, angle, NEAREST)
        frames[place] = TF.normalize(TF.to_tensor(image), MEAN, STD)
        masks[place] = TF.to_tensor(mask)
    return frames, masks


def _saliency_pair(image: str, label: str | None) -> tuple[Image.Image, Image.Image]:
    """Image and soft label of RCRNet's code; a frame without label gets an empty one."""
    frame = Image.open(image).convert('RGB')
    soft = np.zeros(frame.size[::-1], np.float32)
    if label is not None:
        soft = np.array(Image.open(label).convert('L')).astype(np.float32)
    return frame, Image.fromarray(soft / 255.0 if soft.max() > 1 else soft)


def _saliency_tensors(pairs: Sequence[tuple[Image.Image, Image.Image]]) -> tuple[Tensor, Tensor]:
    frames = [TF.normalize(TF.to_tensor(frame), MEAN, STD) for frame, _ in pairs]
    return torch.stack(frames), torch.stack([torch.from_numpy(np.array(label)).unsqueeze(0) for _, label in pairs])


def rcrnet_ner(images: Sequence[str], labels: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Each frame resized by Pillow."""
    pairs = [_saliency_pair(*paths) for paths in zip(images, labels)]
    return _saliency_tensors([tuple(TF.resize(x, [448, 448], BILINEAR) for x in pair) for pair in pairs])


def rcrnet(images: Sequence[str], labels: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Colours of the whole image shifted, then a crop resized and flipped."""
    image, label = _saliency_pair(images[0], labels[0])
    image = T.ColorJitter(0.3, 0.3, 0.3, 0.3)(image)
    place = T.RandomResizedCrop.get_params(image, (0.7, 1.0), (3 / 4, 4 / 3))
    pair = tuple(TF.resized_crop(x, *place, (448, 448), BILINEAR) for x in (image, label))
    flips = random.randint(-1, 2)
    if flips in (0, 2):
        pair = tuple(TF.hflip(x) for x in pair)
    if flips in (1, 2):
        pair = tuple(TF.vflip(x) for x in pair)
    return _saliency_tensors([pair])


def _seeded(seed: int, image: Image.Image, label: Image.Image, for_image: T.Compose, for_label: T.Compose) -> tuple:
    """Image and label changed by the same random numbers."""
    found = []
    for steps, value in ((for_image, image), (for_label, label)):
        random.seed(seed)
        torch.manual_seed(seed)
        found.append(steps(value))
    return tuple(found)


def _affine(
    rotation: float, shear: float, mode: T.InterpolationMode, fill: object, scale: object = None
) -> T.RandomAffine:
    return T.RandomAffine(rotation, scale=scale, shear=shear, interpolation=mode, fill=fill)


def xmem_stills(images: Sequence[str], labels: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Three views of one image, each deformed as a whole before its crop."""

    def first(fill: object) -> T.Compose:
        return T.Compose([T.RandomAffine(0, scale=(0.8, 1.5), fill=fill), T.RandomHorizontalFlip()])

    def second(fill: object, mode: T.InterpolationMode) -> T.Compose:
        crop = T.RandomCrop((384, 384), pad_if_needed=True, fill=fill)
        return T.Compose([_affine(20, 10, BICUBIC, fill, (0.9, 1.1)), T.Resize(384, mode), crop])

    whole = [T.ColorJitter(0.1, 0.05, 0.05, 0.05), T.RandomGrayscale(0.05)]
    image, label = Image.open(images[0]).convert('RGB'), Image.open(labels[0]).convert('L')
    frames, masks = [], []
    seed = random.randrange(2**31)
    for view in range(3):
        frame, mask = _seeded(seed, image, label, T.Compose([first(GREY), *whole]), first(0))
        steps = T.Compose([second(GREY, BICUBIC), T.ColorJitter(0.1, 0.05, 0.05)])
        frame, mask = _seeded(seed + view + 1, frame, mask, steps, second(0, NEAREST))
        frames.append(TF.normalize(TF.to_tensor(frame), MEAN, STD))
        masks.append(TF.to_tensor(mask))
    return torch.stack(frames), torch.stack(masks)


def xmem_videos(
    images: Sequence[str], labels: Sequence[str], area: float = 0.36, rotation: float = 15, shear: float = 10
) -> tuple[Tensor, Tensor]:
    """Frames of a clip: one crop and colour for all, then a deformation of each."""

    def crop(mode: T.InterpolationMode) -> T.Compose:
        return T.Compose(
            [T.RandomHorizontalFlip(), T.RandomResizedCrop((384, 384), scale=(area, 1.0), interpolation=mode)]
        )

    whole = [T.ColorJitter(0.1, 0.03, 0.03), T.RandomGrayscale(0.05)]
    frames, masks = [], []
    seed = random.randrange(2**31)
    for place, paths in enumerate(zip(images, labels)):
        frame, mask = Image.open(paths[0]).convert('RGB'), Image.open(paths[1]).convert('P')
        frame, mask = _seeded(seed, frame, mask, T.Compose([crop(BILINEAR), *whole]), crop(NEAREST))
        steps = T.Compose([_affine(rotation, shear, BILINEAR, GREY), T.ColorJitter(0.01, 0.01, 0.01)])
        frame, mask = _seeded(seed + place + 1, frame, mask, steps, T.Compose([_affine(rotation, shear, NEAREST, 0)]))
        frames.append(TF.normalize(TF.to_tensor(frame), MEAN, STD))
        masks.append(torch.from_numpy(np.array(mask)))
    return torch.stack(frames), torch.stack(masks)


def xmem_rendered(images: Sequence[str], labels: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Rendered videos: smaller crops, no rotation and shear."""
    return xmem_videos(images, labels, 0.25, 0, 0)


# By the beginning of a config's name.
PUBLISHED: dict[str, Sample] = {
    'scwssod_r50_paper': scwssod_cropped,
    'scwssod_r50_released': scwssod,
    'dcfm_': dcfm,
    'rcrnet-ner_': rcrnet_ner,
    'rcrnet_': rcrnet,
    'xmem_r50_stage0': xmem_stills,
    'xmem_r50_stage1': xmem_rendered,
    'xmem_r50_masks': xmem_videos,
    'xmem_r50_stage2': xmem_videos,
}


def published_order(stem: str) -> Sample | None:
    """How the published code loads a sample for a config; None where no code is public."""
    return next((sample for start, sample in PUBLISHED.items() if stem.startswith(start)), None)
