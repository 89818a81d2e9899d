"""Train a model of a scene, then write one frame's mask and the clean plate.

python train_and_segment.py OUTPUT [--scene FOLDER] [--preset compact]
"""

import argparse
from pathlib import Path

import cleanplate
from cleanplate.images import write_picture
from cleanplate.scenes.synthetic import write_drawn_scene
from cleanplate.subtractors.clean_plate import clean_plate


def main() -> None:
    """Train, then segment the first frame that is scored."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="folder for model, mask and plate")
    parser.add_argument("--scene", type=Path, help="folder in CDNet's layout; else one is drawn")
    parser.add_argument("--preset", default="compact", help="compact, paper, smoke or a .toml file")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    if options.scene is None:
        options.scene = options.output / "street"
        write_drawn_scene(options.scene, "baseline", frames=60, size=(64, 96))
    scene = cleanplate.open_scene(options.scene)
    model_path = options.output / "model.safetensors"
    for progress in cleanplate.train(scene, options.preset, model_path):
        if progress.iteration == progress.iterations:
            print(progress.phase, "done")
    model = cleanplate.load(model_path)
    scored = scene.split("half").scored
    write_picture(options.output / "mask.png", model.segment(scene.frame(scored[0])).mask)
    frames = [scene.frame(number) for number in scored[:: max(1, len(scored) // 9)]]
    write_picture(options.output / "plate.png", clean_plate(model, frames))


if __name__ == "__main__":
    main()
