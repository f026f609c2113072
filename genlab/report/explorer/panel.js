// What is seen of one run.

const REACH = 3; // standard deviations to either side of the plane
const COLOURS = ["#e6194b", "#3cb44b", "#ffe119", "#4f7bff", "#f58231", "#b04fd8", "#46f0f0", "#f032e6", "#bcf60c", "#fabebe"];
const colourOf = (label) => (label < COLOURS.length ? COLOURS[label] : `hsl(${(label * 137.5) % 360} 75% 60%)`);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// Numbers in [0, 1], (C, H, W) → a canvas of that size
function paint(canvas, pixels, [channels, height, width], left = 0, top = 0, whole = true) {
  if (whole && (canvas.width !== width || canvas.height !== height)) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  const size = width * height;
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) picture.data[4 * i + c] = Math.round(255 * pixels[(channels === 3 ? c * size : 0) + i]);
    picture.data[4 * i + 3] = 255;
  }
  context.putImageData(picture, left, top);
}

const said = (value, digits = 2) => value.toFixed(digits).replace("-", "−");

class Panel {
  // shared: {move(panel, point), explain(input)}, which change all runs
  constructor(model, shared) {
    this.model = model;
    this.shared = shared;
    const { about } = model;
    this.canvas = element("canvas", { role: "img", "aria-label": "the picture of this point" });
    this.inputCanvas = element("canvas", { role: "img", "aria-label": "what the encoder sees" });
    this.input = element("figure", { hidden: true }, this.inputCanvas, element("figcaption"));
    this.caption = element("figcaption");
    this.meter = element("meter", { min: 0, max: 1, "aria-label": "the discriminator's opinion" });
    this.judgement = element("p", { className: "judgement", hidden: !model.discriminator }, this.meter, element("span"));
    this.numbers = element("p", { className: "numbers", hidden: !model.encoder, "aria-live": "polite" });
    this.space = element("div", { className: "space" });
    this.root = element("section", { className: "panel" },
      element("h2", {}, `${about.model} on ${about.data}`),
      element("p", { className: "path" }, about.name),
      element("div", { className: "body" },
        element("div", { className: "seen" },
          element("div", { className: "stage" }, element("figure", {}, this.canvas, this.caption), this.input),
          this.judgement,
          this.numbers),
        this.space));
    if (about.latents > 1) this.addPlane();
    this.addSliders();
    this.root.append(facts(about));
  }

