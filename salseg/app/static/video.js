// A video: scrub, draw boxes around objects, follow them, look at the masks as they are made.

import { address, choice, get, make, loaded, Refused, send, trying } from './tools.js';
import { coloured, Viewport } from './viewport.js';

const COLOURS = ['#e6194b', '#3cb44b', '#ffe119', '#4363d8', '#f58231', '#911eb4', '#46f0f0', '#f032e6'];
const colour = (id) => COLOURS[(id - 1) % COLOURS.length];

export class Video {
  constructor(app, place) {
    this.app = app;
    this.place = place;
    this.name = null;
    this.facts = null;
    this.boxes = [];
    this.masks = new Set();
    this.id = 1;
    this.number = 0;
  }

  async show() {
    const videos = this.app.state.videos;
    if (!this.model || !this.app.state.models.includes(this.model)) this.model = this.app.state.models[0];
    if (!videos.length) {
      this.place.replaceChildren(make('div', { class: 'empty' }, 'There is no video in this folder. Put a file, such as clip.mp4, into it; or a folder of frames into video/.'));
      return;
    }
    await this.open(videos.includes(this.name) ? this.name : videos[0]);
  }

  close() {
    if (this.view) this.view.close();
    this.view = null;
    this.stopPlaying();
  }

  async open(name) {
    this.close();
    this.name = name;
    this.number = 0;
    this.facts = await get('video', { video: name });
    this.boxes = this.facts.prompts;
    this.masks = new Set(this.facts.masks);
    this.id = Math.max(1, ...this.boxes.map((one) => one.id));
    const last = Math.max(0, this.facts.count - 1);
    this.slider = make('input', { type: 'range', min: 0, max: last, value: 0, class: 'grow', id: 'scrub', 'aria-label': 'frame', input: () => this.go(Number(this.slider.value)) });
    this.label = make('span', { class: 'soft' });
    this.playing = make('button', { click: () => this.play() }, '▶ Play');
    const stage = make('div', { class: 'stage' });
    this.view = new Viewport(stage, (context) => this.draw(context));
    stage.append(make('div', { class: 'hint' }, 'drag a box around an object; the number keys choose it; ← → step through frames'));
    const names = this.app.state.videos.map((one) => [one, one]);
    this.place.replaceChildren(
      make('div', { class: 'bar' }, choice('video', names, name, (value) => trying(() => this.open(value).then(() => this.app.aside()))), make('span', { class: 'gap' }), this.label),
      stage,
      make('div', { class: 'bar' }, this.playing, this.slider));
    const canvas = this.view.canvas;
    canvas.style.cursor = 'crosshair';
    canvas.addEventListener('pointerdown', (event) => { if (!event.button) { const [x, y] = this.view.pixel(event); this.drag = { x, y, to: [x, y] }; } });
    canvas.addEventListener('pointermove', (event) => { if (this.drag) { this.drag.to = this.view.pixel(event); this.view.refresh(); } });
    canvas.addEventListener('pointerup', () => this.boxed());
    await this.go(0);
    this.view.show(this.facts.width, this.facts.height);
  }

  frameName(number) { return this.facts.names ? this.facts.names[number] : String(number).padStart(5, '0'); }

  // Only the frame that was asked for last is shown, however fast one scrubs.
  async go(number) {
    this.number = Math.max(0, Math.min(number, Math.max(0, this.facts.count - 1)));
    this.slider.value = this.number;
    const wanted = this.number, name = this.name;
    this.label.textContent = `frame ${wanted} of ${Math.max(0, this.facts.count - 1)}`;
    await trying(async () => {
      const frame = await loaded(address('frame', { video: name, number: wanted }));
      const mask = await this.mask(wanted);
      if (wanted !== this.number || name !== this.name || !this.view) return;
      this.frame = frame;
      this.shownMask = mask;
      this.shown = wanted;
      this.view.refresh();
    });
  }

  async mask(number) {
    if (!this.masks.has(this.frameName(number))) return null;
    try {
      return coloured(await loaded(address('track-file', { video: this.name, file: `masks/${this.frameName(number)}.png`, t: this.app.job ? this.app.job.seconds : 0 })));
    } catch (error) {
      // Masks of an earlier run are removed when a new one begins.
      if (error instanceof Refused) return null;
      throw error;
    }
  }

  async boxed() {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    const { width, height } = this.facts;
    const box = [Math.min(drag.x, drag.to[0]), Math.min(drag.y, drag.to[1]), Math.max(drag.x, drag.to[0]), Math.max(drag.y, drag.to[1])].map((value, place) =>
      Math.round(Math.min(place % 2 ? height : width, Math.max(0, value))));
    if (box[2] - box[0] >= 3 && box[3] - box[1] >= 3) {
      this.boxes = this.boxes.filter((one) => one.frame !== this.number || one.id !== this.id);
      this.boxes.push({ frame: this.number, id: this.id, box });
      await this.keep();
    }
    this.view.refresh();
  }

