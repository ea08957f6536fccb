// What objects of a video are followed from: boxes, scribbles and masks in any frame, with undo. Saved at once, each file by itself.
// In a frame an object is given in one way: what is drawn last replaces what it had there.

import { ask, notice, packed, Refused, send, unpacked } from './tools.js';
import { Raster } from './raster.js';
import { colour } from './viewport.js';

export const BESIDE = 255;
export const KINDS = ['scribbles', 'masks'];
// What is held for undo, and layers of other frames, in pixels.
const BOUND = 6e7;
const shade = (opacity) => (code) => (code === BESIDE ? [255, 255, 255, 235] : [...colour(code), opacity]);
const SHADES = { scribbles: shade(240), masks: shade(170) };

export class Prompts {
  constructor(facts, changed, reopen) {
    Object.assign(this, { name: facts.name, width: facts.width, height: facts.height, changed, reopen });
    this.boxes = facts.prompts.boxes;
    this.version = facts.prompts.version;
    this.ids = Object.fromEntries(KINDS.map((kind) => [kind, new Map(Object.entries(facts.prompts[kind]).map(([number, ids]) => [Number(number), ids]))]));
    this.layers = new Map();
    this.past = [];
    this.future = [];
    this.dirty = new Set();
    this.saving = Promise.resolve();
    this.state = '';
  }

  // The layers of a frame, read from the folder where they are there.
  async load(number) {
    for (const kind of KINDS) if (this.ids[kind].has(number) && !this.layers.has(`${kind} ${number}`)) {
      const answer = await ask('layer', { video: this.name, kind, number });
      const codes = await unpacked(answer);
      // Drawn on meanwhile: what is here is newer.
      if (!this.layers.has(`${kind} ${number}`)) this.add(kind, number, codes, answer.headers.get('x-version'));
    }
  }

  add(kind, number, codes, version) {
    const held = Math.max(4, Math.floor(BOUND / (this.width * this.height)));
    for (const [name, layer] of this.layers) if (this.layers.size >= held && layer.number !== number && !this.dirty.has(name)) this.layers.delete(name);
    const layer = { kind, number, version, raster: new Raster(this.width, this.height, codes, SHADES[kind]) };
    this.layers.set(`${kind} ${number}`, layer);
    return layer;
  }

  layer(kind, number, make = false) {
    const found = this.layers.get(`${kind} ${number}`);
    return found || (make ? this.add(kind, number, new Uint8Array(this.width * this.height), 'none') : null);
  }

  snapshot(number) {
    const codes = KINDS.map((kind) => { const layer = this.layer(kind, number); return layer ? layer.raster.codes.slice() : null; });
    return { boxes: [...this.boxes], codes };
  }

  begin(number) { this.before = { number, ...this.snapshot(number) }; }

  // One movement is one step of undo; true where anything changed.
  end() {
    const { number, ...before } = this.before;
    const after = this.snapshot(number);
    const changed = this.differing(before, after);
    this.before = null;
    if (!changed.length) return false;
    this.past.push({ number, before, after });
    const held = Math.max(2, Math.floor(BOUND / (2 * this.width * this.height)));
    if (this.past.length > Math.min(100, held)) this.past.shift();
    this.future = [];
    this.note(changed, number);
    return true;
  }

  differing(one, other) {
    const boxes = JSON.stringify(one.boxes) !== JSON.stringify(other.boxes) ? ['boxes'] : [];
    return [...boxes, ...KINDS.filter((kind, place) => {
      const [a, b] = [one.codes[place], other.codes[place]];
      if (!a || !b) return Boolean(a || b) && (a || b).some(Boolean);
      return a.some((code, at) => code !== b[at]);
    })];
  }

  note(kinds, number) {
    for (const kind of kinds) if (kind !== 'boxes') {
      const ids = [...new Set(this.layer(kind, number).raster.codes)].filter(Boolean).sort((a, b) => a - b);
      if (ids.length) this.ids[kind].set(number, ids);
      else this.ids[kind].delete(number);
    }
    for (const kind of kinds) this.save(kind === 'boxes' ? kind : `${kind} ${number}`);
    this.changed();
  }

