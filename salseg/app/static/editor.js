// One image: draw on it, look at what a model found in it. Whatever is drawn is saved at once.

import { boxOf, begun, holds, listen, passed, penWidth, pressed } from './drawing.js';
import { address, ask, get, hideNotice, make, Newest, notice, packed, loaded, Refused, send, swatch, unpacked } from './tools.js';
import { Raster } from './raster.js';
import { tinted, Viewport } from './viewport.js';

const TOOLS = [
  ['object', 'Object', 'f', 'var(--object)', 'draw along the middle of the object'],
  ['background', 'Background', 'b', 'var(--background)', 'draw through the background, also close to the object'],
  ['erase', 'Eraser', 'e', null, 'remove scribbles'],
  ['box', 'Box', 'r', null, 'drag a box around an object; click a box to remove it'],
  ['pan', 'Move', 'h', null, 'drag the image; the wheel zooms'],
];
const CODES = { object: 1, background: 2, erase: 0 };
const LOOKS = [['image', 'Image'], ['overlay', 'Overlay'], ['compare', 'Slider'], ['mask', 'Mask'], ['cutout', 'Cut-out']];
// What the next image begins with.
const kept = { tool: 'object', look: 'overlay', width: 1, split: 50 };

export class Editor {
  constructor(page, key) {
    this.page = page;
    this.key = key;
    this.boxes = [];
    this.asking = new Newest();
    this.saving = Promise.resolve();
    this.dirty = { scribble: false, boxes: false };
    this.build();
  }

  build() {
    this.stage = make('div', { class: 'stage' });
    this.view = new Viewport(this.stage, (context) => this.draw(context));
    this.hint = make('div', { class: 'hint' });
    this.mark = make('div', { class: 'saved' });
    this.stage.append(this.hint, this.mark);
    this.buttons = {};
    const tools = TOOLS.map(([name, text, key, colour, title]) => {
      const button = make('button', { title, click: () => this.choose(name) }, colour ? swatch(colour) : '', text, make('kbd', {}, key.toUpperCase()));
      button.dataset.tool = name;
      this.buttons[name] = button;
      return button;
    });
    this.width = penWidth(this, kept, 6);
    this.undoing = make('button', { title: 'undo: Ctrl+Z', click: () => this.step('undo') }, '↶ Undo');
    this.redoing = make('button', { title: 'redo: Ctrl+Shift+Z', click: () => this.step('redo') }, '↷ Redo');
    this.looks = make('span', { class: 'row' });
    this.split = make('input', { type: 'range', min: 0, max: 100, value: kept.split, 'aria-label': 'between image and mask', input: () => { kept.split = Number(this.split.value); this.view.refresh(); } });
    this.element = make('div', { class: 'grow' },
      make('div', { class: 'bar' },
        make('button', { id: 'back', title: 'all images: Esc', click: () => this.page.leave() }, '‹ All images'),
        make('strong', { id: 'name' }, this.key), make('span', { class: 'gap' }),
        this.looks, this.split,
        make('button', { title: 'smaller: -', click: () => this.view.zoom(1 / 1.3) }, '−'),
        make('button', { title: 'whole image: 0', click: () => this.view.fit() }, 'Fit'),
        make('button', { title: 'larger: +', click: () => this.view.zoom(1.3) }, '+'), make('span', { class: 'divider' }),
        make('button', { title: 'previous image: ←', click: () => this.page.next(-1) }, '‹'),
        make('button', { title: 'next image: →', click: () => this.page.next(1) }, '›')),
      make('div', { class: 'bar' }, ...tools, make('span', { class: 'divider' }), 'Width', this.width,
        make('span', { class: 'divider' }), this.undoing, this.redoing),
      this.stage);
    Object.assign(this.element.style, { display: 'flex', flexDirection: 'column', minHeight: '0' });
    listen(this.view.canvas, this);
    this.choose(kept.tool);
  }

