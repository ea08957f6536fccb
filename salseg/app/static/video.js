// A video: scrub, say what to follow in any frame, follow it, look at the masks as they are made, correct them.

import { boxOf, begun, holds, listen, passed, penWidth, pressed, waits } from './drawing.js';
import { address, ask, choice, get, hideNotice, make, loaded, Newest, Refused, swatch, trying, unpacked } from './tools.js';
import { coloured, colour, Viewport } from './viewport.js';
import { BESIDE, KINDS, Prompts } from './prompts.js';
import { following } from './following.js';

const TOOLS = [
  ['box', 'Box', 'r', 'drag a box around the object; click in a box to remove it'],
  ['scribbles', 'Scribble', 'f', 'draw along the middle of the object'],
  ['beside', 'Beside', 'b', 'draw where no object is'],
  ['masks', 'Mask', 'p', 'paint the object itself'],
  ['erase', 'Eraser', 'e', 'remove scribbles and painted masks'],
  ['pan', 'Move', 'h', 'drag the frame; the wheel zooms'],
];
const css = (id) => `rgb(${colour(id).join(' ')})`;
// What the next video begins with.
const kept = { tool: 'box', width: 1 };

export class Video {
  constructor(app) {
    Object.assign(this, { app, place: make('div', { class: 'place' }), asking: new Newest(), name: null, facts: null, masks: new Set(), id: 1, number: 0 });
    this.options = { backward: false, states: true, overlay: true, rle: false, alpha: false, anew: false };
  }

  async show() {
    const { videos, models, given } = this.app.state;
    if (!models.includes(this.model)) this.model = given[0] || models[0];
    if (!videos.length) {
      this.place.replaceChildren(make('div', { class: 'empty' }, 'There is no video in this folder. Put a file, such as clip.mp4, into it; or a folder of frames into video/.'));
      return;
    }
    await this.open(videos.includes(this.name) ? this.name : videos[0], this.number);
  }

  close() {
    if (this.view) this.view.close();
    this.view = null;
    this.stopPlaying();
  }

  async open(name, number = 0) {
    if (await waits(this.prompts, () => this.open(name, number))) return;
    this.close();
    if (name !== this.name) number = 0;
    const newest = this.asking.begin();
    const facts = await get('video', { video: name });
    if (!newest()) return;
    Object.assign(this, { name, facts, number, frame: null, shown: null, drag: null, watching: false });
    this.masks = new Set(facts.masks);
    this.prompts = new Prompts(facts, () => this.drawn(), () => trying(() => this.open(name, this.number).then(() => this.app.aside())));
    this.id = Math.max(1, ...this.prompts.given().keys());
    const { model, backward, alpha } = facts.followed;
    if (this.app.state.models.includes(model)) Object.assign(this, { model });
    Object.assign(this.options, { backward: Boolean(backward), alpha: Boolean(alpha), anew: false });
    this.build();
    const { view } = this;
    await this.go(number);
    // Closed, or another one, by now.
    if (view !== this.view) return;
    view.show(facts.width, facts.height);
    view.canvas.dataset.ready = name;
  }

