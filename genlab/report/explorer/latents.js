// One run: its networks, its latent point, and what follows from it. No page here.

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const norm = (a) => Math.sqrt(dot(a, a));

// N(0, 1), by Box and Muller
const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

class Model {
  // about: an exhibit, see exhibit.py. The point is u, where z = mean + scale · u.
  constructor(about) {
    this.about = about;
    this.point = new Float64Array(about.latents);
    this.input = null; // the picture that the point is the code of: {x, label}
    this.epochs = [];
    this.label = 0;
  }

  async load() {
    const { images, shape, epochs, shapes } = this.about;
    this.images = [];
    if (images) {
      const pixels = await unpack(images.pixels);
      const size = count(shape);
      for (let i = 0; i < images.n; i++) this.images.push(Float32Array.from(pixels.subarray(i * size, (i + 1) * size), (level) => level / 255));
    }
    this.epochs = await Promise.all(epochs.map((epoch) => tensorsOf(epoch, shapes)));
    this.choose(this.epochs.length - 1);
  }

  // The weights of an epoch
  choose(index) {
    this.epoch = index;
    this.made = {};
    this.codes = [];
    if (this.input) this.explain(this.input);
  }

  // The label that the networks are told, of a conditional model
  tell(label) {
    if (!this.about.shares) return;
    this.label = label;
    if (this.input) this.explain(this.input);
  }

  network(role, label = this.label) {
    const versions = this.about.networks[role];
    if (!versions) return null;
    const key = `${role} ${label}`;
    this.made[key] = this.made[key] || new Network(versions[label], this.epochs[this.epoch]);
    return this.made[key];
  }

  get decoder() {
    return this.network("decoder");
  }

  get encoder() {
    return this.network("encoder");
  }

  get discriminator() {
    return this.network("discriminator");
  }

  latent(point) {
    const { mean, scale } = this.about;
    return Float32Array.from(point, (u, i) => mean[i] + scale[i] * u);
  }

  picture(point = this.point) {
    return this.decoder.run(this.latent(point))[0];
  }

  // What the encoder sees of a picture
  observed(image) {
    return this.about.binary ? image.map((grey) => (grey > 0.5 ? 1 : 0)) : image;
  }

  code(image, label = this.label) {
    const { mean, scale } = this.about;
    return Float64Array.from(this.network("encoder", label).run(this.observed(image))[0], (z, i) => (z - mean[i]) / scale[i]);
  }

  // Make a picture's code the point
  explain(input) {
    this.input = input;
    if (this.encoder) this.point = this.code(input.image);
  }

  move(point) {
    this.point = Float64Array.from(point);
    this.input = null;
  }

  // The bound of the picture, and its parts, in nats: the mean over draws of z that never change
  bound() {
    const x = this.observed(this.input.image);
    const [mu, logVar] = this.encoder.run(x).map((values) => Float64Array.from(values));
    let kl = this.about.shares ? -Math.log(this.about.shares[this.label]) : 0; // of the label, which is known
    for (let i = 0; i < mu.length; i++) kl += 0.5 * (mu[i] ** 2 + Math.expm1(logVar[i]) - logVar[i]);
    let reconstruction = 0;
    for (const noise of this.about.noise) {
      this.decoder.run(Float32Array.from(mu, (m, i) => m + Math.exp(logVar[i] / 2) * noise[i]));
      const logits = this.decoder.logits;
      for (let i = 0; i < x.length; i++) reconstruction += (x[i] * logits[i] - softplus(logits[i])) / this.about.noise.length;
    }
    return { elbo: reconstruction - kl, reconstruction, kl };
  }

  // Root of the mean squared difference between the picture and its reconstruction, in grey levels (white is 1)
  difference() {
    const x = this.observed(this.input.image);
    const shown = this.picture();
    return Math.sqrt(shown.reduce((sum, value, i) => sum + (value - x[i]) ** 2, 0) / x.length);
  }

  logit(image) {
    return this.discriminator.run(image)[0][0];
  }

  // From the prior; without one, the code of a test image
  another() {
    if (this.about.prior) return Float64Array.from(this.point, normal);
    return this.code(this.images[Math.floor(Math.random() * this.images.length)]);
  }

  // The two ways that the plane is spanned by
  get axes() {
    const { latents, directions } = this.about;
    if (latents === 2) return [[1, 0], [0, 1]];
    return directions.slice(0, 2);
  }

  between(start, end, t) {
    return between(start, end, t, this.about.prior);
  }
}

// Along the great circle where codes are meant to be N(0, I), which lies close to a sphere, else straight
function between(start, end, t, arc) {
  const lengths = [norm(start), norm(end)];
  const cosine = dot(start, end) / (lengths[0] * lengths[1] || 1);
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  const sine = Math.sin(angle);
  if (!arc || sine < 1e-6 || t === 0 || t === 1) return Float64Array.from(start, (value, i) => (1 - t) * value + t * end[i]);
  const length = (1 - t) * lengths[0] + t * lengths[1];
  return Float64Array.from(start, (value, i) =>
    (length * ((Math.sin((1 - t) * angle) * value) / lengths[0] + (Math.sin(t * angle) * end[i]) / lengths[1])) / sine);
}