  async load() {
    this.mark.textContent = 'loading…';
    const query = { key: this.key };
    const [info, answer] = await Promise.all([get('info', query), ask('scribble', query)]);
    this.image = await loaded(address('view', query));
    this.raster = new Raster(info.width, info.height, await unpacked(answer));
    this.version = { scribble: answer.headers.get('x-version'), boxes: info.version };
    this.boxes = info.boxes;
    this.unit = Math.max(2, Math.max(info.width, info.height) / 130);
    await this.findMap();
    this.view.show(info.width, info.height);
    this.mark.textContent = this.dirty.scribble ? '' : 'saved';
    this.changed();
    this.element.dataset.ready = this.key;
  }

  async findMap() {
    const model = this.page.model, entry = this.page.entries.find((one) => one.key === this.key);
    const newest = this.asking.begin(), found = { map: null, tint: null, cutout: null };
    if (model && entry && entry.doubt !== undefined) {
      const query = { model, key: this.key, t: Date.now() };
      try {
        found.map = await loaded(address('map', query));
        found.tint = tinted(found.map, [16, 185, 129]);
        found.cutout = await loaded(address('map', { ...query, kind: 'cutout' }));
      } catch (error) {
        // Removed since, or no cut-outs were made: the image is shown alone.
        if (!(error instanceof Refused)) throw error;
      }
    }
    if (!newest()) return;
    Object.assign(this, found);
    this.looks.replaceChildren(...(this.map ? LOOKS : []).filter(([name]) => name !== 'cutout' || this.cutout).map(([name, text]) => {
      const button = make('button', { click: () => this.look(name) }, text);
      button.dataset.look = name;
      return button;
    }));
    this.look(kept.look);
  }

  look(name) {
    kept.look = name;
    for (const button of this.looks.children) button.classList.toggle('on', button.dataset.look === name);
    this.split.hidden = !this.map || name !== 'compare';
    this.view.refresh();
  }

  choose(name) {
    kept.tool = name;
    for (const [tool, button] of Object.entries(this.buttons)) button.classList.toggle('on', tool === name);
    this.hint.textContent = TOOLS.find(([tool]) => tool === name)[4];
    this.view.canvas.style.cursor = name === 'pan' ? 'grab' : 'crosshair';
    this.view.refresh();
  }

  radius() { return Math.max(0.75, this.unit * kept.width / 2); }

  down(event) {
    if (!this.raster || this.drag) return;
    const drag = begun(event, this.view, kept.tool);
    if (!drag) return;
    hideNotice();
    this.drag = drag;
    if (drag.tool in CODES) {
      this.raster.begin();
      this.raster.line(drag.x, drag.y, drag.x, drag.y, this.radius(), CODES[drag.tool]);
    }
    this.view.refresh();
  }

  moved(event) {
    this.pointer = this.view.inside(event);
    const drag = this.drag;
    for (const [x, y] of drag ? passed(event, this.view, drag) : []) {
      if (drag.tool === 'box') drag.to = [x, y];
      else {
        this.raster.line(drag.x, drag.y, x, y, this.radius(), CODES[drag.tool]);
        [drag.x, drag.y] = [x, y];
      }
    }
    this.view.refresh();
  }

  up(event) {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    if (drag.tool === 'box') this.boxed(drag, this.view.pixel(event));
    else if (drag.tool in CODES && this.raster.end()) this.save('scribble');
    this.changed();
    this.view.refresh();
  }

  boxed(drag, to) {
    const box = boxOf(drag, to, this.raster, this.view.scale);
    if (!box) {
      const hit = this.boxes.findIndex((one) => holds(one.box, to));
      if (hit < 0) return;
      this.boxes.splice(hit, 1);
    } else {
      const taken = new Set(this.boxes.map((one) => one.id));
      let id = 1;
      while (taken.has(id)) id += 1;
      this.boxes.push({ id, box });
    }
    this.save('boxes');
  }

  step(which) {
    if (this.raster && !this.drag && this.raster[which]()) this.save('scribble');
    this.changed();
    this.view.refresh();
  }

  changed() {
    this.undoing.disabled = !this.raster || !this.raster.past.length;
    this.redoing.disabled = !this.raster || !this.raster.future.length;
  }

  // One request at a time; what was drawn meanwhile goes with the next.
  save(what) {
    this.dirty[what] = true;
    this.mark.textContent = 'saving…';
    this.saving = this.saving.then(() => this.flush(what));
  }

