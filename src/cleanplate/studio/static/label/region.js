// Where pixels count at all: polygons to look inside of, polygons to leave out.

import { askJson } from "../core/api.js";
import { button, choice, el, fill } from "../core/dom.js";
import { icon } from "../core/icons.js";
import { tell } from "../core/messages.js";
import { get, refreshProject, watch } from "../core/state.js";
import { counted } from "../core/words.js";
import { Polygon } from "./polygon.js";

const NOTHING = { include: [], exclude: [] };

/**
 * Make the part of the panel that holds the region, and the tool that draws it.
 *
 * @param {Surface} surface
 * @param {() => void} started called when drawing shall begin
 */
export function makeRegion(surface, started) {
  let kind = "include";
  const list = el("ul", { class: "plain-list" });
  const tool = new Polygon(surface, (points) => {
    const drawn = points.map(({ x, y }) => [Math.round(x), Math.round(y)]);
    change((region) => region[kind].push(drawn));
  });

  async function change(edit) {
    await tell(async () => {
      const project = get("project");
      const region = structuredClone(project.region ?? NOTHING);
      edit(region);
      const revision = project.region_revision;
      const headers = revision ? { "If-Match": `${revision}` } : {};
      await askJson("PUT", "/region", { json: region, headers });
    });
    await refreshProject().catch(() => {});
  }

  let shown = null;

  function show() {
    const { region, region_revision: revision } = get("project");
    if (revision === shown) return;
    shown = revision;
    const entry = (which, name) =>
      region[which].map((points, index) =>
        el(
          "li",
          {},
          el("span", { text: `${name}: ${counted(points.length, "corner")}` }),
          button("Remove", () => change((changed) => changed[which].splice(index, 1)), {
            kind: "plain small",
            icon: icon("trash"),
            "aria-label": `Remove ${name.toLowerCase()} area ${index + 1}`,
          }),
        ),
      );
    const entries = [...entry("include", "Look inside"), ...entry("exclude", "Leave out")];
    fill(list, ...(entries.length ? entries : [el("li", { class: "hint", text: "The whole picture counts." })]));
    surface.ask();
  }
  watch("project", show);

  const kinds = choice(
    "Kind of area",
    [
      { value: "include", text: "Look inside" },
      { value: "exclude", text: "Leave out" },
    ],
    kind,
    (chosen) => (kind = chosen),
    { hideLegend: true },
  );
  const element = el(
    "details",
    { class: "panel-part" },
    el("summary", { text: "Region of interest" }),
    el("p", { class: "hint", text: "Outside of it nothing is learned, shown or scored." }),
    kinds.element,
    button("Draw an area", started, { icon: icon("region") }),
    list,
  );
  return { element, tool, draw: makeShade() };
}

/** Make what darkens all that does not count; the outlines are made once for each region. */
function makeShade() {
  let of = null;
  let include = null;
  let exclude = null;

  const outline = (areas) => {
    const made = new Path2D();
    for (const points of areas) {
      points.forEach(([x, y], i) => (i ? made.lineTo(x, y) : made.moveTo(x, y)));
      made.closePath();
    }
    return made;
  };

  return (context, viewport, { width, height }) => {
    const region = get("project")?.region ?? NOTHING;
    if (!region.include.length && !region.exclude.length) return;
    if (region !== of) {
      of = region;
      include = outline(region.include);
      exclude = outline(region.exclude);
    }
    context.save();
    context.translate(viewport.x, viewport.y);
    context.scale(viewport.scale, viewport.scale);
    context.fillStyle = "#0a0d12a0";
    if (region.include.length) {
      const outside = new Path2D(include);
      outside.rect(0, 0, width, height);
      context.fill(outside, "evenodd");
    }
    context.fill(exclude);
    context.strokeStyle = "#ffffffc0";
    context.lineWidth = 1.5 / viewport.scale; // on the screen
    context.setLineDash([6 / viewport.scale, 4 / viewport.scale]);
    context.stroke(include);
    context.stroke(exclude);
    context.restore();
  };
}