  async step(which) {
    const [from, to] = which === 'undo' ? [this.past, this.future] : [this.future, this.past];
    const step = from.pop();
    if (!step) return null;
    to.push(step);
    await this.load(step.number);
    const now = this.snapshot(step.number), wanted = which === 'undo' ? step.before : step.after;
    const boxes = this.boxes.filter((one) => one.frame !== step.number);
    this.boxes = [...boxes, ...wanted.boxes.filter((one) => one.frame === step.number)];
    KINDS.forEach((kind, place) => {
      if (!wanted.codes[place] && !now.codes[place]) return;
      this.layer(kind, step.number, true).raster.replace(wanted.codes[place] || new Uint8Array(this.width * this.height));
    });
    this.note(this.differing(now, this.snapshot(step.number)), step.number);
    return step.number;
  }

  // An object is given in one way in a frame: the others are taken back.
  only(kept, number, id) {
    if (kept !== 'boxes') this.boxes = this.boxes.filter((one) => one.frame !== number || one.id !== id);
    for (const kind of KINDS) if (kind !== kept) this.drop(kind, number, id);
  }

  drop(kind, number, id) {
    const layer = this.layer(kind, number);
    if (layer && layer.raster.has(id)) layer.raster.replace(layer.raster.codes.map((code) => (code === id ? 0 : code)));
  }

  // Of all frames; not a step of undo.
  async remove(id) {
    const before = this.boxes.length;
    this.boxes = this.boxes.filter((one) => one.id !== id);
    if (this.boxes.length < before) this.save('boxes');
    for (const kind of KINDS) for (const [number, ids] of [...this.ids[kind]]) if (ids.includes(id)) {
      await this.load(number);
      this.drop(kind, number, id);
      this.note([kind], number);
    }
    this.past = [];
    this.future = [];
    this.changed();
  }

  // By object: frames in which it is given, and how.
  given() {
    const found = new Map();
    const add = (id, number, kind) => found.set(id, [...(found.get(id) || []), [number, kind]]);
    for (const { frame, id } of this.boxes) add(id, frame, 'box');
    for (const [kind, word] of [['scribbles', 'scribbles'], ['masks', 'mask']]) for (const [number, ids] of this.ids[kind]) for (const id of ids) if (id !== BESIDE) add(id, number, word);
    for (const places of found.values()) places.sort((a, b) => a[0] - b[0]);
    return found;
  }

  // One request at a time; what was drawn meanwhile goes with the next.
  save(what) {
    this.dirty.add(what);
    this.state = 'saving…';
    this.saving = this.saving.then(() => this.flush(what));
  }

  async flush(what) {
    if (!this.dirty.delete(what)) return;
    try {
      if (what === 'boxes') {
        this.version = (await send('prompts', { video: this.name, boxes: this.boxes, version: this.version })).version;
      } else {
        const layer = this.layers.get(what);
        const body = await packed(layer.raster.codes);
        const query = { video: this.name, kind: layer.kind, number: layer.number };
        layer.version = (await (await ask('layer', query, { method: 'POST', body, headers: { 'x-version': layer.version } })).json()).version;
      }
      if (!this.dirty.size) this.state = 'saved';
    } catch (error) {
      this.dirty.add(what);
      this.lost = error.status === 0;
      this.state = 'not saved';
      if (!(error instanceof Refused)) throw error;
      notice(error.message, error.status === 409
        ? { text: 'Open the video again', run: () => { this.forget(); this.reopen(); } }
        : { text: 'Try again', run: () => this.again() });
    }
    this.changed();
  }

  unsaved() { return this.dirty.size > 0 || this.state === 'saving…'; }

  // What could not be saved; where the server did not answer, the page asks for it as soon as it does.
  again() {
    this.lost = false;
    for (const what of [...this.dirty]) this.save(what);
    this.changed();
  }

  forget() {
    this.dirty.clear();
    this.state = '';
  }
}
