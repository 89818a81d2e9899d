"""Score MOG2, KNN and a trained model on a scene's second half, in one process.

python compare_methods.py SCENE [--model MODEL] [--preset compact]

Without a model one is trained on the first half and kept beside the scene.
"""

import argparse
from pathlib import Path

import cleanplate
from cleanplate.evaluation.scoring import score
from cleanplate.subtractors.opencv import make_opencv


def main() -> None:
    """Print each method's F-measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scene", type=Path, help="folder in CDNet's layout")
    parser.add_argument("--model", type=Path, help="model trained on the first half")
    parser.add_argument("--preset", default="compact", help="to train with, without a model")
    options = parser.parse_args()
    scene = cleanplate.open_scene(options.scene)
    if options.model is None:
        options.model = options.scene.with_suffix(".safetensors")
        for _ in cleanplate.train(scene, options.preset, options.model, resume=True):
            pass
    split = scene.split("half")
    model = cleanplate.load(options.model)
    if set(model.card.training_frames) & set(split.scored):
        raise SystemExit(f"{options.model}: was trained on frames that would be scored")
    for subtractor in (make_opencv("mog2"), make_opencv("knn"), model):
        result = score(scene, split.scored, subtractor, split.name)
        print(result.method, "F", result.counts.f_measure)


if __name__ == "__main__":
    main()
