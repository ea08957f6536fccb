// The wall of images, and the image that is open.

import { address, choice, get, make, Newest, notice, trying } from './tools.js';
import { waits } from './drawing.js';
import { Editor } from './editor.js';

const FILTERS = [['all', 'All'], ['unlabelled', 'Unlabelled'], ['labelled', 'Labelled'], ['predicted', 'Predicted']];
const labelled = (entry) => entry.scribble || entry.box;

export class Images {
  constructor(app) {
    this.app = app;
    this.place = make('div', { class: 'place' });
    this.asking = new Newest();
    this.entries = [];
    this.filter = 'all';
    this.order = 'name';
    this.editor = null;
    this.chosen = new Set();
    this.cards = new Map();
    // Cards are made as they come near; 3,000 images at once would be slow to lay out.
    this.watcher = new IntersectionObserver((seen) => {
      for (const { isIntersecting, target } of seen) if (isIntersecting) this.fill(target);
    }, { rootMargin: '300px' });
  }

  get model() { return this.app.model; }

  async show(choosing = false) {
    this.choosing = choosing;
    await this.refresh();
  }

  async refresh() {
    const newest = this.asking.begin();
    const entries = await get('images', this.model ? { model: this.model } : {});
    if (!newest()) return;
    this.entries = entries;
    this.app.counted();
    if (this.editor) await this.editor.findMap();
    else this.draw();
  }

  // In the order that is shown.
  shown() {
    const kept = this.entries.filter((entry) => ({
      all: true, unlabelled: !labelled(entry), labelled: labelled(entry), predicted: entry.doubt !== undefined,
    }[this.filter]));
    if (this.order === 'error') kept.sort((a, b) => (b.error ?? -1) - (a.error ?? -1));
    if (this.order === 'doubt') kept.sort((a, b) => (b.doubt ?? -1) - (a.doubt ?? -1));
    return kept;
  }

  draw() {
    const counts = {
      all: this.entries.length, unlabelled: this.entries.filter((entry) => !labelled(entry)).length,
      labelled: this.entries.filter(labelled).length, predicted: this.entries.filter((entry) => entry.doubt !== undefined).length,
    };
    const chips = FILTERS.map(([name, text]) => {
      const button = make('button', { click: () => { this.filter = name; this.draw(); } }, `${text} ${counts[name]}`);
      button.classList.toggle('on', this.filter === name);
      return button;
    });
    const orders = [['name', 'by name'], counts.predicted && ['doubt', 'least sure first'], this.entries.some((entry) => entry.error !== undefined) && ['error', 'worst first']].filter(Boolean);
    if (!orders.some(([name]) => name === this.order)) this.order = 'name';
    const order = choice('order', orders, this.order, (value) => { this.order = value; this.draw(); });
    const wall = make('div', { class: 'wall', id: 'wall' });
    this.watcher.disconnect();
    for (const entry of this.shown()) {
      const card = make('button', { class: 'card', title: entry.name, click: () => this.pick(entry, card) });
      card.entry = entry;
      card.dataset.key = entry.key;
      card.classList.toggle('chosen', this.choosing && this.chosen.has(entry.key));
      wall.append(card);
      this.watcher.observe(card);
    }
    if (!wall.children.length) wall.append(this.nothing());
    const top = this.place.querySelector('#wall') ? this.place.querySelector('#wall').scrollTop : 0;
    this.place.replaceChildren(
      make('div', { class: 'bar' }, ...chips, make('span', { class: 'gap' }),
        make('span', { class: 'soft small' }, this.choosing ? 'click images to choose them' : 'click an image to draw on it'), order),
      wall);
    wall.scrollTop = top;
  }

  nothing() {
    const text = this.entries.length
      ? 'No image of this kind.'
      : `There is no image in ${this.app.state.folder}. Put some into it, or into image/ in it, and reload the page.`;
    const words = make('div', { class: 'empty' }, text);
    words.style.gridColumn = '1 / -1';
    return words;
  }

  fill(card) {
    this.watcher.unobserve(card);
    const entry = card.entry;
    const thumb = make('span', { class: 'thumb' });
    const image = make('img', { alt: '', decoding: 'async', src: address('thumb', { key: entry.key }) });
    image.addEventListener('error', () => image.replaceWith(make('span', { class: 'badges' }, make('span', { class: 'badge unsure' }, 'cannot be read'))));
    thumb.append(image);
    const badges = make('span', { class: 'badges' });
    if (entry.scribble) badges.append(make('span', { class: 'badge labelled' }, 'scribbles'));
    if (entry.box) badges.append(make('span', { class: 'badge labelled' }, 'boxes'));
    if (entry.doubt !== undefined) {
      thumb.append(make('img', { class: 'mask', alt: '', src: address('thumb', { key: entry.key, model: this.model, t: this.app.mapped }) }));
      const sure = entry.doubt === null ? '?' : `${Math.round(100 * (1 - entry.doubt))} % sure`;
      badges.append(make('span', { class: entry.doubt > 0.3 ? 'badge unsure' : 'badge' }, sure));
    }
    if (entry.error !== undefined) badges.append(make('span', { class: entry.error > 0.1 ? 'badge unsure' : 'badge', title: 'mean absolute error' }, `MAE ${entry.error.toFixed(2)}`));
    thumb.append(badges);
    card.replaceChildren(thumb, make('span', { class: 'name' }, entry.name));
  }

  pick(entry, card) {
    if (!this.choosing) return this.open(entry.key);
    if (!this.chosen.delete(entry.key)) this.chosen.add(entry.key);
    card.classList.toggle('chosen', this.chosen.has(entry.key));
    this.app.aside();
    return null;
  }

  async open(key) {
    if (await waits(this.editor, () => this.open(key))) return;
    if (this.editor) this.editor.close();
    const editor = new Editor(this, key);
    this.editor = editor;
    this.place.replaceChildren(editor.element);
    history.replaceState(null, '', `#${encodeURIComponent(key)}`);
    this.app.aside();
    try {
      await editor.load();
    } catch (error) {
      if (error.status === undefined) throw error;
      editor.mark.textContent = '';
      notice(error.message);
    }
  }

  next(step) {
    const shown = this.shown();
    const at = shown.findIndex((entry) => entry.key === this.editor.key);
    // An image that left the list by being labelled: its place is taken by the next one.
    const place = at < 0 ? this.at ?? 0 : at + step;
    this.at = place;
    if (shown[place]) this.open(shown[place].key);
  }

  async leave() {
    if (!this.editor || await waits(this.editor, () => this.leave()) || !this.editor) return;
    this.editor.close();
    this.editor = null;
    history.replaceState(null, '', '#');
    this.app.aside();
    this.draw();
    await trying(() => this.refresh());
  }

  labelled(key, facts) {
    const entry = this.entries.find((one) => one.key === key);
    if (entry) Object.assign(entry, facts);
    this.app.counted();
  }
}
