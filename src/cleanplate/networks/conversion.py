"""A model file's two graphs, traced for another engine."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from cleanplate.networks.card import working_size
from cleanplate.networks.graphs import DecisionGraph, SurroundingsGraph
from cleanplate.networks.weights import load_model


class Graph(NamedTuple):
    """A part of a model with inputs to trace it by.

    Attributes:
        name: ``surroundings`` or ``decision``; its file is called so.
        module: the part.
        inputs: of the right shapes and types.
    """

    name: str
    module: nn.Module
    inputs: tuple[Tensor, ...]


@torch.no_grad()
def graphs_of(model: Path) -> list[Graph]:
    """Load a model and return its parts.

    Raises:
        WeightsError: see `load_model`.
    """
    net, card = load_model(model)
    size = working_size(card.configuration, card.frame_size)
    frames = torch.zeros(1, *size, 3, dtype=torch.uint8)
    kept = () if net.long_term is None else (net.long_term,)
    surroundings = SurroundingsGraph(net).eval()
    decision = DecisionGraph(net, size, card.operating_point.temperature).eval()
    context = surroundings(frames, *kept).context
    return [
        Graph("surroundings", surroundings, (frames, *kept)),
        Graph("decision", decision, (frames, context)),
    ]


def _is_no_exporters(record: logging.LogRecord) -> bool:
    return record.name != "root"  # OpenVINO logs there what its own tables lack


@contextmanager
def quiet() -> Iterator[None]:
    """Keep exporters from telling users of what is no concern of theirs."""
    root = logging.getLogger()
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.addFilter(_is_no_exporters)
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            root.removeFilter(_is_no_exporters)
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def exported(graph: Graph) -> Any:
    """Trace a graph with torch.export."""
    with torch.no_grad():
        return torch.export.export(graph.module, graph.inputs)
