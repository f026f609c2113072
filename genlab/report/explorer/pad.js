// Drawing with mouse, finger or keyboard.

const BRUSH = 1.3; // pixels of the picture, on a picture of 28

class Pad {
  // changed: gets the picture, (C, H, W) in [0, 1], after each stroke's step
  constructor(canvas, shape, changed) {
    Object.assign(this, { canvas, shape, changed, cursor: null, last: null });
    const [, height, width] = shape;
    this.grey = new Float32Array(height * width);
    canvas.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      canvas.focus();
      canvas.setPointerCapture(event.pointerId);
      this.last = this.at(event);
      this.stroke(this.last, this.last);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!event.buttons || !this.last) return;
      for (const each of event.getCoalescedEvents ? event.getCoalescedEvents() : [event]) {
        const here = this.at(each);
        this.stroke(this.last, here);
        this.last = here;
      }
    });
    canvas.addEventListener("pointerup", () => (this.last = null));
    canvas.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!way && event.key !== " ") return;
      event.preventDefault();
      this.cursor = this.cursor || [width / 2, height / 2];
      const before = this.cursor;
      if (way) this.cursor = [Math.max(0, Math.min(width, before[0] + way[0])), Math.max(0, Math.min(height, before[1] + way[1]))];
      if (event.key === " ") this.down = !this.down;
      if (this.down) this.stroke(before, this.cursor);
      else this.paint();
    });
    canvas.addEventListener("blur", () => {
      this.down = false;
      this.cursor = null;
      this.paint();
    });
    this.paint();
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * this.shape[2], ((event.clientY - box.top) / box.height) * this.shape[1]];
  }

  // A line, as the pen of MNIST draws: white inside, soft at its edge
  stroke([x0, y0], [x1, y1]) {
    const [, height, width] = this.shape;
    const brush = (BRUSH * Math.min(height, width)) / 28;
    const length = Math.hypot(x1 - x0, y1 - y0);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [x, y] = [column + 0.5 - x0, row + 0.5 - y0];
        const t = length ? Math.max(0, Math.min(1, (x * (x1 - x0) + y * (y1 - y0)) / length ** 2)) : 0;
        const distance = Math.hypot(x - t * (x1 - x0), y - t * (y1 - y0));
        const grey = Math.max(0, Math.min(1, brush + 0.5 - distance));
        this.grey[row * width + column] = Math.max(this.grey[row * width + column], grey);
      }
    }
    this.paint();
    this.changed(this.picture());
  }

  picture() {
    const [channels] = this.shape;
    const picture = new Float32Array(channels * this.grey.length);
    for (let c = 0; c < channels; c++) picture.set(this.grey, c * this.grey.length);
    return picture;
  }

  paint() {
    paint(this.canvas, this.picture(), this.shape);
    if (!this.cursor) return;
    const context = this.canvas.getContext("2d");
    context.fillStyle = this.down ? "#f00" : "#f90";
    context.fillRect(Math.min(this.cursor[0], this.shape[2] - 1), Math.min(this.cursor[1], this.shape[1] - 1), 1, 1);
  }

  clear() {
    this.grey.fill(0);
    this.paint();
  }
}