  build() {
    const last = Math.max(0, this.facts.count - 1);
    this.slider = make('input', { type: 'range', min: 0, max: last, value: this.number, class: 'grow', id: 'scrub', 'aria-label': 'frame', input: () => this.leap(Number(this.slider.value)) });
    this.label = make('span', { class: 'soft' });
    this.playing = make('button', { click: () => this.play() }, '▶ Play');
    this.strip = make('canvas', { class: 'strip-marks', 'aria-label': 'frames with masks and prompts' });
    this.hint = make('div', { class: 'hint' });
    this.mark = make('div', { class: 'saved' });
    this.buttons = Object.fromEntries(TOOLS.map(([tool, text, key, title]) => [tool, make('button', { title, click: () => this.choose(tool) }, text, make('kbd', {}, key.toUpperCase()))]));
    for (const [tool, button] of Object.entries(this.buttons)) button.dataset.tool = tool;
    this.width = penWidth(this, kept, 8);
    this.undoing = make('button', { title: 'undo: Ctrl+Z', click: () => this.step('undo') }, '↶ Undo');
    this.redoing = make('button', { title: 'redo: Ctrl+Shift+Z', click: () => this.step('redo') }, '↷ Redo');
    const stage = make('div', { class: 'stage' });
    this.view = new Viewport(stage, (context) => this.draw(context));
    stage.append(this.hint, this.mark);
    const names = this.app.state.videos.map((one) => [one, one]);
    this.place.replaceChildren(
      make('div', { class: 'bar' }, choice('video', names, this.name, (value) => trying(() => this.open(value).then(() => this.app.aside()))), make('span', { class: 'gap' }), this.label),
      make('div', { class: 'bar' }, ...Object.values(this.buttons), make('span', { class: 'divider' }), 'Width', this.width, make('span', { class: 'divider' }), this.undoing, this.redoing),
      stage,
      make('div', { class: 'bar' }, this.playing, make('div', { class: 'grow track' }, this.slider, this.strip)));
    listen(this.view.canvas, this);
    this.choose(kept.tool);
  }

  // The side of the page, and answers that come late, may ask for it while no video is open.
  refresh() { if (this.view) this.view.refresh(); }

  choose(tool) {
    kept.tool = tool;
    for (const [name, button] of Object.entries(this.buttons)) button.classList.toggle('on', name === tool);
    this.hint.textContent = `${TOOLS.find(([name]) => name === tool)[3]}; number keys choose the object`;
    if (this.view) this.view.canvas.style.cursor = tool === 'pan' ? 'grab' : 'crosshair';
    this.refresh();
  }

  frameName(number) { return this.facts.names ? this.facts.names[number] : String(number).padStart(5, '0'); }

  frameNumber(name) { return this.facts.names ? this.facts.names.indexOf(name) : Number(name); }

  // A person chose a frame: masks that are being made no longer choose it.
  leap(number) { this.watching = false; return this.go(number); }

  // Only the frame that was asked for last is shown, however fast one scrubs.
  async go(number) {
    this.number = Math.max(0, Math.min(number, Math.max(0, this.facts.count - 1)));
    this.slider.value = this.number;
    const wanted = this.number, name = this.name;
    this.label.textContent = `frame ${wanted} of ${Math.max(0, this.facts.count - 1)}`;
    await trying(async () => {
      const frame = await this.frameImage(name, wanted);
      if (!frame || wanted !== this.number) return;
      const mask = await this.mask(wanted);
      await this.prompts.load(wanted);
      if (wanted !== this.number || name !== this.name || !this.view) return;
      Object.assign(this, { frame, shownMask: mask, shown: wanted });
      this.view.canvas.dataset.shown = wanted;
      this.refresh();
      this.marks();
    });
  }

