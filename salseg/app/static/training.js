// The side of the page: the three steps, what runs, its loss.

import { choice, clock, make, send, trying } from './tools.js';

const BUDGETS = [[100, 'a first look: 100 steps'], [200, 'short: 200 steps'], [400, 'usual: 400 steps'], [1000, 'long: 1000 steps']];

export class Steps {
  constructor(app) {
    this.app = app;
    this.recipe = 'scribbles';
    this.steps = 400;
    // Undefined until a person chooses: then the newest model, where there is one.
    this.begin = undefined;
  }

  draw() {
    const app = this.app, entries = app.images.entries;
    const drawn = entries.filter((entry) => entry[this.recipe === 'boxes' ? 'box' : 'scribble']).length;
    const busy = app.job && app.job.state === 'running';
    const own = app.state.models.filter((name) => /^model-\d+$/.test(name));
    const begin = own.includes(this.begin) || this.begin === '' ? this.begin : own[0] || '';
    const predicted = entries.filter((entry) => entry.doubt !== undefined).length;
    return [
      make('section', {}, make('h2', {}, '1 Label'),
        make('p', {}, 'On each of some images: one or two scribbles on the object, one on the background. Or boxes.'),
        make('p', { class: 'soft', id: 'drawn' }, drawn ? `${drawn} of ${entries.length} images have ${this.recipe}.` : `No image has ${this.recipe} yet. 10 to 30 are enough to begin.`)),
      make('section', {}, make('h2', {}, '2 Train'),
        make('div', { class: 'row' }, choice('recipe', [['scribbles', 'from scribbles'], ['boxes', 'from boxes']], this.recipe, (value) => { this.recipe = value; app.aside(); })),
        make('div', { class: 'row' }, choice('budget', BUDGETS.map(([n, text]) => [String(n), text]), String(this.steps), (value) => { this.steps = Number(value); })),
        own.length ? make('div', { class: 'row' }, choice('begin', [['', 'from the weights of the recipe'], ...own.map((name) => [name, `from ${name}`])], begin, (value) => { this.begin = value; app.aside(); })) : null,
        make('div', { class: 'row' }, make('button', { id: 'train', class: 'primary', disabled: busy || !drawn, click: () => app.start({ kind: 'train', recipe: this.recipe, steps: this.steps, start: begin }).then(() => { this.begin = undefined; }) }, begin ? 'Train again' : 'Train'),
          make('span', { class: 'soft small' }, 'all images are predicted after it'))),
      make('section', {}, make('h2', {}, '3 Look and correct'),
        make('div', { class: 'row' }, choice('model', app.state.models.map((name) => [name, name]), app.predictor, (value) => { app.predictor = value; }),
          make('button', { id: 'predict', disabled: busy || !entries.length, click: () => app.start({ kind: 'predict', model: app.predictor }) }, 'Predict')),
        app.state.mapped.length ? make('div', { class: 'row' }, make('span', { class: 'soft' }, 'shown: maps of'), choice('maps', app.state.mapped.map((name) => [name, name]), app.model, (value) => app.choose(value))) : null,
        predicted ? make('p', { class: 'soft' }, 'Sort by “least sure first”, correct what is wrong with new scribbles, and train again.') : make('p', { class: 'soft' }, 'The demo model gives a first guess without any labels.')),
    ];
  }
}

export function jobPanel(app) {
  const job = app.job;
  if (!job) return make('section', { id: 'job' });
  const part = job.total ? Math.min(1, job.done / job.total) : 0;
  const states = { running: 'running', done: 'done', failed: 'failed', stopped: 'stopped' };
  const fill = make('div');
  fill.style.width = `${100 * (job.state === 'done' ? 1 : part)}%`;
  const unit = { train: 'steps', predict: 'images', group: 'images', track: 'frames' }[job.kind];
  const counts = job.total && unit ? `${Math.min(job.done, job.total)} of ${job.total} ${unit}` : '';
  const left = job.state === 'running' && job.left !== null ? `, ${clock(job.left)} left` : '';
  const loss = job.losses.length ? `, loss ${job.losses[job.losses.length - 1][1].toFixed(3)}` : '';
  const command = ['salseg', ...(job.words.length > 24 ? [...job.words.slice(0, 3), '…', ...job.words.slice(-4)] : job.words)].join(' ');
  const log = make('pre', {}, job.log || 'starting…');
  const details = make('details', { open: job.state === 'failed' || app.details, toggle: () => { app.details = details.open; } },
    make('summary', {}, 'Command and log'), make('pre', {}, command), log);
  queueMicrotask(() => { log.scrollTop = log.scrollHeight; });
  const running = job.state === 'running';
  return make('section', { id: 'job' }, make('h2', {}, running ? 'Running' : 'Last job'),
    make('div', { id: 'job-state' }, `${job.title}: ${states[job.state]}`),
    make('div', { class: 'meter' }, fill),
    make('div', { class: 'soft small' }, counts + loss + left),
    job.losses.length > 1 ? plot(job.losses, job.total) : null,
    make('div', { class: 'row' },
      running ? make('button', { id: 'stop', click: () => trying(async () => app.noted(await send('stop', {}))) }, 'Stop') : null,
      job.state === 'stopped' || job.state === 'failed' ? make('button', { id: 'resume', click: () => trying(async () => app.noted(await send('resume', {}))) }, 'Resume') : null),
    details);
}

function plot(losses, total) {
  const canvas = make('canvas', { class: 'plot', 'aria-label': 'loss by step' });
  const width = 268, height = 110, ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  const highest = Math.max(...losses.map(([, loss]) => loss)), lowest = Math.min(0, ...losses.map(([, loss]) => loss));
  const x = (step) => 30 + (width - 36) * step / Math.max(total, 1), y = (loss) => height - 18 - (height - 28) * (loss - lowest) / (highest - lowest || 1);
  context.font = '10px system-ui';
  context.fillStyle = '#5d6a70';
  context.fillText(highest.toFixed(1), 2, y(highest) + 4);
  context.fillText(lowest.toFixed(0), 2, y(lowest) + 3);
  context.fillText(`step ${total}`, width - 48, height - 4);
  context.strokeStyle = '#dde3e5';
  context.strokeRect(30, 8, width - 36, height - 26);
  context.strokeStyle = '#12766b';
  context.lineWidth = 1.6;
  context.beginPath();
  losses.forEach(([step, loss], place) => (place ? context.lineTo(x(step), y(loss)) : context.moveTo(x(step), y(loss))));
  context.stroke();
  return canvas;
}
