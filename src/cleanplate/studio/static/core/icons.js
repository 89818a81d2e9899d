// Small drawn icons; each stands beside or carries a text, none is the only name of a control.

import { svg } from "./dom.js";

const PATHS = {
  brush: "M14.5 3.500l2 2L8.5 13.500l-2.5.5.5-2.500zM5 14c-1.5 0-2 1.5-3 2.5 2 .8 4.5.3 4.5-1.5",
  eraser: "M3 12l7-8 6 5.5-5.5 6.500H6zM7 8l6 5.500M6 16h11",
  polygon: "M4 15L3 6l7-3 7 5-3 8zM3 6h.01M10 3h.01M17 8h.01M14 16h.01M4 15h.01",
  fill: "M8 3l8 8-6 6-7-7zM3 10h12M17 13c1 1.5 1 3 0 3s-1-1.5 0-3",
  hand: "M6 10V5.500a1.2 1.2 0 012.4 0V9V4a1.2 1.2 0 012.4 0v5V5a1.2 1.2 0 012.4 0v5V7.500a1.2 1.2 0 012.4 0V12c0 3.5-2 5.5-4.8 5.500S7 16 5 13l-1.5-2.500c1-1 2 0 2.5.5z",
  undo: "M7 4L3 8l4 4M3 8h8a5 5 0 010 9H8",
  redo: "M13 4l4 4-4 4M17 8H9a5 5 0 000 9h3",
  next: "M4 4l8 6-8 6zM15 4v12",
  play: "M6 4l10 6-10 6z",
  pause: "M6 4v12M13 4v12",
  previousFrame: "M14 4l-8 6 8 6z",
  nextFrame: "M6 4l8 6-8 6z",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  help: "M7 7.500a3 3 0 115 2.200c-1.3.9-2 1.3-2 2.800M10 16h.01",
  sun: "M10 6.500a3.5 3.5 0 100 7 3.5 3.5 0 000-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.5 10H18M4.3 4.300l1 1M14.7 14.700l1 1M4.3 15.700l1-1M14.7 5.300l1-1",
  moon: "M16 12A7 7 0 018 4a6.5 6.5 0 108 8z",
  check: "M4 10.500l4 4 8-9",
  close: "M5 5l10 10M15 5L5 15",
  video: "M3 5h10v10H3zM13 9l4-2.500v7L13 11",
  folder: "M3 5h5l2 2h7v9H3z",
  upload: "M10 14V4M6 8l4-4 4 4M3 16h14",
  download: "M10 4v10M6 10l4 4 4-4M3 17h14",
  record: "M10 5.500a4.5 4.5 0 100 9 4.5 4.5 0 000-9z",
  region: "M3 3h3M9 3h3M15 3h2v3M17 9v3M17 15v2h-3M11 17H8M5 17H3v-3M3 11V8",
  spark: "M10 2.500l1.7 5.3 5.3 1.7-5.3 1.800L10 17l-1.7-5.700L3 9.500l5.3-1.700z",
  copy: "M7 7h9v9H7zM4 13V4h9",
  trash: "M4 6h12M8 6V4h4v2M6 6l1 11h6l1-11",
};

/** Return the icon of that name. */
export function icon(name) {
  return svg(
    "svg",
    { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] }),
  );
}
