"use strict";
// Sliders that change pictures, and what a chart says under the pointer.

const pictures = JSON.parse(document.getElementById("pictures").textContent);
for (const image of document.querySelectorAll("img[data-picture][src]")) pictures[image.dataset.picture] = image.src;
for (const image of document.querySelectorAll("img[data-picture]:not([src])")) image.src = pictures[image.dataset.picture];

for (const gallery of document.querySelectorAll(".gallery")) {
  const slider = gallery.querySelector("input");
  if (!slider) continue;
  const button = gallery.querySelector("button");
  const positions = JSON.parse(gallery.dataset.positions);
  const strips = [...gallery.querySelectorAll("figure")].map((figure) => {
    const image = figure.querySelector("img");
    return {
      image,
      frames: JSON.parse(image.dataset.frames),
      caption: figure.querySelector(".caption"),
      captions: JSON.parse(figure.dataset.captions),
    };
  });
  const show = () => {
    const at = Number(slider.value);
    gallery.querySelector("output").value = positions[at];
    slider.setAttribute("aria-valuetext", positions[at]);
    for (const { image, frames, caption, captions } of strips) {
      const picture = frames[at];
      image.classList.toggle("none", picture === null);
      if (picture !== null) {
        image.hidden = false;
        image.src = pictures[picture];
      }
      caption.textContent = captions[at];
    }
  };
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = "▶";
  };
  slider.addEventListener("input", () => { stop(); show(); });
  slider.value = positions.length - 1; // a browser that comes back keeps another
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) === positions.length - 1) slider.value = 0;
    show();
    button.textContent = "❚❚";
    timer = setInterval(() => {
      if (Number(slider.value) === positions.length - 1) return stop();
      slider.value = Number(slider.value) + 1;
      show();
    }, 400);
  });
}

const said = (value) => {
  const size = Math.abs(value);
  return (size >= 1e6 || (size < 1e-3 && size > 0) ? value.toExponential(2) : String(Number(value.toPrecision(4)))).replace("-", "−");
};

const readout = document.createElement("div");
readout.className = "readout";
readout.hidden = true;
document.body.append(readout);

for (const plot of document.querySelectorAll("svg.plot")) {
  const scale = plot.dataset.scale.split(" ").map(Number);
  const [left, top, width, height] = plot.dataset.frame.split(" ").map(Number);
  const value = (axis, place) => {
    const [low, high, start, end, log] = scale.slice(5 * axis, 5 * axis + 5);
    const share = (place - start) / (end - start);
    return log ? 10 ** (Math.log10(low) + share * Math.log10(high / low)) : low + share * (high - low);
  };
  const lines = [...plot.querySelectorAll("polyline[data-name]")]
    .map((line) => ({ line, points: line.getAttribute("points").split(" ").filter(Boolean).map((p) => p.split(",").map(Number)) }))
    .filter(({ points }) => points.length > 1)
    .reverse();
  if (!lines.length) continue;
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
  cursor.setAttribute("class", "cursor");
  cursor.setAttribute("y1", top);
  cursor.setAttribute("y2", top + height);
  cursor.style.display = "none";
  plot.append(cursor);
  const hide = () => {
    readout.hidden = true;
    cursor.style.display = "none";
  };
  const show = (event) => {
    const box = plot.getBoundingClientRect();
    const unit = box.width / plot.viewBox.baseVal.width;
    const x = (event.clientX - box.left) / unit;
    if (x < left || x > left + width) return hide();
    const near = lines
      .filter(({ points }) => x >= points[0][0] - 8 && x <= points[points.length - 1][0] + 8)
      .map(({ line, points }) => ({ line, point: points.reduce((a, b) => (Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a)) }))
      .sort((a, b) => Math.abs(a.point[1] - (event.clientY - box.top) / unit) - Math.abs(b.point[1] - (event.clientY - box.top) / unit))
      .slice(0, 6);
    if (!near.length) return hide();
    const at = near[0].point[0];
    cursor.setAttribute("x1", at);
    cursor.setAttribute("x2", at);
    cursor.style.display = "";
    const head = document.createElement("b");
    head.textContent = `${said(value(0, at))} ${plot.dataset.x}`;
    readout.replaceChildren(head, ...near.map(({ line, point }) => {
      const row = document.createElement("div");
      row.textContent = `${line.dataset.name}: ${said(value(1, point[1]))}`;
      return row;
    }));
    readout.hidden = false;
    const room = document.documentElement.clientWidth - readout.offsetWidth - 8;
    readout.style.left = `${Math.max(4, Math.min(event.clientX + 14, room))}px`;
    readout.style.top = `${Math.max(4, event.clientY - readout.offsetHeight - 12)}px`;
  };
  plot.addEventListener("pointermove", show);
  plot.addEventListener("pointerdown", show);
  plot.addEventListener("pointerleave", hide);
}

// Runs that are not compared stay folded until their kind is ticked; words choose among all.
const filter = document.querySelector(".filter");
if (filter) {
  const choose = () => {
    const asked = filter.querySelector("[type=search]").value.toLowerCase().split(/\s+/);
    const folded = [...filter.querySelectorAll("[type=checkbox]:not(:checked)")].map((kind) => kind.value);
    for (const run of document.querySelectorAll("#runs tbody tr, #details > details")) {
      const words = `${run.dataset.words} ${(run.querySelector("summary") ?? run).textContent}`.toLowerCase();
      run.hidden = folded.includes(run.dataset.kind) || !asked.every((word) => words.includes(word));
    }
  };
  filter.addEventListener("input", choose);
  filter.addEventListener("submit", (event) => event.preventDefault());
  choose();
}

const reveal = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === "DETAILS") target.open = true;
};
addEventListener("hashchange", reveal);
reveal();
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("details:not(.settings)")) one.open = true;
});
