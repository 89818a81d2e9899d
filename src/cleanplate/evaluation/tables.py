"""The numbers of a report's tables, from finished pairs: every mean says over how many it is.

CDNet's rule throughout: a scene's measure comes from its summed counts, a category's is the plain
mean over its scenes, the overall one the plain mean over the categories. Undefined values are left
out and counted. Of one scene and method there is one pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from cleanplate.evaluation.models import BASELINE_1_THRESHOLD
from cleanplate.evaluation.pairs import LEVELS, Pair
from cleanplate.evaluation.variants import VARIANTS
from cleanplate.scenes.cdnet import CATEGORIES
from cleanplate.subtractors.methods import THRESHOLDED, make_method
from cleanplate.subtractors.threshold import ThresholdSubtractor

F_MEASURE = "f_measure"
MEASURES = ("recall", "specificity", "fpr", "fnr", "pwc", F_MEASURE, "precision")
BACKGROUND_MEASURES = ("age", "peps", "pceps", "ms_ssim", "psnr", "cqm")
MASKED_MEASURES = ("masked_age", "masked_peps", "masked_psnr")
MS_PER_FRAME = "ms_per_frame"
LOW_IS_GOOD = frozenset(
    {"fpr", "fnr", "pwc", "age", "peps", "pceps", "masked_age", "masked_peps", MS_PER_FRAME}
)
LARGEST_THRESHOLD = 0.5
"""Fig. 3's sweep goes from 0 to this."""
DIGITS = 4
"""Values that print alike are equally good."""


@dataclass(frozen=True)
class Mean:
    """A plain mean that knows what went into it.

    Attributes:
        value: the mean of the defined values, or None where none is.
        over: how many were defined.
        undefined: how many were not, and are left out.
        missing: how many were never computed: the mean is of fewer than the other methods'.
    """

    value: float | None
    over: int
    undefined: int = 0
    missing: int = 0

    @classmethod
    def of(cls, values: Iterable[float | None], missing: int = 0) -> Mean:
        """Average."""
        listed = list(values)
        defined = [value for value in listed if value is not None]
        mean = fmean(defined) if defined else None
        return cls(mean, len(defined), len(listed) - len(defined), missing)


@dataclass(frozen=True)
class MethodRow:
    """One method's row of a `CategoryTable`.

    Attributes:
        method: the method's name.
        categories: each category's mean over its scenes.
        overall: the mean over the categories; ``missing`` counts the incomplete ones.
        scenes: the mean over all scenes, whatever their category.
    """

    method: str
    categories: dict[str, Mean]
    overall: Mean
    scenes: Mean


@dataclass(frozen=True)
class CategoryTable:
    """Table 1 of the paper, for any of the seven measures.

    Attributes:
        measure: its name in `MEASURES`.
        categories: each category's scenes, in the order of the columns.
        rows: one for each method, in order of first appearance.
    """

    measure: str
    categories: dict[str, tuple[str, ...]]
    rows: tuple[MethodRow, ...]

    @property
    def scenes(self) -> int:
        return sum(len(names) for names in self.categories.values())

    def best(self, means: Sequence[Mean]) -> float | None:
        """Return the best of a column; a mean over fewer scenes than others does not compete."""
        return best_of([mean.value for mean in means if not mean.missing], self.measure)


def best_of(values: Iterable[float | None], measure: str) -> float | None:
    """Return the best of the defined values: the lowest where the measure counts errors."""
    defined = [value for value in values if value is not None]
    if not defined:
        return None
    return min(defined) if measure in LOW_IS_GOOD else max(defined)


def is_best(value: float | Mean | None, best: float | None) -> bool:
    """Say whether a value prints like the best one; an incomplete mean never wins."""
    if isinstance(value, Mean):
        value = None if value.missing else value.value
    return value is not None and best is not None and f"{value:.{DIGITS}f}" == f"{best:.{DIGITS}f}"


def methods_of(pairs: Sequence[Pair]) -> list[str]:
    """List the methods in order of first appearance."""
    return list(dict.fromkeys(str(pair.result["method"]) for pair in pairs))


def categories_of(pairs: Sequence[Pair]) -> dict[str, tuple[str, ...]]:
    """Return each category's scenes: CDNet's in CDNet's order, then other collections by name."""
    scenes = {str(pair.result["scene"]): pair.category for pair in pairs}
    names = set(scenes.values())
    order = [name for name in CATEGORIES if name in names] + sorted(names.difference(CATEGORIES))
    return {
        name: tuple(scene for scene, category in scenes.items() if category == name)
        for name in order
    }


def scene_table(
    pairs: Sequence[Pair], measure: str = F_MEASURE
) -> dict[str, dict[str, float | None]]:
    """Return each scene's values by method; a pair that failed is absent, an undefined one None."""
    found: dict[str, dict[str, float | None]] = {
        scene: {} for scenes in categories_of(pairs).values() for scene in scenes
    }
    for pair in pairs:
        found[str(pair.result["scene"])][str(pair.result["method"])] = value_of(pair, measure)
    return found


