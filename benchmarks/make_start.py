"""Makes the start that `compact` trains from: stage 2, taught by drawn scenes alone.

Scenes of every challenge are drawn with seeds from 10 000 on, which no benchmark uses, and objects
of random shape are put into them besides. Stage 1 is imitated: the true background at its size,
with a trace of the objects left in it. The finished weights are written with 8 bits a weight.

    python benchmarks/make_start.py --output src/cleanplate/networks/drawn.safetensors

makes one from nothing. The shipped one was made in three sittings with ``--go-on`` and other first
seeds, which docs/recipe.md tells.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from cleanplate.config import load_preset
from cleanplate.images import IGNORED, Frame, Labels, resize_frame, to_image
from cleanplate.networks.losses import segmentation_loss
from cleanplate.networks.segmentation import CompactNet
from cleanplate.networks.start import load_start, save_start
from cleanplate.scenes import cdnet
from cleanplate.scenes.clean_background import distances_from, long_term_background
from cleanplate.scenes.drawing import noise_tile
from cleanplate.scenes.synthetic import CHALLENGES, draw
from cleanplate.training.averaging import WeightAverage

FIRST_SEED = 10_000
FRAMES, KEPT = 240, 12
SIZE = (240, 320)
CROP = (96, 128)
BATCH, RATE, DECAY = 16, 3e-3, 0.995
WARM_UP = 50
PARTS = ((0, 3), (3, 6), (6, 8), (8, 11))
COLOURS, DISTANCES = [0, 1, 2, 3, 4, 5, 8, 9, 10], [6, 7]
"""The channels of a stack: background, long-term background, the distances from it, frame."""


class Drawn(NamedTuple):
    """Some moments of one drawn scene, ``(N, H, W, ...)``, and its ``(H, W, 5)`` long-term one."""

    frames: NDArray[np.uint8]
    backgrounds: NDArray[np.uint8]
    labels: NDArray[np.int8]
    long_term: NDArray[np.uint8]


def draw_scene(challenge: str, seed: int) -> Drawn:
    """Draw a scene and keep some of its moments."""
    kept, frames = [], []
    for number, moment in enumerate(draw(challenge, frames=FRAMES, size=SIZE, seed=seed)):
        if number % (FRAMES // KEPT) == FRAMES // KEPT - 1:
            kept.append(moment)
        if number % 4 == 0:
            frames.append(moment.frame)
    labels = np.stack([moment.codes for moment in kept]).astype(np.int16)
    labels = np.select([labels == cdnet.MOVING, labels == cdnet.UNKNOWN], [1, IGNORED], 0)
    return Drawn(
        np.stack([moment.frame for moment in kept]),
        np.stack([moment.background for moment in kept]),
        labels.astype(np.int8),
        long_term_of(np.stack(frames)),
    )


def long_term_of(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the long-term background of frames and the distances from it, ``(H, W, 5)``."""
    median = long_term_background(frames, np.zeros(frames.shape[:3], bool))
    return np.concatenate([median, distances_from(median, frames)], 2)


def paste_blob(frame: Frame, labels: Labels, texture: Frame, random: Generator) -> None:
    """Put an object of a random shape and look into a frame, in place."""
    noise = noise_tile(random, 2.0)
    height = int(np.exp(random.uniform(np.log(5), np.log(110))))
    width = int(height * random.uniform(0.35, 2.5))
    field = cv2.resize(noise[:96, :96], (width, height))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    alpha = 1 / (1 + np.exp(-12 * (0.75 - np.hypot(x, y) + 0.25 * field)))
    top = int(random.integers(0, frame.shape[0] - 5))
    left = int(random.integers(0, frame.shape[1] - 5))
    rows, columns = slice(top, top + height), slice(left, left + width)
    under = frame[rows, columns].astype(np.float64)
    alpha = alpha[: under.shape[0], : under.shape[1]]
    part = np.roll(texture, random.integers(0, 240, 2), (0, 1))[: alpha.shape[0], : alpha.shape[1]]
    colour = random.uniform(0.2, 1.3, 3) * part + random.uniform(-60, 60, 3)
    if random.random() < 0.3:  # nearly of the place's own colour
        colour = under[: alpha.shape[0], : alpha.shape[1]].mean((0, 1)) + 0.4 * (
            colour - colour.mean((0, 1))
        )
        colour += random.normal(0, 25, 3)
    if random.random() < 0.5:  # of one colour, as many objects are
        colour = colour.mean((0, 1)) + 0.2 * (colour - colour.mean((0, 1)))
    mixed = under + alpha[..., None] * (colour.clip(0, 255) - under)
    frame[rows, columns] = mixed.astype(np.uint8)
    covered = labels[rows, columns]
    covered[alpha > 0.25] = IGNORED
    covered[alpha > 0.6] = 1


