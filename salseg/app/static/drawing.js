// What drawing on an image and on a frame of a video have in common: the keys, the pen's movement, boxes, and changes that
// could not be saved.

import { make, notice } from './tools.js';

// Keys of both; what is none of them goes to `owner.own(letter)`. True where the key did something. Tools are lists that begin
// with name, title and letter.
export function pressed(event, owner, tools, kept) {
  const letter = event.key.toLowerCase(), control = event.ctrlKey || event.metaKey;
  const tool = tools.find(([, , own]) => own === letter);
  if (control && letter === 'z') owner.step(event.shiftKey ? 'redo' : 'undo');
  else if (control && letter === 'y') owner.step('redo');
  else if (control || event.altKey) return false;
  else if (tool) owner.choose(tool[0]);
  else if (letter === '[' || letter === ']') {
    const { min, max } = owner.width;
    kept.width = Math.min(Number(max), Math.max(Number(min), kept.width * (letter === ']' ? 1.25 : 0.8)));
    owner.width.value = kept.width;
    owner.view.refresh();
  } else if (letter === '+' || letter === '=') owner.view.zoom(1.3);
  else if (letter === '-') owner.view.zoom(1 / 1.3);
  else if (letter === '0') owner.view.fit();
  else return owner.own(letter);
  return true;
}

export function penWidth(owner, kept, max) {
  const change = () => { kept.width = Number(owner.width.value); owner.view.refresh(); };
  return make('input', { type: 'range', min: 0.3, max, step: 0.1, value: kept.width, title: 'width of the pen: [ and ]', 'aria-label': 'width', input: change });
}

export function listen(canvas, owner) {
  // A canvas that was closed still hears that the pointer leaves it.
  const hear = (kind, act) => canvas.addEventListener(kind, (event) => { if (owner.view && owner.view.canvas === canvas) act(event); });
  hear('pointerdown', (event) => owner.down(event));
  hear('pointermove', (event) => owner.moved(event));
  hear('pointerup', (event) => owner.up(event));
  hear('pointercancel', (event) => owner.up(event));
  hear('pointerleave', () => { owner.pointer = null; owner.view.refresh(); });
}

// A movement that begins: the tool, the place in pixels, and that in the window. Null where the button is none of ours.
export function begun(event, view, chosen) {
  if (event.button > 1) return null;
  try {
    view.canvas.setPointerCapture(event.pointerId);
  } catch {
    // A pointer that is gone already draws a point.
  }
  const [x, y] = view.pixel(event);
  return { tool: event.button === 1 || event.shiftKey ? 'pan' : chosen, x, y, at: [event.clientX, event.clientY] };
}

// Moves the image, or gives all places that the pen passed since the last event.
export function passed(event, view, drag) {
  if (drag.tool === 'pan') {
    view.pan(event.clientX - drag.at[0], event.clientY - drag.at[1]);
    drag.at = [event.clientX, event.clientY];
    return [];
  }
  const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
  return (events.length ? events : [event]).map((one) => view.pixel(one));
}

// A dragged box in whole pixels of the image; null where it is a click.
export function boxOf(drag, [x, y], { width, height }, scale) {
  const corners = [Math.min(drag.x, x), Math.min(drag.y, y), Math.max(drag.x, x), Math.max(drag.y, y)];
  const box = corners.map((value, place) => Math.round(Math.min(place % 2 ? height : width, Math.max(0, value))));
  return box[2] - box[0] < 3 / scale || box[3] - box[1] < 3 / scale ? null : box;
}

export const holds = ([x0, y0, x1, y1], [x, y]) => x >= x0 && x <= x1 && y >= y0 && y <= y1;

// Whether something that is drawn still has to be saved; asks where it could not be. `go` goes on without it.
export async function waits(drawn, go) {
  if (!drawn) return false;
  let saving;
  do {
    saving = drawn.saving;
    await saving;
  } while (saving !== drawn.saving);
  if (!drawn.unsaved()) return false;
  notice('The last change could not be saved; it is still here.', { text: 'Try again', run: () => drawn.again() },
    { text: 'Go on without it', run: () => { drawn.forget(); go(); } });
  return true;
}