  async frameImage(name, number) {
    try {
      return await loaded(address('frame', { video: name, number }));
    } catch (error) {
      // A file may announce more frames than it has: reading to its end told how many.
      const facts = await get('video', { video: name });
      if (facts.count >= this.facts.count || name !== this.name) throw error;
      this.facts.count = facts.count;
      this.slider.max = Math.max(0, facts.count - 1);
      await this.go(facts.count - 1);
      return null;
    }
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

  radius(tool = kept.tool) {
    const unit = Math.max(2, Math.max(this.facts.width, this.facts.height) / 130);
    return Math.max(0.75, unit * kept.width * (tool === 'masks' ? 1.5 : 0.5));
  }

  down(event) {
    if (this.drag || this.shown !== this.number) return;
    const drag = begun(event, this.view, kept.tool);
    if (!drag) return;
    hideNotice();
    this.watching = false;
    this.stopPlaying();
    this.drag = { ...drag, to: [drag.x, drag.y] };
    if (drag.tool !== 'pan') this.prompts.begin(this.number);
    this.line(...this.drag.to, ...this.drag.to);
    this.refresh();
  }

  line(...ends) {
    const { tool } = this.drag, { prompts, number } = this;
    if (tool === 'erase') for (const kind of KINDS) { const layer = prompts.layer(kind, number); if (layer) layer.raster.line(...ends, this.radius(), 0); }
    if (tool === 'scribbles' || tool === 'beside') prompts.layer('scribbles', number, true).raster.line(...ends, this.radius(), tool === 'beside' ? BESIDE : this.id);
    if (tool === 'masks') prompts.layer('masks', number, true).raster.line(...ends, this.radius(), this.id);
  }

  moved(event) {
    this.pointer = this.view.inside(event);
    const drag = this.drag;
    for (const place of drag ? passed(event, this.view, drag) : []) {
      this.line(...drag.to, ...place);
      drag.to = place;
    }
    this.refresh();
  }

  up(event) {
    const drag = this.drag;
    this.drag = null;
    if (!drag || drag.tool === 'pan') return;
    if (drag.tool === 'box') this.boxed(drag, this.view.pixel(event));
    if (drag.tool === 'scribbles' || drag.tool === 'masks') this.prompts.only(drag.tool, this.number, this.id);
    this.prompts.end();
    this.refresh();
  }

  boxed(drag, to) {
    const { prompts, number, id } = this, box = boxOf(drag, to, this.facts, this.view.scale);
    if (!box) {
      const hit = prompts.boxes.findIndex((one) => one.frame === number && holds(one.box, to));
      if (hit >= 0) prompts.boxes = prompts.boxes.filter((_, place) => place !== hit);
    } else {
      prompts.only('boxes', number, id);
      prompts.boxes = [...prompts.boxes.filter((one) => one.frame !== number || one.id !== id), { frame: number, id, box }];
    }
  }

  // The tracked mask of the object in this frame, to be painted on: that is a correction.
  async take() {
    const { prompts, number, id } = this;
    const codes = await unpacked(await ask('layer', { video: this.name, kind: 'tracked', number }));
    if (number !== this.number || prompts !== this.prompts) return;
    prompts.begin(number);
    prompts.only('masks', number, id);
    const raster = prompts.layer('masks', number, true).raster;
    raster.replace(raster.codes.map((code, place) => (codes[place] === id ? id : code === id ? 0 : code)));
    prompts.end();
    this.choose('masks');
  }

  async step(which) {
    const number = this.drag ? null : await this.prompts.step(which);
    if (number !== null && number !== this.number) await this.leap(number);
    this.refresh();
  }

  drawn() {
    const prompts = this.prompts;
    this.mark.textContent = prompts.state;
    this.undoing.disabled = !prompts.past.length;
    this.redoing.disabled = !prompts.future.length;
    this.marks();
    this.app.aside();
  }

  // Below the slider: frames with masks, where an object is lost, and prompts in the colour of their object.
  marks() {
    if (!this.strip || !this.view) return;
    const wide = Math.max(1, this.strip.clientWidth), count = Math.max(1, this.facts.count - 1), context = this.strip.getContext('2d');
    Object.assign(this.strip, { width: wide });
    this.strip.height = 12;
    const x = (number) => 8 + (wide - 16) * number / count;
    const bar = (first, last, style, top, high, least) => { context.fillStyle = style; context.fillRect(x(first) - least / 2, top, Math.max(least, x(last) - x(first)), high); };
    for (const name of this.masks) { const number = this.frameNumber(name); bar(number, number + 1, '#9fd3cc', 8, 3, 1); }
    for (const { lost } of this.facts.objects) for (const [first, last] of lost) bar(first, last, '#e08a1e', 8, 3, 2);
    for (const [id, places] of this.prompts.given()) for (const [number] of places) bar(number, number, css(id), 0, 8, 4);
  }

  draw(context) {
    if (!this.frame) return;
    const { width, height } = this.facts;
    context.drawImage(this.frame, 0, 0, width, height);
    if (this.shownMask) context.drawImage(this.shownMask, 0, 0, width, height);
    context.imageSmoothingEnabled = false;
    for (const kind of KINDS) { const layer = this.prompts.layer(kind, this.shown); if (layer) context.drawImage(layer.raster.layer, 0, 0); }
    context.lineWidth = 2 / this.view.scale;
    const boxes = this.prompts.boxes.filter((one) => one.frame === this.shown);
    if (this.drag && this.drag.tool === 'box') boxes.push({ id: this.id, box: [this.drag.x, this.drag.y, ...this.drag.to] });
    for (const { id, box: [x0, y0, x1, y1] } of boxes) {
      context.strokeStyle = css(id);
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
    if (this.pointer && !['box', 'pan'].includes(kept.tool)) {
      context.strokeStyle = ['beside', 'erase'].includes(kept.tool) ? '#ffffff' : css(this.id);
      context.beginPath();
      context.arc((this.pointer[0] - this.view.x) / this.view.scale, (this.pointer[1] - this.view.y) / this.view.scale, this.radius(), 0, 2 * Math.PI);
      context.stroke();
    }
  }

  play() {
    if (this.timer) return this.stopPlaying();
    this.playing.textContent = '❚❚ Pause';
    const step = async () => {
      await this.leap(this.number + 1 < this.facts.count ? this.number + 1 : 0);
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
    const prompts = this.prompts;
    const { masks, newest, exports, objects, followed } = await get('video', { video: this.name });
    // Another video was opened meanwhile, and its masks are known.
    if (prompts !== this.prompts || !this.view) return;
    const before = this.facts.newest;
    this.masks = new Set(masks);
    Object.assign(this.facts, { newest, exports, objects, followed });
    if (this.drag) this.marks();
    else if (job.state === 'running' && this.watching && newest && newest !== before) await this.go(this.frameNumber(newest));
    else if (job.state !== 'running') { this.watching = false; await this.go(this.number); }
    else this.marks();
  }

  key_(event) { return Boolean(this.view) && pressed(event, this, TOOLS, kept); }

  own(letter) {
    if (letter === 'arrowleft') this.leap(this.number - 1);
    else if (letter === 'arrowright') this.leap(this.number + 1);
    else if (letter === ' ') this.play();
    else if (/^[1-9]$/.test(letter)) this.pick(Number(letter));
    else return false;
    return true;
  }

  pick(id) {
    this.id = id;
    this.refresh();
    this.app.aside();
  }

  aside() {
    if (!this.facts || !this.prompts) return [make('section', {}, make('h2', {}, 'Video'), make('p', { class: 'soft' }, 'Objects are followed from a box, scribbles or a mask in any frame.'))];
    const given = this.prompts.given(), ids = [...new Set([...given.keys(), this.id])].sort((a, b) => a - b);
    const rows = ids.map((id) => this.row(id, given.get(id) || []));
    const add = make('button', { id: 'add-object', click: () => this.pick(Math.max(...ids) + 1) }, '+ Object');
    const take = this.shownMask ? make('button', { id: 'take', title: 'correct the mask of this frame with Mask and Eraser', click: () => trying(() => this.take()) }, `Edit mask of object ${this.id} here`) : null;
    return [make('section', {}, make('h2', {}, '1 Objects'), ...rows, make('div', { class: 'row' }, add, take)), ...following(this)];
  }

  row(id, places) {
    const button = make('button', { click: () => this.pick(id) }, swatch(css(id)), `Object ${id}`);
    button.classList.toggle('on', id === this.id);
    const frames = places.map(([number, kind]) => make('button', { class: 'small', title: `${kind}: go to this frame`, click: () => this.leap(number) }, `${kind} ${number}`));
    const found = this.facts.objects.find((one) => one.index === id);
    const lost = found ? found.lost.slice(0, 4).map(([first, last]) => make('button', { class: 'small lost', title: 'lost: go to this frame', click: () => this.leap(first) }, first === last ? `lost ${first}` : `lost ${first}–${last}`)) : [];
    const remove = make('button', { title: 'remove the object', 'aria-label': `remove object ${id}`, click: () => trying(() => this.prompts.remove(id).then(() => this.refresh())) }, '×');
    return make('div', { class: 'row' }, button, ...(places.length ? frames : [make('span', { class: 'soft small' }, 'draw it in a frame')]), ...lost, places.length ? remove : null);
  }
}