def imitate_stage_1(frame: Frame, background: Frame, random: Generator) -> Frame:
    """Blur a background as stage 1 does, and leave a trace of the objects in it."""
    leak = random.choice([0.0, random.uniform(0, 0.15), random.uniform(0, 0.5)])
    share = random.uniform(0.2, 0.5)
    size = (round(frame.shape[0] * share), round(frame.shape[1] * share))
    small = resize_frame(background, size).astype(np.float32)
    trace = resize_frame(frame, size).astype(np.float32) - small
    small += leak * cv2.GaussianBlur(trace, (0, 0), 2) + random.normal(0, random.uniform(0, 4), 3)
    return resize_frame(small.clip(0, 255).astype(np.uint8), (frame.shape[0], frame.shape[1]))


def sample(scenes: list[Drawn], random: Generator) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Draw one crop of all pictures ``(H, W, 11)`` and its labels."""
    scene = scenes[random.integers(len(scenes))]
    index = int(random.integers(len(scene.frames)))
    frame, labels = scene.frames[index].copy(), scene.labels[index].copy()
    long_term = scene.long_term.copy()
    for _ in range(random.integers(0, 3)):
        other = scenes[random.integers(len(scenes))]
        texture = other.frames[random.integers(len(other.frames))]
        shape, where = int(random.integers(2**31)), random.random()
        if where < 0.85:
            paste_blob(frame, labels, texture, np.random.default_rng(shape))
        if where > 0.7:  # it has stood there for long, or has just left
            nobody = np.zeros_like(labels)
            paste_blob(long_term[..., :3], nobody, texture, np.random.default_rng(shape))
    background = imitate_stage_1(frame, scene.backgrounds[index], random)
    if random.random() < 0.35:  # the camera has moved a little
        reach = float(random.uniform(0.5, 5))
        if random.random() < 0.6:  # and does so all the time
            shaken = [_shake(long_term[..., :3], reach, random)(long_term[..., :3])]
            shaken += [_shake(frame, reach, random)(long_term[..., :3]) for _ in range(10)]
            moved = long_term_of(np.stack(shaken))
            long_term = np.concatenate([moved[..., :3], np.maximum(moved, long_term)[..., 3:]], 2)
        move = _shake(frame, reach, random)
        frame, background, labels = move(frame), move(background), move(labels, True)
    changed = long_term.astype(np.float64)
    if random.random() < 0.5:  # the light has changed since
        changed[..., :3] *= random.uniform(0.8, 1.25) * random.uniform(0.94, 1.06, 3)
    if random.random() < 0.5:  # what a camera's compression does
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(40, 96))]
        frame = np.asarray(cv2.imdecode(cv2.imencode(".jpg", frame, quality)[1], 1), np.uint8)
    stack = np.concatenate([background, changed.clip(0, 255).astype(np.uint8), frame], 2)
    return _vary(*_crop(stack, labels, random), random)


def _shake(frame: Frame, reach: float, random: Generator) -> Callable[..., NDArray[Any]]:
    """Return what shifts and turns a picture or labels as a camera does that moved some pixels."""
    size = (frame.shape[1], frame.shape[0])
    middle = (size[0] / 2, size[1] / 2)
    turn = np.array(cv2.getRotationMatrix2D(middle, random.uniform(-0.5, 0.5), 1.0), np.float64)
    turn[:, 2] += random.normal(0, reach, 2)

    def move(picture: NDArray[Any], is_labels: bool = False) -> NDArray[Any]:
        flags = cv2.INTER_NEAREST if is_labels else cv2.INTER_LINEAR
        given = picture.astype(np.int16) if is_labels else np.ascontiguousarray(picture)
        moved = cv2.warpAffine(given, turn, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, picture.dtype)

    return move


def _crop(
    stack: NDArray[np.uint8], labels: Labels, random: Generator
) -> tuple[NDArray[np.uint8], Labels]:
    """Cut a part out, often around an object, and bring it to the size of a crop."""
    scale = float(np.exp(random.uniform(np.log(0.6), np.log(1.9))))
    height, width = (min(side, round(crop * scale)) for side, crop in zip(SIZE, CROP, strict=True))
    top = int(random.integers(0, SIZE[0] - height + 1))
    left = int(random.integers(0, SIZE[1] - width + 1))
    objects = np.flatnonzero(labels == 1)
    if len(objects) and random.random() < 0.7:
        row, column = divmod(int(objects[random.integers(len(objects))]), SIZE[1])
        top = int(np.clip(row - random.integers(0, height), 0, SIZE[0] - height))
        left = int(np.clip(column - random.integers(0, width), 0, SIZE[1] - width))
    box = slice(top, top + height), slice(left, left + width)
    shape = (CROP[1], CROP[0])
    parts = [
        cv2.resize(np.ascontiguousarray(stack[(*box, slice(first, last))]), shape)
        for first, last in PARTS
    ]
    small = cv2.resize(labels[box], shape, interpolation=cv2.INTER_NEAREST)
    return np.concatenate(parts, 2), small.astype(np.int8)


def _vary(
    stack: NDArray[np.uint8], labels: Labels, random: Generator
) -> tuple[NDArray[np.uint8], Labels]:
    """Mirror all pictures, and change their colours, all alike."""
    values = stack.astype(np.float64)
    colours = values[..., COLOURS].reshape(*labels.shape, 3, 3)
    if random.random() < 0.15:
        colours[:] = colours.mean(3, keepdims=True)
    colours = colours[..., random.permutation(3)]
    colours = 255 * (colours / 255) ** float(np.exp(random.uniform(-0.4, 0.4)))
    contrast = random.uniform(0.6, 1.3)
    colours = colours * contrast + random.uniform(-20, 30)
    colours[:, :, 2] += random.normal(0, random.uniform(0, 5), colours[:, :, 2].shape)
    values[..., COLOURS] = colours.reshape(*labels.shape, 9)
    values[..., DISTANCES] *= contrast
    stack = values.clip(0, 255).astype(np.uint8)
    if random.random() < 0.5:
        stack, labels = stack[:, ::-1], labels[:, ::-1]
    if random.random() < 0.2:
        stack, labels = stack[::-1], labels[::-1]
    return stack, labels


def main() -> None:
    """Draw, train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--iterations", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--scenes", type=int, default=9, help="of each challenge")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--go-on", action="store_true", help="begin with the shipped start")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    seeds = range(options.first_seed, options.first_seed + options.scenes)
    scenes = []
    for challenge in CHALLENGES:
        scenes += [draw_scene(challenge, seed) for seed in seeds]
        print(f"drawn: {challenge}", file=sys.stderr, flush=True)
    net = CompactNet(11, 1, load_preset("compact").segmentation.width).train()
    if options.go_on:
        load_start(net)
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4)
    average = WeightAverage(net, DECAY)
    start, smooth = time.monotonic(), 0.7
    for iteration in range(options.iterations):
        random = np.random.default_rng([options.first_seed, iteration])
        stacks, labels = zip(*(sample(scenes, random) for _ in range(BATCH)), strict=True)
        pair = torch.cat([to_image(np.stack(stacks)[..., i:j]) for i, j in PARTS], 1)
        pair = pair.contiguous(memory_format=torch.channels_last)
        truth = torch.from_numpy(np.stack(labels).astype(np.int64))
        risen = min(1, (iteration + 1) / WARM_UP)
        optimiser.param_groups[0]["lr"] = RATE * risen * (1 - iteration / options.iterations)
        loss = segmentation_loss(net(pair), truth)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        average.update(iteration + 1)
        smooth += 0.02 * (float(loss.detach()) - smooth)
        if iteration % 50 == 49:
            spent = time.monotonic() - start
            print(f"{iteration + 1}: loss {smooth:.4f}, {spent:.0f} s", file=sys.stderr, flush=True)
        if iteration % 500 == 499 or iteration == options.iterations - 1:
            average.swap()
            save_start(options.output, net)
            average.swap()


if __name__ == "__main__":
    main()
