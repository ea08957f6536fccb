// Groups and Evaluate: choose, run the command, look at what it wrote.

import { address, choice, get, make, Newest, Refused, trying } from './tools.js';

const file = (name, stamp) => address('own-file', { file: name, t: stamp });

export class Groups {
  constructor(app) {
    this.app = app;
    this.place = make('div', { class: 'place' });
    this.asking = new Newest();
    this.model = null;
    this.results = null;
    this.choosing = false;
  }

  // The last group of the model, until other images are chosen.
  async show() {
    const { models, given } = this.app.state;
    if (!models.includes(this.model)) this.model = given[0] || models[0];
    const newest = this.asking.begin();
    const results = this.choosing ? null : await get('group', { model: this.model });
    if (!newest() || this.app.tab !== 'groups') return;
    this.results = results;
    if (this.results && this.results.length) this.draw();
    else await this.choose();
  }

  async choose() {
    this.results = null;
    const { images } = this.app;
    images.place.replaceChildren();
    this.place.replaceChildren(images.place);
    await images.show(true);
  }

  draw() {
    const stamp = Date.now();
    const figures = this.results.map((one) => make('figure', {},
      make('img', { src: file(one.overlay, stamp), alt: '' }), ' ', make('img', { src: file(one.mask, stamp), alt: '' }), make('figcaption', {}, one.name)));
    this.place.replaceChildren(
      make('div', { class: 'bar' }, make('button', { id: 'choose', click: () => { this.choosing = true; return this.choose(); } }, '‹ Choose other images'), make('span', { class: 'gap' }), make('span', { class: 'soft small' }, `what ${this.results.length} images have in common, by ${this.model}`)),
      make('div', { class: 'scroll' }, make('div', { class: 'pairs' }, ...figures)));
  }

  aside() {
    const app = this.app, chosen = app.images.chosen, busy = app.job && app.job.state === 'running';
    return [make('section', {}, make('h2', {}, 'Groups'),
      make('p', {}, 'Choose two or more images; a co-saliency model marks the kind of object that all of them show.'),
      make('p', { class: 'soft' }, `${chosen.size} chosen.`),
      make('div', { class: 'row' }, choice('model', app.state.models.map((name) => [name, name]), this.model, (value) => { this.model = value; this.choosing = false; trying(() => this.show()); }),
        make('button', { id: 'go', class: 'primary', disabled: busy || chosen.size < 2, click: () => { this.choosing = false; return app.start({ kind: 'group', model: this.model, keys: [...chosen] }); } }, 'Compare')),
      make('p', { class: 'soft small' }, 'It needs a model on groups, such as dcfm-lite: train one, and start the page with --model and the folder of its run.'))];
  }
}

export class Evaluate {
  constructor(app) {
    this.app = app;
    this.place = make('div', { class: 'place' });
    this.asking = new Newest();
  }

  async show() {
    const newest = this.asking.begin();
    let found = null;
    try {
      if (this.app.model) found = await get('scores', { model: this.app.model });
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error;
    }
    if (!newest()) return;
    if (!found) {
      const text = this.app.state.truth ? 'Predict first, then score the maps against the ground truth.' : 'There is no ground truth in this folder. Full masks belong into mask/, named like the images.';
      this.place.replaceChildren(make('div', { class: 'empty' }, text));
      return;
    }
    const stamp = Date.now();
    const tiles = Object.entries(found.metrics).map(([name, value]) => make('div', {}, make('b', {}, value === null ? '–' : value.toFixed(3)), name));
    this.place.replaceChildren(make('div', { class: 'scroll' },
      make('h2', {}, `${this.app.model}, ${found.protocol}`), make('div', { class: 'tiles', id: 'scores' }, ...tiles),
      ...found.counted.map((line) => make('p', { class: 'soft' }, line)),
      make('h2', {}, 'Worst images'), ...found.worst.map((name) => make('img', { class: 'strip', alt: name, src: file(name, stamp) })),
      make('p', { class: 'soft' }, `Tables, curves and all worst images: ${found.report}`)));
  }

  aside() {
    const app = this.app, busy = app.job && app.job.state === 'running';
    return [make('section', {}, make('h2', {}, 'Evaluate'),
      make('p', {}, app.state.truth ? `Ground truth: ${app.state.truth}/. Only images that have it are counted.` : 'Needs full masks of some images.'),
      make('div', { class: 'row' }, choice('maps', app.state.mapped.map((name) => [name, name]), app.model, (value) => trying(async () => { await app.choose(value); await this.show(); })),
        make('button', { id: 'go', class: 'primary', disabled: busy || !app.state.truth || !app.model, click: () => app.start({ kind: 'evaluate', model: app.model }) }, 'Score')))];
  }
}
