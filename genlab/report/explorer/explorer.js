// The page: what all runs share, the drawing, and the way from noise.

const find = (selector, root = document) => root.querySelector(selector);

async function explore() {
  const exhibits = JSON.parse(find("#data").textContent);
  const ways = exhibits.filter((about) => about.traces);
  const models = exhibits.filter((about) => !about.traces).map((about) => new Model(about));
  await Promise.all(models.map((model) => model.load()));
  find("main").hidden = false;
  const hover = find("#hover");
  let pad = null;
  let walking = false;
  const stop = () => {
    walking = false;
    find("#walk").setAttribute("aria-pressed", "false");
  };
  const place = (point) => {
    for (const panel of panels) {
      if (panel.model.about.latents !== point.length) continue;
      panel.model.move(point);
      panel.redraw();
    }
    if (pad) pad.clear();
  };
  const shared = {
    move(panel, point) {
      stop();
      place(point);
    },
    explain(input) {
      stop();
      for (const panel of panels) {
        if (count(panel.model.about.shape) !== input.image.length) continue;
        if (input.label !== undefined) panel.model.tell(input.label);
        panel.model.explain(input);
        panel.redraw();
      }
      if (input.label !== undefined) find("#classes select").value = input.label;
      if (pad && input.title !== "drawing") pad.clear();
    },
    show(event, { image, title }, shape) {
      paint(find("canvas", hover), image, shape);
      find("span", hover).textContent = title;
      hover.hidden = false;
      hover.style.left = `${Math.min(event.clientX + 14, innerWidth - hover.offsetWidth - 4)}px`;
      hover.style.top = `${Math.max(4, event.clientY - hover.offsetHeight - 12)}px`;
    },
    hide() {
      hover.hidden = true;
    },
  };
  const panels = models.map((model) => new Panel(model, shared));
  document.body.classList.toggle("single", exhibits.length === 1);
  find("#runs").append(...panels.map((panel) => panel.root), ...(await Promise.all(ways.map(fromNoise))));
  find("#controls").hidden = !panels.length;
  find("#wait").remove();
  if (!panels.length) return;

  // The point that all share

  const first = panels[0];
  const all = (change) => {
    for (const latents of new Set(models.map((model) => model.about.latents))) {
      place(change(panels.find((panel) => panel.model.about.latents === latents)));
    }
  };
  const priors = models.every((model) => model.about.prior);
  find("#another").textContent = priors ? "Another sample" : "Another test image";
  find("#another").addEventListener("click", () => {
    stop();
    const source = models.find((model) => !model.about.prior);
    if (!source) return all((panel) => panel.model.another());
    const index = Math.floor(Math.random() * source.images.length);
    shared.explain(panels[models.indexOf(source)].testImage(index));
  });
  find("#centre").addEventListener("click", () => {
    stop();
    all((panel) => panel.model.point.map(() => 0));
  });
  find("#walk").addEventListener("click", () => {
    if (walking) return stop();
    walking = true;
    find("#walk").setAttribute("aria-pressed", "true");
    const legs = new Map();
    const step = (now) => {
      if (!walking) return;
      all((panel) => {
        let leg = legs.get(panel);
        if (!leg || now - leg.since > 1500) {
          leg = { start: Float64Array.from(panel.model.point), end: panel.model.another(), since: now };
          legs.set(panel, leg);
        }
        return panel.model.between(leg.start, leg.end, Math.min(1, (now - leg.since) / 1500));
      });
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  const ends = {};
  const keep = (name) => {
    ends[name] = models.map((model) => Float64Array.from(model.point));
    paint(find(`#keep-${name} canvas`), first.model.picture(), first.model.about.shape);
    find("#between").value = name === "a" ? 0 : 1;
  };
  for (const name of ["a", "b"]) find(`#keep-${name}`).addEventListener("click", () => keep(name));
  find("#between").addEventListener("input", () => {
    stop();
    const t = Number(find("#between").value);
    panels.forEach((panel, i) => {
      panel.model.move(panel.model.between(ends.a[i], ends.b[i], t));
      panel.redraw();
    });
    if (pad) pad.clear();
  });
  if (new Set(models.map((model) => model.about.latents)).size > 1) {
    find("#sharing").hidden = false;
    find("#sharing").textContent = "Runs with as many latents share the point; the others have their own. All share the drawing.";
  }
  addEpochs(panels);
  const told = models.find((model) => model.about.shares);
  if (told) {
    const select = find("#classes select");
    find("#classes").hidden = false;
    select.append(...told.about.shares.map((_, label) => element("option", { value: label }, (told.about.classes || [])[label] || String(label))));
    select.addEventListener("change", () => {
      for (const panel of panels) {
        panel.model.tell(Number(select.value));
        panel.redraw();
      }
    });
  }

  // What they are shown

  const drawn = panels.find(({ model }) => model.encoder || model.discriminator);
  if (drawn) {
    find("#drawing").hidden = false;
    pad = new Pad(find("#pad"), drawn.model.about.shape, (image) => shared.explain({ image, title: "drawing" }));
    find("#clear").addEventListener("click", () => {
      pad.clear();
      panels.forEach((panel) => {
        panel.model.move(panel.model.point);
        panel.redraw();
      });
    });
    drawn.model.images.slice(0, 40).forEach((_, index) => {
      const input = drawn.testImage(index);
      const canvas = element("canvas");
      paint(canvas, input.image, drawn.model.about.shape);
      const button = element("button", { type: "button", "aria-label": `${input.title}, number ${index + 1}` }, canvas);
      button.addEventListener("click", () => shared.explain(input));
      find("#images").append(button);
    });
  }
  for (const [index, name] of [[0, "b"], [1, "a"]]) {
    if (models.every((model) => model.encoder)) shared.explain(first.testImage(index));
    else all((panel) => panel.model.another());
    keep(name);
  }
  panels.forEach((panel) => panel.redraw());
  addEventListener("resize", () => panels.forEach((panel) => panel.redraw()));
}

// The epochs of all runs on one slider: each run shows its latest one up to there, and at the end its own weights
function addEpochs(panels) {
  const numbers = [...new Set(panels.flatMap(({ model }) => model.about.epochs.map(({ epoch }) => epoch)))].sort((a, b) => a - b);
  if (numbers.length < 2 || panels.every(({ model }) => model.about.epochs.length < 2)) return;
  const root = find("#epochs");
  const [button, slider, output] = ["button", "input", "output"].map((name) => find(name, root));
  root.hidden = false;
  slider.max = numbers.length - 1;
  slider.value = numbers.length - 1;
  const show = () => {
    const now = numbers[Number(slider.value)];
    output.value = `after epoch ${now}`;
    slider.setAttribute("aria-valuetext", output.value);
    for (const panel of panels) {
      const kept = panel.model.about.epochs;
      panel.model.choose(Math.max(0, kept.findLastIndex(({ epoch }) => epoch <= now)));
      panel.redraw();
    }
  };
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = "▶";
  };
  slider.addEventListener("input", () => {
    stop();
    show();
  });
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) === numbers.length - 1) slider.value = 0;
    show();
    button.textContent = "❚❚";
    timer = setInterval(() => {
      if (Number(slider.value) === numbers.length - 1) return stop();
      slider.value = Number(slider.value) + 1;
      show();
    }, 900);
  });
  show();
}

