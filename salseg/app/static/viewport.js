// A canvas that is looked at through a window: zoom by wheel, pan by dragging, and pixels of the image for each event.

// The palette begins with half of full scale, which is dark on an image.
const BRIGHTER = 1.7;

export class Viewport {
  constructor(stage, draw) {
    this.canvas = document.createElement('canvas');
    this.canvas.tabIndex = 0;
    stage.append(this.canvas);
    this.context = this.canvas.getContext('2d');
    this.draw = draw;
    this.width = this.height = 1;
    this.scale = 1;
    this.x = this.y = 0;
    this.waiting = false;
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(stage);
    this.canvas.addEventListener('wheel', (event) => {
      event.preventDefault();
      const [x, y] = this.inside(event);
      this.zoom(Math.exp(-event.deltaY * 0.0016), x, y);
    }, { passive: false });
  }

  // What it shows may be gone: nothing is drawn any more.
  close() {
    this.watcher.disconnect();
    this.closed = true;
  }

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    const first = this.canvas.width === 300 && this.scale === 1;
    this.ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(box.width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(box.height * this.ratio));
    if (first || this.fitted) this.fit();
    else this.refresh();
  }

  show(width, height) {
    this.width = width;
    this.height = height;
    this.resize();
    this.fit();
  }

  fit() {
    const wide = this.canvas.width / this.ratio - 40, high = this.canvas.height / this.ratio - 40;
    this.scale = Math.max(1e-3, Math.min(wide / this.width, high / this.height, 8));
    this.x = (this.canvas.width / this.ratio - this.width * this.scale) / 2;
    this.y = (this.canvas.height / this.ratio - this.height * this.scale) / 2;
    this.fitted = true;
    this.refresh();
  }

  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const scale = Math.min(40, Math.max(0.02, this.scale * factor));
    this.x = x - (x - this.x) * scale / this.scale;
    this.y = y - (y - this.y) * scale / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.refresh();
  }

  pan(x, y) {
    this.x += x;
    this.y += y;
    this.fitted = false;
    this.refresh();
  }

  inside(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  pixel(event) {
    const [x, y] = this.inside(event);
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  refresh() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.closed) return;
      const context = this.context, ratio = this.ratio || 1;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      context.setTransform(this.scale * ratio, 0, 0, this.scale * ratio, this.x * ratio, this.y * ratio);
      context.imageSmoothingEnabled = this.scale < 3;
      this.draw(context);
    });
  }
}

// A map as a colour that is as opaque as the map is bright.
export function tinted(image, colour, limit = 1400) {
  const scale = Math.min(1, limit / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let place = 0; place < pixels.data.length; place += 4) {
    pixels.data[place + 3] = pixels.data[place] * 0.62;
    [pixels.data[place], pixels.data[place + 1], pixels.data[place + 2]] = colour;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// The colour of an id: that of the palette of the mask files, brighter.
export function colour(id) {
  const found = [0, 0, 0];
  for (let bit = 0, rest = id; bit < 8; bit += 1, rest >>= 3) for (let channel = 0; channel < 3; channel += 1) found[channel] |= ((rest >> channel) & 1) << (7 - bit);
  return found.map((value) => Math.min(255, Math.round(value * BRIGHTER)));
}

// Labels in colours on black, as the palette files of tracks are, without the black.
export function coloured(image) {
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let place = 0; place < pixels.data.length; place += 4) {
    const lit = pixels.data[place] || pixels.data[place + 1] || pixels.data[place + 2];
    pixels.data[place + 3] = lit ? 150 : 0;
    for (let channel = 0; channel < 3; channel += 1) pixels.data[place + channel] *= BRIGHTER;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
