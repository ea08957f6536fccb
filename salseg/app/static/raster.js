// Scribbles as codes, one byte a pixel of the image, without soft edges. Of images: 0 unknown, 1 object, 2 background.

const COLOURS = [[0, 0, 0, 0], [229, 72, 47, 235], [42, 111, 219, 235]];

export class Raster {
  constructor(width, height, codes, colours = (code) => COLOURS[code]) {
    this.width = width;
    this.height = height;
    this.codes = codes;
    this.colours = colours;
    this.layer = document.createElement('canvas');
    this.layer.width = width;
    this.layer.height = height;
    this.context = this.layer.getContext('2d');
    this.past = [];
    this.future = [];
    this.show(0, 0, width, height);
  }

  // One movement of the pen is one step of undo.
  begin() {
    this.before = this.codes.slice();
    this.touched = [Infinity, Infinity, -1, -1];
  }

  // A round pen of some radius from one point to another, in pixels of the image; a pixel's centre is at its half.
  line(x0, y0, x1, y1, radius, code) {
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius)), right = Math.min(this.width - 1, Math.ceil(Math.max(x0, x1) + radius));
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius)), bottom = Math.min(this.height - 1, Math.ceil(Math.max(y0, y1) + radius));
    if (left > right || top > bottom) return;
    const dx = x1 - x0, dy = y1 - y0, length = dx * dx + dy * dy, limit = radius * radius;
    for (let y = top; y <= bottom; y += 1) {
      for (let x = left; x <= right; x += 1) {
        const px = x + 0.5 - x0, py = y + 0.5 - y0;
        const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
        const ex = px - along * dx, ey = py - along * dy;
        if (ex * ex + ey * ey <= limit) this.codes[y * this.width + x] = code;
      }
    }
    const t = this.touched || [Infinity, Infinity, -1, -1];
    this.touched = [Math.min(t[0], left), Math.min(t[1], top), Math.max(t[2], right), Math.max(t[3], bottom)];
    this.show(left, top, right - left + 1, bottom - top + 1);
  }

  // Whether anything changed.
  end() {
    const [left, top, right, bottom] = this.touched;
    const before = this.before;
    this.before = null;
    if (right < 0) return false;
    const size = [left, top, right - left + 1, bottom - top + 1];
    const step = { size, before: this.cut(before, size), after: this.cut(this.codes, size) };
    if (step.before.every((code, place) => code === step.after[place])) return false;
    this.past.push(step);
    if (this.past.length > 100) this.past.shift();
    this.future = [];
    return true;
  }

  undo() { return this.move(this.past, this.future, 'before'); }

  redo() { return this.move(this.future, this.past, 'after'); }

  move(from, to, which) {
    const step = from.pop();
    if (!step) return false;
    to.push(step);
    const [left, top, width, height] = step.size;
    for (let y = 0; y < height; y += 1) {
      this.codes.set(step[which].subarray(y * width, (y + 1) * width), (top + y) * this.width + left);
    }
    this.show(...step.size);
    return true;
  }

  cut(codes, [left, top, width, height]) {
    const part = new Uint8Array(width * height);
    for (let y = 0; y < height; y += 1) {
      const start = (top + y) * this.width + left;
      part.set(codes.subarray(start, start + width), y * width);
    }
    return part;
  }

  show(left, top, width, height) {
    const image = this.context.createImageData(width, height);
    for (let y = 0, place = 0; y < height; y += 1) {
      let from = (top + y) * this.width + left;
      for (let x = 0; x < width; x += 1, place += 4, from += 1) {
        const code = this.codes[from];
        if (code) image.data.set(this.colours(code), place);
      }
    }
    this.context.putImageData(image, left, top);
  }

  replace(codes) {
    this.codes.set(codes);
    this.show(0, 0, this.width, this.height);
  }

  has(code) { return this.codes.includes(code); }
}