def value_of(pair: Pair, measure: str = F_MEASURE) -> float | None:
    """Return a pair's measure; without a foreground pixel to find, no F is defined.

    The counts would give 0 to who raised one false alarm and nothing to who raised none.
    """
    if measure == F_MEASURE and not pair.result["tp"] + pair.result["fn"]:
        return None
    value: float | None = pair.result[measure]
    return value


def category_table(pairs: Sequence[Pair], measure: str = F_MEASURE) -> CategoryTable:
    """Average a measure by category and method, as in Table 1."""
    categories, values = categories_of(pairs), scene_table(pairs, measure)
    rows = []
    for method in methods_of(pairs):
        means = {name: _mean(values, method, scenes) for name, scenes in categories.items()}
        incomplete = sum(mean.missing > 0 for mean in means.values())
        overall = Mean.of((mean.value for mean in means.values()), incomplete)
        rows.append(MethodRow(method, means, overall, _mean(values, method, tuple(values))))
    return CategoryTable(measure, categories, tuple(rows))


def _mean(
    values: Mapping[str, Mapping[str, float | None]], method: str, scenes: Sequence[str]
) -> Mean:
    present = [values[scene][method] for scene in scenes if method in values[scene]]
    return Mean.of(present, len(scenes) - len(present))


@dataclass(frozen=True)
class Times:
    """What a method costs: plain means over its scenes.

    Attributes:
        method: the method's name.
        ms_per_frame: spent segmenting a frame; undefined for masks that somebody else made.
        training_seconds: spent training, None where nothing is trained.
    """

    method: str
    ms_per_frame: Mean
    training_seconds: Mean


def times(pairs: Sequence[Pair]) -> list[Times]:
    """Average each method's times."""
    found = []
    for method in methods_of(pairs):
        own = [pair for pair in pairs if pair.result["method"] == method]
        spent = Mean.of(1000 * pair.seconds_per_frame or None for pair in own)
        found.append(Times(method, spent, Mean.of(pair.training_seconds for pair in own)))
    return found


def measured_backgrounds(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs whose method shows a background, scene after scene."""
    order = [scene for scenes in categories_of(pairs).values() for scene in scenes]
    having = [pair for pair in pairs if pair.backgrounds]
    return sorted(having, key=lambda pair: order.index(str(pair.result["scene"])))


def background_means(pairs: Sequence[Pair]) -> dict[str, dict[str, Mean]]:
    """Average each method's background measures over the scenes: by method, then by measure."""
    having = measured_backgrounds(pairs)
    counts = {
        key: len({pair.result["scene"] for pair in having if key in (pair.backgrounds or {})})
        for key in (*BACKGROUND_MEASURES, *MASKED_MEASURES)
    }
    found: dict[str, dict[str, Mean]] = {}
    for method in methods_of(having):
        own = [p.backgrounds or {} for p in having if p.result["method"] == method]
        listed = {key: [one[key] for one in own if key in one] for key in counts}
        found[method] = {
            key: Mean.of(values, counts[key] - len(values)) for key, values in listed.items()
        }
    return found


@dataclass(frozen=True)
class Curve:
    """A method's line in Fig. 3.

    Attributes:
        method: the method's name.
        thresholds: from 0 to 0.5, one for each grey level.
        means: the mean F over the scenes at each of them.
        fixed_threshold: the one that the method was scored with, or None where that is unknown.
        fixed: the mean F over the same scenes as scored.
    """

    method: str
    thresholds: tuple[float, ...]
    means: tuple[Mean, ...]
    fixed_threshold: float | None
    fixed: Mean

    @property
    def best(self) -> int | None:
        """The place of the best threshold, the lowest of equals; None where no F is defined.

        It is chosen on the scored frames, as in the paper: its F is an upper bound.
        """
        values = [-1.0 if mean.value is None else mean.value for mean in self.means]
        highest = max(values)
        return values.index(highest) if highest >= 0 else None


def curves(pairs: Sequence[Pair]) -> list[Curve]:
    """Sweep the threshold of every method that has one."""
    swept = [pair for pair in pairs if pair.sweep is not None]
    levels = range(int(LARGEST_THRESHOLD * (LEVELS - 1)) + 1)
    thresholds = tuple(level / (LEVELS - 1) for level in levels)
    found = []
    for method in methods_of(swept):
        own = [pair for pair in swept if pair.result["method"] == method]
        sweeps = [
            pair.sweep for pair in own if pair.sweep is not None and pair.sweep.positive.any()
        ]
        means = tuple(
            Mean.of(sweep.counts(threshold).f_measure for sweep in sweeps)
            for threshold in thresholds
        )
        scored = Mean.of(value_of(pair) for pair in own)
        found.append(Curve(method, thresholds, means, _fixed_threshold(method), scored))
    return found


def _fixed_threshold(method: str) -> float | None:
    if method in VARIANTS:
        return BASELINE_1_THRESHOLD
    made = make_method(method) if method in THRESHOLDED else None
    return made.threshold if isinstance(made, ThresholdSubtractor) else None
