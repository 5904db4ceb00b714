/** A list whose items are moved by their handles: with mouse, pen or finger, or the arrow keys. */

type Moved = (item: HTMLElement, index: number) => void;

export function makeSortable(list: HTMLElement, moved: Moved): void {
  list.addEventListener("pointerdown", (event) => {
    const item = itemOfHandle(event.target);
    if (item && event.button === 0) drag(list, item, event.pointerId, moved);
  });
  list.addEventListener("keydown", (event) => {
    const item = itemOfHandle(event.target);
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!item || !step) return;
    event.preventDefault();
    const index = indexOf(item) + step;
    if (index < 0 || index >= list.children.length) return;
    place(list, item, index);
    moved(item, index);
  });
}

function drag(list: HTMLElement, item: HTMLElement, pointer: number, moved: Moved): void {
  const from = indexOf(item);
  const ended = new AbortController();
  const end = (): void => {
    ended.abort();
    item.classList.remove("dragged");
  };
  const listen = <K extends keyof HTMLElementEventMap>(
    name: K,
    act: (event: HTMLElementEventMap[K]) => void,
  ): void => list.addEventListener(name, act, { signal: ended.signal });

  item.classList.add("dragged");
  // The list keeps the pointer: the item would lose it each time it changes places.
  list.setPointerCapture(pointer);
  listen("pointermove", (event) => place(list, item, indexAt(list, item, event.clientY)));
  listen("pointerup", () => {
    end();
    if (indexOf(item) !== from) moved(item, indexOf(item));
  });
  listen("pointercancel", () => {
    end();
    place(list, item, from);
  });
}

/** The index that an item has when it is dropped at this height. */
function indexAt(list: HTMLElement, item: HTMLElement, y: number): number {
  const others = [...list.children].filter((other) => other !== item);
  return others.filter((other) => middle(other) < y).length;
}

function middle(element: Element): number {
  const { top, height } = element.getBoundingClientRect();
  return top + height / 2;
}

/** Put an item where it has this index, unless it is there. The focus goes with it. */
export function place(list: HTMLElement, item: HTMLElement, index: number): void {
  if (list.children[index] === item) return;
  const others = [...list.children].filter((other) => other !== item);
  const focused = document.activeElement;
  list.insertBefore(item, others[index] ?? null);
  if (focused instanceof HTMLElement && item.contains(focused)) focused.focus();
}

function indexOf(item: HTMLElement): number {
  return [...(item.parentElement?.children ?? [])].indexOf(item);
}

function itemOfHandle(target: EventTarget | null): HTMLElement | null {
  const handle = target instanceof Element ? target.closest(".handle") : null;
  return handle?.closest("li") ?? null;
}
