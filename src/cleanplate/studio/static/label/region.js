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

  function show() {
    const region = get("project")?.region ?? NOTHING;
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
  return { element, tool, draw: drawRegion };
}

/** Darken what does not count. */
function drawRegion(context, viewport, size) {
  const region = get("project")?.region ?? NOTHING;
  const path = (areas) => {
    const made = new Path2D();
    for (const points of areas) {
      points.forEach(([x, y], i) => {
        const at = viewport.toScreen({ x, y });
        if (i) made.lineTo(at.x, at.y);
        else made.moveTo(at.x, at.y);
      });
      made.closePath();
    }
    return made;
  };
  context.fillStyle = "#0a0d12a0";
  if (region.include.length) {
    const all = path(region.include);
    const from = viewport.toScreen({ x: 0, y: 0 });
    all.rect(from.x, from.y, size.width * viewport.scale, size.height * viewport.scale);
    context.fill(all, "evenodd");
  }
  context.fill(path(region.exclude));
  context.strokeStyle = "#ffffffc0";
  context.lineWidth = 1.5;
  context.setLineDash([6, 4]);
  context.stroke(path(region.include));
  context.stroke(path(region.exclude));
  context.setLineDash([]);
}