  async keep() {
    this.app.aside();
    await trying(() => send('prompts', { video: this.name, boxes: this.boxes }));
  }

  draw(context) {
    if (!this.frame) return;
    const { width, height } = this.facts;
    context.drawImage(this.frame, 0, 0, width, height);
    if (this.shownMask) context.drawImage(this.shownMask, 0, 0, width, height);
    context.lineWidth = 2 / this.view.scale;
    const boxes = this.boxes.filter((one) => one.frame === this.shown);
    if (this.drag) boxes.push({ id: this.id, box: [this.drag.x, this.drag.y, ...this.drag.to] });
    for (const { id, box: [x0, y0, x1, y1] } of boxes) {
      context.strokeStyle = colour(id);
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
  }

  play() {
    if (this.timer) return this.stopPlaying();
    this.playing.textContent = '❚❚ Pause';
    const step = async () => {
      if (!this.timer) return;
      await this.go(this.number + 1 < this.facts.count ? this.number + 1 : 0);
      if (this.timer) this.timer = setTimeout(step, 1000 / Math.min(this.facts.fps, 12));
    };
    this.timer = setTimeout(step, 0);
    return null;
  }

  stopPlaying() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.playing) this.playing.textContent = '▶ Play';
  }

  // Masks appear as they are made.
  async progress(job) {
    if (!job || job.kind !== 'track' || !this.name || !this.view) return;
    const facts = await get('video', { video: this.name });
    const before = this.masks.size;
    this.masks = new Set(facts.masks);
    this.facts.exports = facts.exports;
    if (job.state === 'running' && this.masks.size > before && !this.timer) await this.go(this.masks.size - 1 + this.first());
    else if (job.state !== 'running') await this.go(this.number);
  }

  first() { return 0; }

  key_(event) {
    if (!this.facts) return false;
    if (event.key === 'ArrowLeft') this.go(this.number - 1);
    else if (event.key === 'ArrowRight') this.go(this.number + 1);
    else if (event.key === ' ') this.play();
    else if (/^[1-9]$/.test(event.key)) { this.id = Number(event.key); this.app.aside(); }
    else return false;
    return true;
  }

  objects() { return [...new Set([...this.boxes.map((one) => one.id), this.id])].sort((a, b) => a - b); }

  aside() {
    if (!this.facts) return [make('section', {}, make('h2', {}, 'Video'), make('p', { class: 'soft' }, 'Objects are followed from a box in any frame.'))];
    const app = this.app, busy = app.job && app.job.state === 'running';
    const rows = this.objects().map((id) => {
      const dot = make('span', { class: 'swatch' });
      dot.style.background = colour(id);
      const given = this.boxes.filter((one) => one.id === id).map((one) => one.frame).sort((a, b) => a - b);
      const button = make('button', { click: () => { this.id = id; app.aside(); } }, dot, `Object ${id}`);
      button.classList.toggle('on', id === this.id);
      const frames = given.map((number) => make('button', { class: 'small', title: 'go to this frame', click: () => this.go(number) }, String(number)));
      const remove = make('button', { title: 'remove the object', 'aria-label': `remove object ${id}`, click: () => { this.boxes = this.boxes.filter((one) => one.id !== id); this.keep(); this.view.refresh(); } }, '×');
      return make('div', { class: 'row' }, button, given.length ? make('span', { class: 'soft small' }, 'boxes in') : make('span', { class: 'soft small' }, 'draw a box'), ...frames, given.length ? remove : null);
    });
    const exports = this.facts.exports.map((name) => make('a', { href: address('track-file', { video: this.name, file: name }), download: name }, name));
    return [
      make('section', {}, make('h2', {}, '1 Objects'), ...rows,
        make('div', { class: 'row' }, make('button', { click: () => { this.id = Math.max(...this.objects()) + 1; app.aside(); } }, '+ Object'))),
      make('section', {}, make('h2', {}, '2 Follow'),
        make('div', { class: 'row' }, choice('model', app.state.models.map((name) => [name, name]), this.model, (value) => { this.model = value; }),
          make('button', { id: 'go', class: 'primary', disabled: busy || !this.boxes.length, click: () => app.start({ kind: 'track', model: this.model, video: this.name, boxes: this.boxes }) }, 'Follow')),
        make('p', { class: 'soft small' }, 'It needs a tracker, such as xmem-lite: train one, and start the page with --model and the folder of its run. Where a mask is wrong, draw the box again in that frame and follow again.')),
      this.masks.size ? make('section', { class: 'files' }, make('h2', {}, '3 Keep'), make('p', { class: 'soft small' }, `${this.masks.size} masks in ${this.facts.out}`), ...exports) : null,
    ].filter(Boolean);
  }
}