  async flush(what) {
    if (!this.dirty[what]) return;
    this.dirty[what] = false;
    try {
      if (what === 'scribble') {
        const body = await packed(this.raster.codes);
        const answer = await ask('scribble', { key: this.key }, { method: 'POST', body, headers: { 'x-version': this.version.scribble } });
        this.version.scribble = (await answer.json()).version;
      } else {
        this.version.boxes = (await send('boxes', { key: this.key, boxes: this.boxes, version: this.version.boxes })).version;
      }
      this.page.labelled(this.key, { scribble: this.raster.has(1) || this.raster.has(2), box: this.boxes.length > 0 });
      this.mark.textContent = 'saved';
    } catch (error) {
      this.dirty[what] = true;
      this.lost = error.status === 0;
      this.mark.textContent = 'not saved';
      if (error.status === undefined) throw error;
      const again = error.status === 409
        ? { text: 'Reload the image', run: () => { this.forget(); this.page.open(this.key); } }
        : { text: 'Try again', run: () => this.again() };
      notice(error.message, again);
    }
  }

  key_(event) { return pressed(event, this, TOOLS, kept); }

  own(letter) {
    if (letter === 'arrowleft') this.page.next(-1);
    else if (letter === 'arrowright') this.page.next(1);
    else if (letter === 'm' && this.map) this.look(kept.look === 'image' ? 'overlay' : 'image');
    else if (letter === 'escape') this.page.leave();
    else return false;
    return true;
  }

  draw(context) {
    if (!this.raster) return;
    const { width, height } = this.raster;
    const look = this.map ? kept.look : 'image';
    context.drawImage(this.image, 0, 0, width, height);
    if (look === 'overlay') context.drawImage(this.tint, 0, 0, width, height);
    if (look === 'mask') context.drawImage(this.map, 0, 0, width, height);
    if (look === 'cutout' && this.cutout) {
      context.fillStyle = '#c9cfd2';
      context.fillRect(0, 0, width, height);
      context.drawImage(this.cutout, 0, 0, width, height);
    }
    if (look === 'compare') this.half(context, width, height);
    context.imageSmoothingEnabled = false;
    if (look !== 'mask' && look !== 'cutout') context.drawImage(this.raster.layer, 0, 0);
    const drag = this.drag && this.drag.tool === 'box' && this.drag.to;
    const boxes = this.boxes.map((one) => one.box);
    if (drag) boxes.push([this.drag.x, this.drag.y, ...drag]);
    context.lineWidth = 2 / this.view.scale;
    context.strokeStyle = '#ffd23f';
    for (const [x0, y0, x1, y1] of boxes) context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    if (this.pointer && kept.tool in CODES) {
      const [x, y] = [(this.pointer[0] - this.view.x) / this.view.scale, (this.pointer[1] - this.view.y) / this.view.scale];
      context.strokeStyle = { object: '#ff8a73', background: '#8ab6ff', erase: '#ffffff' }[kept.tool];
      context.lineWidth = 1.5 / this.view.scale;
      context.beginPath();
      context.arc(x, y, this.radius(), 0, 2 * Math.PI);
      context.stroke();
    }
  }

  half(context, width, height) {
    const x = width * kept.split / 100;
    context.save();
    context.beginPath();
    context.rect(x, 0, width - x, height);
    context.clip();
    context.drawImage(this.map, 0, 0, width, height);
    context.restore();
    context.fillStyle = '#ffd23f';
    context.fillRect(x - 1 / this.view.scale, 0, 2 / this.view.scale, height);
  }

  unsaved() { return this.dirty.scribble || this.dirty.boxes || this.mark.textContent === 'saving…'; }

  // What could not be saved; where the server did not answer, the page asks for it as soon as it does.
  again() {
    this.lost = false;
    for (const [what, waiting] of Object.entries(this.dirty)) if (waiting) this.save(what);
  }

  forget() {
    this.dirty = { scribble: false, boxes: false };
    this.mark.textContent = '';
  }

  close() { this.view.close(); }
}