// Of a model that draws by changing noise: its pictures on the way, for the slider over t
async function fromNoise(about) {
  const { n, moments, axis, pixels } = about.traces;
  const levels = await unpack(pixels);
  const size = count(about.shape);
  const canvases = Array.from({ length: n }, () => element("canvas"));
  const slider = element("input", { type: "range", min: 0, max: moments - 1, step: 1, value: moments - 1, "aria-label": `${axis}, from noise to picture` });
  const output = element("output");
  const show = () => {
    const at = Number(slider.value);
    output.value = `${axis} = ${said(at / (moments - 1))}`;
    slider.setAttribute("aria-valuetext", output.value);
    canvases.forEach((canvas, i) => paint(canvas, Float32Array.from(levels.subarray((i * moments + at) * size, (i * moments + at + 1) * size), (x) => x / 255), about.shape));
  };
  slider.addEventListener("input", show);
  show();
  return element("section", { className: "panel" },
    element("h2", {}, `${about.model} on ${about.data}`),
    element("p", { className: "path" }, about.name),
    element("p", { className: "row way" }, element("span", {}, "noise"), slider, element("span", {}, "picture"), output),
    element("div", { className: "ways" }, ...canvases),
    facts(about));
}

explore().catch((error) => {
  const wait = find("#wait");
  if (!wait) throw error;
  wait.textContent = "DecompressionStream" in globalThis ? `This page is damaged: ${error.message}` : "This browser is too old to unpack the networks; take one of 2023 or later.";
});
