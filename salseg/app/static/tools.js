// What every part of the page uses: requests, elements, notices. Names come from files: they are only ever set as text.

export class Refused extends Error {
  constructor(message, status) { super(message); this.status = status; }
}

export function address(name, query = {}) {
  return `/api/${name}?${new URLSearchParams(query)}`;
}

export async function ask(name, query = {}, options = {}) {
  let answer;
  try {
    answer = await fetch(address(name, query), options);
  } catch {
    throw new Refused('The server does not answer. Start it again with the same command; nothing that was saved is lost.', 0);
  }
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Refused(said.error || `The server answered with status ${answer.status}.`, answer.status);
  }
  return answer;
}

export const get = async (name, query) => (await ask(name, query)).json();

export const send = async (name, content) =>
  (await ask(name, {}, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(content) })).json();

// make('button', { class: 'primary', click: f }, 'Train', ...)
export function make(tag, facts = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(facts)) {
    if (typeof value === 'function') node.addEventListener(name, value);
    else if (name in node && name !== 'list' && name !== 'width' && name !== 'height') node[name] = value;
    else if (name === 'class') node.className = value;
    else if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const swatch = (colour) => {
  const node = make('span', { class: 'swatch' });
  node.style.background = colour;
  return node;
};

export function choice(label, options, chosen, change) {
  const select = make('select', { 'aria-label': label, change: () => change(select.value) });
  for (const [value, text] of options) select.append(make('option', { value, selected: value === chosen }, text));
  return select;
}

export function notice(text, ...actions) {
  const place = document.getElementById('notice');
  place.replaceChildren(make('span', {}, text));
  for (const action of actions) place.append(make('button', { click: () => { hideNotice(); action.run(); } }, action.text));
  place.append(make('button', { 'aria-label': 'close', click: hideNotice }, '×'));
  place.hidden = false;
}

export function hideNotice() { document.getElementById('notice').hidden = true; }

export async function trying(work) {
  try {
    return await work();
  } catch (error) {
    if (error.status !== undefined) notice(error.message);
    else throw error;
    return null;
  }
}

export function loaded(source) {
  return new Promise((found, lost) => {
    const image = new Image();
    image.onload = () => found(image);
    image.onerror = () => lost(new Refused('This image cannot be shown; look at its file.', 0));
    image.src = source;
  });
}

export function clock(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return '';
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
}

// Answers need not come in the order of their questions: those to an older one than the newest change nothing any more.
export class Newest {
  // Whether the question that is asked now is still the newest.
  begin() {
    const mine = this.asked = {};
    return () => mine === this.asked;
  }
}

export async function packed(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function unpacked(answer) {
  const stream = (await answer.blob()).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