  addPlane() {
    const { about } = this.model;
    this.background = element("canvas", { className: "background" });
    this.overlay = element("canvas", {
      className: "overlay", tabIndex: 0, role: "application",
      "aria-label": "plane of the latent space: drag, or use the arrow keys, to move the point",
    });
    const names = about.latents === 2 ? ["latent 1", "latent 2"] : ["direction 1", "direction 2"];
    const toggle = (text, change) => {
      const box = element("input", { type: "checkbox", checked: true });
      box.addEventListener("change", () => change(box.checked));
      return element("label", {}, box, ` ${text}`);
    };
    this.showsCodes = Boolean(this.model.encoder);
    const toggles = element("p", { className: "row small toggles" }, toggle("pictures", (on) => (this.background.hidden = !on)));
    if (this.model.encoder) {
      toggles.append(toggle("codes of test images", (on) => {
        this.showsCodes = on;
        this.redraw();
      }));
    }
    this.space.append(element("figure", { className: "plane" },
      element("div", { className: "square" }, this.background, this.overlay),
      element("figcaption", { className: "small" }, `→ ${names[0]}, ↑ ${names[1]}, from −${REACH} to ${REACH} standard deviations`),
    ), toggles);
    if (this.model.encoder && about.classes.length) {
      this.space.append(element("ul", { className: "legend" }, ...about.classes.slice(0, 30).map((name, label) => {
        const mark = element("i");
        mark.style.background = colourOf(label);
        return element("li", {}, mark, name);
      })));
    }
    this.overlay.addEventListener("pointerdown", (event) => {
      this.overlay.setPointerCapture(event.pointerId);
      this.drag(event);
    });
    this.overlay.addEventListener("pointermove", (event) => {
      if (event.buttons) this.drag(event);
      else this.hover(event);
    });
    this.overlay.addEventListener("pointerleave", () => this.shared.hide());
    this.overlay.addEventListener("click", (event) => {
      const near = this.nearest(event, 9);
      if (near !== null && this.still) this.shared.explain(this.testImage(near));
    });
    this.overlay.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
      if (!way) return;
      event.preventDefault();
      const [x, y] = this.place(this.model.point);
      const step = event.shiftKey ? 0.5 : 0.1;
      this.moveTo(x + step * way[0], y + step * way[1]);
    });
  }

  addSliders() {
    const { about } = this.model;
    this.sliders = [];
    const add = (title, effect, direction, largest) => {
      const slider = element("input", { type: "range", min: -4, max: 4, step: 0.01 });
      const output = element("output");
      const bar = element("i", { className: "effect", title: `changes the picture by ${effect.toPrecision(3)} for each standard deviation` });
      bar.style.width = `${(100 * effect) / largest}%`;
      slider.addEventListener("input", () => {
        const change = Number(slider.value) - dot(direction, this.model.point);
        this.shared.move(this, this.model.point.map((u, i) => u + change * direction[i]));
      });
      this.sliders.push({ slider, output, direction });
      return element("label", { className: "slider" }, element("span", {}, title, bar), slider, output);
    };
    const one = (d) => Array.from({ length: about.latents }, (_, i) => Number(i === d));
    const order = [...about.effects.keys()].sort((a, b) => about.effects[b] - about.effects[a]);
    if (about.latents > 2) {
      const effects = about.strengths;
      this.space.append(element("h3", {}, "Principal directions"), element("div", { className: "sliders" },
        ...about.directions.map((direction, i) => add(`direction ${i + 1}`, effects[i], direction, effects[0]))));
    }
    const rows = order.map((d) => add(`latent ${d + 1}`, about.effects[d], one(d), about.effects[order[0]] || 1));
    this.space.append(element("h3", {}, about.latents > 2 ? "Single latents, those that change the picture most first" : "Latents"),
      element("div", { className: "sliders" }, ...rows.slice(0, 8)));
    if (rows.length > 8) {
      this.space.append(element("details", {}, element("summary", {}, `${rows.length - 8} more`), element("div", { className: "sliders" }, ...rows.slice(8))));
    }
  }

  // Coordinates in the plane
  place(point) {
    return this.model.axes.map((axis) => dot(axis, point));
  }

  moveTo(x, y) {
    const { axes, point } = this.model;
    const [oldX, oldY] = this.place(point);
    const limit = (value) => Math.max(-REACH, Math.min(REACH, value));
    this.shared.move(this, point.map((u, i) => u + (limit(x) - oldX) * axes[0][i] + (limit(y) - oldY) * axes[1][i]));
  }

  coordinates(event) {
    const box = this.overlay.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * 2 * REACH - REACH, REACH - ((event.clientY - box.top) / box.height) * 2 * REACH];
  }

  drag(event) {
    this.still = event.type === "pointerdown" || (this.still && Math.hypot(event.movementX, event.movementY) < 1);
    this.moveTo(...this.coordinates(event));
  }

  // The test image whose code is nearest, within some pixels of the screen; null if none is
  nearest(event, within) {
    if (!this.showsCodes) return null;
    const [x, y] = this.coordinates(event);
    const unit = this.overlay.getBoundingClientRect().width / (2 * REACH);
    let best = null;
    let least = within;
    this.model.codes.forEach((code, index) => {
      const [a, b] = this.place(code);
      const distance = Math.hypot(a - x, b - y) * unit;
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  }

  testImage(index) {
    const { labels, classes } = this.model.about;
    const label = this.model.about.shares ? labels[index] : undefined;
    return { image: this.model.images[index], label, title: classes.length ? `test image of class ${classes[labels[index]]}` : "test image" };
  }

  hover(event) {
    const near = this.nearest(event, 12);
    if (near === null) this.shared.hide();
    else this.shared.show(event, this.testImage(near), this.model.about.shape);
  }

  // Draw at the next frame
  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const { model } = this;
    const { shape } = model.about;
    const picture = model.picture().slice();
    paint(this.canvas, picture, shape);
    const input = model.input;
    this.caption.textContent = input && model.encoder ? "its reconstruction" : "decoded from the point";
    this.input.hidden = !input;
    this.numbers.replaceChildren();
    if (input) {
      paint(this.inputCanvas, model.encoder ? model.observed(input.image) : input.image, shape);
      this.input.querySelector("figcaption").textContent = input.title;
      if (model.about.bound) this.sayBound(model.bound());
      else if (model.encoder) this.numbers.append(`root of the mean squared difference: ${said(model.difference(), 3)} grey levels (white is 1)`);
    }
    if (model.discriminator) {
      const logit = model.logit(input ? input.image : picture);
      this.meter.value = sigmoid(logit);
      this.judgement.querySelector("span").textContent = ` D = ${said(sigmoid(logit))} for ${input ? `this ${input.title}` : "this picture"} (${said(logit)} before the sigmoid; 1 is real)`;
    }
    for (const { slider, output, direction } of this.sliders) {
      const value = dot(direction, model.point);
      if (document.activeElement !== slider || Math.abs(Number(slider.value) - value) > 0.006) slider.value = value;
      output.value = said(value);
    }
    if (this.overlay) this.drawPlane();
  }

  sayBound({ elbo, reconstruction, kl }) {
    const draws = this.model.about.noise.length;
    const seen = this.model.about.binary ? "x is cut at one half; " : "x is grey, so this is a surrogate of a bound; ";
    this.numbers.append(
      element("b", { className: "elbo" }, `ELBO ${said(elbo)}`), ` = reconstruction ${said(reconstruction)} − KL ${said(kl)} nats`,
      element("br"), element("span", { className: "small" }, `${seen}mean over ${draws} draws of z, always the same`));
    Object.assign(this.numbers.dataset, { elbo, reconstruction, kl });
  }

  drawPlane() {
    const { model, overlay } = this;
    const box = overlay.getBoundingClientRect();
    const side = Math.round(box.width * devicePixelRatio) || 300;
    if (overlay.width !== side) Object.assign(overlay, { width: side, height: side });
    const context = overlay.getContext("2d");
    context.clearRect(0, 0, side, side);
    const at = (point) => {
      const [x, y] = this.place(point);
      return [((x + REACH) / (2 * REACH)) * side, ((REACH - y) / (2 * REACH)) * side];
    };
    const radius = Math.max(2, side / 130);
    this.background.classList.toggle("faint", this.showsCodes);
    if (this.showsCodes) {
      context.lineWidth = radius / 3;
      context.strokeStyle = "#000";
      model.codes.forEach((code, index) => {
        context.fillStyle = colourOf(model.about.labels[index]);
        context.beginPath();
        context.arc(...at(code), radius, 0, 2 * Math.PI);
        context.fill();
        context.stroke();
      });
    }
    for (const [style, width] of [["#000", 5], ["#fff", 2]]) {
      const [x, y] = at(model.point);
      context.strokeStyle = style;
      context.lineWidth = width * devicePixelRatio;
      context.beginPath();
      context.arc(x, y, 8 * devicePixelRatio, 0, 2 * Math.PI);
      context.stroke();
    }
    this.prepare();
  }

  // Codes and the pictures of the plane, where those that are there are of another epoch or another part of the space
  prepare() {
    const { model } = this;
    const [x, y] = this.place(model.point);
    const base = model.point.map((u, i) => u - x * model.axes[0][i] - y * model.axes[1][i]);
    const key = `${model.epoch} ${model.label} ${[...base].map((u) => u.toFixed(2)).join(" ")}`;
    if (key === this.key) return;
    this.key = key;
    clearTimeout(this.timer);
    this.background.classList.add("stale");
    this.timer = setTimeout(() => {
      this.job = this.fill(base);
      this.go();
    }, model.about.latents === 2 ? 0 : 250);
  }

  *fill(base) {
    const { model, background } = this;
    const [channels, height, width] = model.about.shape;
    if (model.encoder && model.codes.length < model.images.length) {
      for (const [index, image] of model.images.entries()) {
        model.codes.push(model.code(image, model.about.shares ? model.about.labels[index] : 0));
        yield;
      }
      this.redraw();
    }
    const cells = model.about.latents === 2 ? 21 : 15;
    Object.assign(background, { width: cells * width, height: cells * height });
    background.classList.remove("stale");
    for (let row = 0; row < cells; row++) {
      for (let column = 0; column < cells; column++) {
        const [x, y] = [column, cells - 1 - row].map((cell) => ((cell + 0.5) / cells) * 2 * REACH - REACH);
        const point = base.map((u, i) => u + x * model.axes[0][i] + y * model.axes[1][i]);
        paint(background, model.picture(point), [channels, height, width], column * width, row * height, false);
        yield;
      }
    }
  }

  // The job, some milliseconds of each frame
  go() {
    const job = this.job;
    const step = () => {
      if (job !== this.job) return;
      const end = performance.now() + 10;
      while (performance.now() < end) {
        if (job.next().done) {
          this.root.dataset.ready = this.key;
          return;
        }
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }
}

function facts({ facts: rows }) {
  const table = element("table", {}, ...rows.map(([tag, value, how]) => element("tr", {},
    element("th", { scope: "row" }, tag), element("td", {}, value.replace("-", "−")), element("td", { className: "how" }, how))));
  return element("details", { className: "facts", hidden: !rows.length }, element("summary", {}, "Numbers of the run, on all test images"), table);
}
