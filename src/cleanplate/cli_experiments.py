"""The commands that run methods against scenes, and the one that fetches the scenes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cleanplate.console import AsJson, Device, Objects, PresetName, Seed, SplitName, row, show

if TYPE_CHECKING:
    from cleanplate.evaluation.benchmark import Failure, Progress

Published = Annotated[
    list[str] | None,
    typer.Option(
        "--published", metavar="NAME=PATH", help="Results of changedetection.net to re-score."
    ),
]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Score of such results what is there.")
]


def compare(
    scenes: Annotated[list[Path], typer.Argument(metavar="SCENE...", help="CDNet folders.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Report folder.")],
    methods: Annotated[str, typer.Option(help="Comma-separated.")] = "two-stage,mog2,knn",
    split: SplitName = "half",
    preset: PresetName = "compact",
    seed: Seed = 0,
    length: Annotated[float, typer.Option(help="Share of the preset's iterations.")] = 1.0,
    objects: Objects = None,
    published: Published = None,
    allow_missing: AllowMissing = False,
    masks: Annotated[
        bool, typer.Option("--masks", help="Also write all masks, as an upload's zip.")
    ] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Run methods on scenes, on the same frames; what is finished is kept and not run again.

    Methods: two-stage, two-stage-separate, baseline-1, baseline-2, median, pca, robust-pca,
    fast-pcp, gmm, kde, vibe, mog2, knn, mog, gmg, cnt, gsoc, lsbp.
    """
    from cleanplate.evaluation.benchmark import Comparison
    from cleanplate.evaluation.report import write_report
    from cleanplate.scenes.opening import name_scenes

    opened, broken = name_scenes(scenes)
    named = _published(published)
    comparison = Comparison(
        output,
        opened,
        [*(name.strip() for name in methods.split(",")), *named],
        split=split,
        preset=preset,
        seed=seed,
        length=length,
        device=device,
        objects=objects,
        published=named,
        allow_missing=allow_missing,
        broken=broken,
        writes_masks=masks,
    )
    follow(comparison.run())
    page = write_report(
        output,
        "Cleanplate: comparison",
        comparison.pairs(),
        comparison.failures,
        comparison.scenes,
        facts=comparison.facts(),
    )
    results = comparison.results()
    found = {"results": results, "failed": [vars(failure) for failure in comparison.failures]}
    show(found if as_json else "\n".join([*map(row, results), "", f"open {page}"]))
    end(comparison.failures)


def paper(
    folder: Annotated[
        Path, typer.Argument(metavar="CDNET_DIR", help="Folder that holds the scenes.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Run folder.")],
    experiments: Annotated[
        str, typer.Option(help="What is run: section4, section4-paper (GPU) or a TOML file.")
    ] = "section4",
    steps: Annotated[
        bool, typer.Option("--steps", help="Also the four steps over several seeds.")
    ] = False,
    ablations: Annotated[
        bool, typer.Option("--ablations", help="Also the paper's claims without a plot.")
    ] = False,
    objects: Objects = None,
    published: Published = None,
    allow_missing: AllowMissing = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Run the paper's section 4: Table 1, Fig. 2 and Fig. 3 for the scenes that are there.

    An interrupted run goes on where it was; a finished pair is never computed twice.
    """
    from cleanplate.evaluation.paper import Section4, find_scenes, gather, load_experiments, run_all
    from cleanplate.evaluation.report import write_report
    from cleanplate.evaluation.sections import ablations_section, steps_section

    wanted = load_experiments(experiments)  # before a search that may take long
    scenes, broken = find_scenes(folder)
    run = Section4(
        output,
        scenes,
        wanted,
        device=device,
        objects=objects,
        published=_published(published),
        allow_missing=allow_missing,
        broken=broken,
    )
    by_seed = run.steps() if steps else {}
    ablated = [run.ablations()] if ablations else []
    comparisons = [run.table, *by_seed.values(), *ablated]
    follow(run_all(comparisons))
    failures = gather(comparisons)[1]
    sections = [
        *([steps_section(output, by_seed)] if by_seed else []),
        *(ablations_section(output, one) for one in ablated),
    ]
    page = write_report(
        output,
        "Cleanplate: the paper's experiments",
        run.table.pairs(),
        failures,
        run.table.scenes,
        sections,
        facts=run.table.facts(),
    )
    results = [pair.result for pair in run.table.pairs()]
    found = {"results": results, "failed": [vars(failure) for failure in failures]}
    show(found if as_json else "\n".join([*map(row, results), "", f"open {page}"]))
    end(failures)


def download(
    dataset: Annotated[str, typer.Argument(metavar="cdnet2014", help="What to fetch.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    url: Annotated[str, typer.Option(help="Its address, instead of the usual one.")] = "",
    sha256: Annotated[str | None, typer.Option(help="The archive's checksum, if known.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch CDNet 2014, check and unpack it, and say which of its 53 videos are complete.

    The usual address is what changedetection.net gave; it is not verified. A transfer that breaks
    off goes on where it was when the command is repeated.
    """
    from cleanplate.scenes import download as fetching
    from cleanplate.terminal import bar

    if dataset != "cdnet2014":
        raise typer.BadParameter(f"{dataset!r} is unknown; only cdnet2014 can be fetched")
    with bar() as shown:
        for step in fetching.download(url or fetching.CDNET_2014_URL, output, sha256=sha256):
            shown.update(step.what, step.done_bytes, step.total_bytes)
    lying, found = fetching.unpacked(output), fetching.verify(output)
    assert lying is not None
    values = {"url": lying.url, "sha256": lying.sha256, **found.as_dict()}
    if as_json:
        show(values)
    else:
        faults = [f"{name}: {fault}" for name, fault in found.incomplete.items()]
        faults += [f"{name}: missing" for name in found.missing]
        head = [f"{found.dataset}: {len(found.complete)} of 53 videos complete"]
        show("\n".join([*head, f"SHA-256 {lying.sha256}", *faults]))
    if not found.is_complete:
        raise typer.Exit(1)


def _published(pairs: Sequence[str] | None) -> dict[str, Path]:
    """Read ``NAME=PATH`` options."""
    named: dict[str, Path] = {}
    for pair in pairs or ():
        name, equals, path = pair.partition("=")
        if not (name and equals and path):
            raise typer.BadParameter(f"{pair!r}: write --published NAME=PATH")
        if not Path(path).exists():
            raise typer.BadParameter(f"{path}: no such folder or zip; check the path")
        if name in named:
            raise typer.BadParameter(f"{name}: is given twice; give each its own name")
        named[name] = Path(path)
    return named


def follow(steps: Iterable[Progress]) -> None:
    """Run a comparison to its end, showing what it does."""
    from cleanplate.terminal import bar

    with bar() as shown:
        for step in steps:
            shown.update(
                f"{step.scene} {step.method}: {step.what}", round(100 * (step.share or 0)), 100
            )


def end(failures: Sequence[Failure]) -> None:
    """End with exit code 1 where something failed; the reasons were said as they came up."""
    if failures:
        raise typer.Exit(1)
