// The side of a video: how it is followed, and what of it can be kept.

import { address, choice, make } from './tools.js';

const OPTIONS = [
  ['backward', 'frames before the prompts too'],
  ['states', 'keep states: corrections begin near by, and take more disk'],
  ['overlay', 'overlay.mp4'],
  ['rle', 'rle.json, a COCO file'],
  ['alpha', 'alpha.mov, for cutting'],
];

export function following(video) {
  const { app, options, facts } = video, busy = app.job && app.job.state === 'running';
  const given = video.prompts.given().size > 0;
  const same = facts.followed.model === video.model && facts.followed.backward === options.backward && facts.followed.alpha === options.alpha;
  const correcting = video.masks.size > 0 && same && !options.anew;
  const box = ([name, text]) => {
    const input = make('input', { type: 'checkbox', id: `option-${name}`, checked: options[name], change: () => { options[name] = input.checked; app.aside(); } });
    return make('label', { class: 'small option' }, input, text);
  };
  const start = async () => {
    video.watching = true;
    await app.start({ kind: 'track', model: video.model, video: video.name, ...options });
    options.anew = false;
  };
  const words = correcting
    ? 'Frames before the first prompt that changed stay as they are; all from there on are followed anew.'
    : video.masks.size ? 'All frames are followed anew.' : 'It needs a tracker, such as xmem-lite: train one, and start the page with --model and the folder of its run.';
  const exports = facts.exports.map((name) => make('a', { href: address('track-file', { video: video.name, file: name }), download: name }, name));
  return [
    make('section', {}, make('h2', {}, '2 Follow'),
      make('div', { class: 'row' }, choice('model', app.state.models.map((name) => [name, name]), video.model, (value) => { video.model = value; app.aside(); }),
        make('button', { id: 'go', class: 'primary', disabled: busy || !given, click: start }, correcting ? 'Correct' : 'Follow')),
      ...OPTIONS.map(box), video.masks.size ? box(['anew', 'from the beginning, nothing is kept']) : null,
      make('p', { class: 'soft small' }, words)),
    video.masks.size ? make('section', { class: 'files' }, make('h2', {}, '3 Keep'), make('p', { class: 'soft small' }, `${video.masks.size} masks in ${facts.out}`), ...exports) : null,
  ].filter(Boolean);
}
