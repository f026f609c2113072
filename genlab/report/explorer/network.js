"use strict";
// Weights out of their text, and the layers computed with them.

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;,=>?@^_`{|}~";

// Five characters → four bytes; deflated bytes → bytes
async function unpack(text) {
  const value = new Uint8Array(128);
  for (let i = 0; i < 85; i++) value[ALPHABET.charCodeAt(i)] = i;
  const whole = Math.ceil(text.length / 5);
  const bytes = new Uint8Array(whole * 4);
  for (let i = 0; i < whole; i++) {
    let word = 0;
    for (let j = 0; j < 5; j++) {
      const at = 5 * i + j;
      word = word * 85 + (at < text.length ? value[text.charCodeAt(at)] : 84);
    }
    bytes[4 * i] = word / 2 ** 24;
    bytes[4 * i + 1] = word >>> 16;
    bytes[4 * i + 2] = word >>> 8;
    bytes[4 * i + 3] = word;
  }
  const content = bytes.subarray(0, bytes.length - (5 * whole - text.length));
  const stream = new Blob([content]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const count = (shape) => shape.reduce((product, size) => product * size, 1);

// See packing.py: float32 numbers of each tensor in turn, then the upper bits of all matrices, then the lower ones
async function tensorsOf({ weights, bits }, shapes) {
  const bytes = await unpack(weights);
  const floats = shapes.reduce((sum, shape) => sum + (shape.length < 2 ? count(shape) : shape[0]), 0);
  const numbers = new DataView(bytes.buffer, 0, 4 * floats);
  const total = shapes.reduce((sum, shape) => sum + (shape.length < 2 ? 0 : count(shape)), 0);
  const upper = bytes.subarray(4 * floats, 4 * floats + total);
  const lower = bytes.subarray(4 * floats + total);
  const middle = 2 ** (bits - 1);
  const extra = bits - 8;
  const lowerBits = (index) => {
    const at = extra * index;
    const two = (lower[at >> 3] << 8) | (lower[(at >> 3) + 1] || 0);
    return (two >> (16 - extra - (at & 7))) & (2 ** extra - 1);
  };
  let nextFloat = 0;
  let next = 0;
  return shapes.map((shape) => {
    const tensor = new Float32Array(count(shape));
    if (shape.length < 2) {
      for (let i = 0; i < tensor.length; i++) tensor[i] = numbers.getFloat32(4 * nextFloat++, true);
      return tensor;
    }
    const columns = tensor.length / shape[0];
    for (let i = 0; i < tensor.length; i++, next++) {
      const scale = numbers.getFloat32(4 * (nextFloat + Math.floor(i / columns)), true);
      tensor[i] = (upper[next] * 2 ** extra + (extra ? lowerBits(next) : 0) - middle) * scale;
    }
    nextFloat += shape[0];
    return tensor;
  });
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const softplus = (x) => (x > 0 ? x : 0) + Math.log1p(Math.exp(-Math.abs(x)));

// Abramowitz & Stegun 1964, 7.1.26: right to 1.5e-7
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const y = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - y * Math.exp(-x * x));
}

const ACTIVATIONS = {
  relu: () => (x) => (x > 0 ? x : 0),
  leaky_relu: ([slope = 0.01]) => (x) => (x > 0 ? x : slope * x),
  tanh: () => Math.tanh,
  sigmoid: () => sigmoid,
  gelu: ([approximate]) =>
    approximate === "tanh"
      ? (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
      : (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  silu: () => (x) => x * sigmoid(x),
  softplus: ([beta = 1]) => (x) => softplus(beta * x) / beta,
  elu: ([alpha = 1]) => (x) => (x > 0 ? x : alpha * Math.expm1(x)),
};

// A row of a matrix times a vector; four sums, because one would wait for each of its additions
function rowTimes(matrix, row, x) {
  const whole = x.length - (x.length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  let at = row * x.length;
  for (let i = 0; i < whole; i += 4, at += 4) {
    a += matrix[at] * x[i];
    b += matrix[at + 1] * x[i + 1];
    c += matrix[at + 2] * x[i + 2];
    d += matrix[at + 3] * x[i + 3];
  }
  for (let i = whole; i < x.length; i++) a += matrix[at++] * x[i];
  return a + b + c + d;
}

// The numbers of an image (C, H, W) that lie below a kernel: their places in the kernel's patch and in the image
function eachInWindow([channels, height, width], [high, wide], top, left, visit) {
  const [first, end] = [Math.max(0, -left), Math.min(wide, width - left)];
  for (let channel = 0; channel < channels; channel++) {
    for (let i = Math.max(0, -top); i < Math.min(high, height - top); i++) {
      const part = (channel * high + i) * wide;
      const line = (channel * height + top + i) * width + left;
      for (let j = first; j < end; j++) visit(part + j, line + j);
    }
  }
}

const LAYERS = {
  linear({ size }, [x], y, [weight, bias]) {
    for (let row = 0; row < size; row++) y[row] = (bias ? bias[row] : 0) + rowTimes(weight, row, x);
  },
  conv2d({ from, to: [maps, rows, columns], kernel, stride, padding }, [x], y, [weight, bias]) {
    const patch = new Float32Array(from[0] * count(kernel));
    for (let at = 0; at < rows * columns; at++) {
      patch.fill(0); // outside of the image
      eachInWindow(from, kernel, Math.floor(at / columns) * stride - padding, (at % columns) * stride - padding, (i, place) => (patch[i] = x[place]));
      for (let map = 0; map < maps; map++) y[map * rows * columns + at] = (bias ? bias[map] : 0) + rowTimes(weight, map, patch);
    }
  },
  conv_transpose2d({ from: [channels, height, width], to, kernel, stride, padding }, [x], y, [weight, bias]) {
    const [maps, rows, columns] = to;
    for (let map = 0; map < maps; map++) y.fill(bias ? bias[map] : 0, map * rows * columns, (map + 1) * rows * columns);
    const patch = new Float32Array(maps * count(kernel));
    for (let at = 0; at < height * width; at++) {
      patch.fill(0);
      for (let channel = 0; channel < channels; channel++) {
        const value = x[channel * height * width + at];
        if (value === 0) continue; // most are, behind a ReLU
        for (let i = 0, k = channel * patch.length; i < patch.length; i++) patch[i] += value * weight[k++];
      }
      eachInWindow(to, kernel, Math.floor(at / width) * stride - padding, (at % width) * stride - padding, (i, place) => (y[place] += patch[i]));
    }
  },
  affine(_, [x], y, [scale, shift]) {
    const inner = x.length / scale.length;
    for (let i = 0; i < x.length; i++) y[i] = x[i] * scale[Math.floor(i / inner)] + shift[Math.floor(i / inner)];
  },
  total(_, [x], y) {
    y[0] = x.reduce((sum, value) => sum + value, 0);
  },
  add(_, [a, b], y) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] + b[i];
  },
  mul(_, [a, b], y) {
    for (let i = 0; i < y.length; i++) y[i] = a[i] * b[i];
  },
  piece({ start }, [x], y) {
    for (let i = 0; i < y.length; i++) y[i] = x[start + i];
  },
  join(_, parts, y) {
    let at = 0;
    for (const part of parts) {
      y.set(part, at);
      at += part.length;
    }
  },
};

class Network {
  // described: see network.py; tensors: of the run and epoch
  constructor(described, tensors) {
    this.outputs = described.outputs;
    this.arrays = [null, ...described.layers.map((layer) => new Float32Array(layer.size))];
    this.steps = described.layers.map((layer) => {
      const mine = (layer.tensors || []).map((index) => (index === null ? null : tensors[index]));
      if (!(layer.op in ACTIVATIONS)) return (arrays) => LAYERS[layer.op](layer, layer.in.map((i) => arrays[i]), arrays[layer.out], mine);
      const map = ACTIVATIONS[layer.op](layer.options || []);
      return (arrays) => {
        const x = arrays[layer.in[0]];
        const y = arrays[layer.out];
        for (let i = 0; i < x.length; i++) y[i] = map(x[i]);
      };
    });
    // Of a network that ends in a sigmoid, what goes into it
    const last = described.layers[described.layers.length - 1];
    this.before = last && last.op === "sigmoid" ? last.in[0] : null;
  }

  // The outputs, which hold until the next call
  run(input) {
    this.arrays[0] = input;
    for (const step of this.steps) step(this.arrays);
    return this.outputs.map((index) => this.arrays[index]);
  }

  get logits() {
    return this.arrays[this.before];
  }
}
