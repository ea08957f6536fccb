// The page as a whole: tabs, the state of the folder, what runs.

import { get, make, notice, send, trying } from './tools.js';
import { waits } from './drawing.js';
import { Images } from './images.js';
import { jobPanel, Steps } from './training.js';
import { Video } from './video.js';
import { Evaluate, Groups } from './results.js';

class App {
  constructor() {
    this.main = document.getElementById('main');
    this.side = document.getElementById('side');
    this.images = new Images(this);
    this.steps = new Steps(this);
    this.video = new Video(this);
    this.groups = new Groups(this);
    this.scores = new Evaluate(this);
    this.tab = 'images';
    this.job = null;
    this.model = '';
    this.mapped = 0;
    this.details = false;
  }

  async start_() {
    this.known = this.load();
    for (const button of document.querySelectorAll('#tabs button')) button.addEventListener('click', () => trying(() => this.go(button.dataset.tab)));
    document.addEventListener('keydown', (event) => this.key(event));
    window.addEventListener('beforeunload', (event) => { if (this.drawn() && this.drawn().unsaved()) event.preventDefault(); });
    await this.go('images');
    const key = decodeURIComponent(location.hash.slice(1));
    if (key && this.tab === 'images' && this.images.entries.some((entry) => entry.key === key)) await this.images.open(key);
    this.poll();
  }

  async load() {
    this.state = await get('state');
    document.getElementById('folder').textContent = this.state.folder;
    document.title = `salseg: ${this.state.folder.split(/[\\/]/).pop()}`;
    this.job = this.state.job;
    if (!this.state.mapped.includes(this.model)) this.model = this.state.mapped[0] || '';
    if (!this.state.models.includes(this.predictor)) this.predictor = this.state.models[0];
  }

  // Each tab fills a place of its own: an answer that comes after another tab was chosen changes nothing that is seen.
  async go(tab) {
    await this.known;
    if (await waits(this.drawn(), () => trying(() => this.go(tab)))) return;
    if (this.tab === 'video' && tab !== 'video') this.video.close();
    if (this.images.editor) { this.images.editor.close(); this.images.editor = null; }
    this.tab = tab;
    for (const button of document.querySelectorAll('#tabs button')) button.classList.toggle('on', button.dataset.tab === tab);
    const { place } = this.current();
    place.replaceChildren();
    this.main.replaceChildren(place);
    await this.current().show();
    this.aside();
  }

  // What is being drawn on.
  drawn() { return this.images.editor || (this.tab === 'video' ? this.video.prompts : null); }

  current() { return { images: this.images, video: this.video, groups: this.groups, evaluate: this.scores }[this.tab]; }

  async choose(model) {
    this.model = model;
    this.mapped = Date.now();
    await trying(() => this.images.refresh());
    this.aside();
  }

  counted() { if (this.tab === 'images') this.aside(); }

  aside() {
    const own = { images: this.steps, video: this.video, groups: this.groups, evaluate: this.scores }[this.tab];
    const parts = this.tab === 'images' ? own.draw() : own.aside();
    // What runs is what one looks at.
    if (this.job && this.job.state === 'running') parts.unshift(jobPanel(this));
    else parts.push(jobPanel(this));
    this.side.replaceChildren(...parts.filter(Boolean), ...(this.images.editor ? [keys()] : []));
  }

  async start(job) {
    // What was drawn last is trained on, or followed, too.
    if (await waits(this.drawn(), () => this.start(job))) return;
    await trying(async () => this.noted(await send('start', job)));
    this.aside();
    this.side.scrollTop = 0;
  }

  noted(job) {
    this.job = job;
    const place = document.getElementById('job');
    // Selects that are open stay open: only the panel is replaced.
    if (place) place.replaceWith(jobPanel(this));
    for (const id of ['train', 'predict', 'go']) {
      const button = document.getElementById(id);
      if (button && job && job.state === 'running') button.disabled = true;
    }
  }

  async poll() {
    const before = this.job;
    const lost = this.lost;
    try {
      const job = await get('job');
      this.lost = false;
      if (lost || (this.drawn() && this.drawn().lost)) this.found();
      if (JSON.stringify(job) !== JSON.stringify(before)) {
        this.noted(job);
        if (this.tab === 'video') await this.video.progress(job);
        const ended = job && before && (job.state !== before.state || job.title !== before.title);
        if (ended) await this.finished(before);
      }
    } catch (error) {
      if (error.status === undefined) throw error;
      if (!lost) notice(error.message);
      this.lost = true;
    }
    setTimeout(() => this.poll(), this.job && this.job.state === 'running' ? 700 : 2500);
  }

  // The server is there again.
  found() {
    document.getElementById('notice').hidden = true;
    if (this.drawn()) this.drawn().again();
  }

  async finished(before) {
    await this.load();
    if (before.kind === 'predict' && this.job.kind === 'predict' && this.job.state === 'done') {
      this.model = this.state.mapped[0] || '';
      this.mapped = Date.now();
    }
    if (this.tab === 'images') await this.images.refresh();
    else if (this.tab !== 'video') await this.current().show();
    this.aside();
  }

  key(event) {
    if (event.target.matches && event.target.matches('select, input:not([type=range]):not([type=checkbox]), textarea')) return;
    const own = this.tab === 'images' ? this.images.editor : this.tab === 'video' ? this.video : null;
    if (own && own.key_(event)) event.preventDefault();
  }
}

function keys() {
  const known = [['F B E R H', 'object, background, eraser, box, move'], ['[ ]', 'width'], ['Ctrl Z', 'undo; with Shift redo'], ['+ − 0', 'zoom, whole image'], ['← →', 'other image'], ['M', 'map on and off'], ['Esc', 'all images']];
  return make('section', {}, make('h2', {}, 'Keys'), make('div', { class: 'keys' }, ...known.flatMap(([key, text]) => [make('kbd', {}, key), make('span', {}, text)])));
}

const app = new App();
trying(() => app.start_());
