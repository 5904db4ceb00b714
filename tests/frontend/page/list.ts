/** The list as a person sees it: shows tasks, and tells what the person does to them. */
import type { Task, TaskUpdate } from "../client/client";
import { makeSortable, place } from "./sortable";

export interface Actions {
  update: (task: Task, change: TaskUpdate) => void;
  complete: (task: Task, completed: boolean) => void;
  remove: (task: Task) => void;
}

interface Item {
  task: Task;
  element: HTMLElement;
}

export class List {
  private readonly items = new Map<number, Item>();
  private readonly list = find(document, "#list", HTMLElement);
  private readonly template = find(document, "#task", HTMLTemplateElement);

  constructor(private readonly actions: Actions) {
    makeSortable(this.list, (element, index) => {
      const { task } = this.itemOf(element);
      const count = this.list.children.length;
      announce(`${task.title} is now at place ${index + 1} of ${count}.`);
      actions.update(task, { position: index });
    });
  }

  /** Show these tasks in this order. What somebody is typing stays. */
  show(tasks: Task[]): void {
    const kept = new Set(tasks.map((task) => task.id));
    for (const [id, { element }] of this.items) {
      if (!kept.has(id)) this.forget(id, element);
    }
    const isDragging = this.list.querySelector(".dragged") !== null;
    tasks.forEach((task, index) => {
      const { element } = this.fill(task);
      if (!isDragging || !element.isConnected) place(this.list, element, index);
    });
    const open = tasks.filter((task) => !task.completed).length;
    find(document, "#summary", HTMLElement).textContent =
      tasks.length === 0 ? "Nothing to do. Add your first task." : `${open} of ${tasks.length} to do`;
  }

  private fill(task: Task): Item {
    const item = this.items.get(task.id) ?? this.create(task);
    item.task = task;
    const { element } = item;
    const set = (name: string, value: string, label: string): void => {
      const input = find(element, name, HTMLInputElement);
      if (input !== document.activeElement) input.value = value;
      input.setAttribute("aria-label", label);
    };
    set(".title", task.title, `Title of ${task.title}`);
    set(".description", task.description ?? "", `Note on ${task.title}`);
    const completed = find(element, ".completed", HTMLInputElement);
    completed.checked = task.completed;
    completed.setAttribute("aria-label", `${task.title} is done`);
    find(element, ".handle", HTMLElement).setAttribute("aria-label", `Move ${task.title}`);
    find(element, ".delete", HTMLElement).setAttribute("aria-label", `Delete ${task.title}`);
    return item;
  }

  private create(task: Task): Item {
    const copy = this.template.content.cloneNode(true) as DocumentFragment;
    const item = { task, element: find(copy, "li", HTMLElement) };
    this.items.set(task.id, item);
    const { update, complete, remove } = this.actions;
    const on = (name: string, event: string, act: (input: HTMLInputElement) => void): void => {
      const input = find(item.element, name, HTMLElement);
      input.addEventListener(event, () => act(input as HTMLInputElement));
    };
    on(".title", "change", (input) => {
      // A task without a title is none.
      if (input.value.trim()) update(item.task, { title: input.value });
      else this.takeBack(item);
    });
    on(".description", "change", (input) => update(item.task, { description: input.value || null }));
    on(".completed", "change", (input) => complete(item.task, input.checked));
    on(".delete", "click", () => remove(item.task));
    item.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.takeBack(item);
    });
    return item;
  }

  /** Show the task again instead of what was typed. */
  private takeBack({ task, element }: Item): void {
    find(element, ".title", HTMLInputElement).value = task.title;
    find(element, ".description", HTMLInputElement).value = task.description ?? "";
  }

  private forget(id: number, element: HTMLElement): void {
    const hadFocus = element.contains(document.activeElement);
    const next = element.nextElementSibling ?? element.previousElementSibling;
    this.items.delete(id);
    element.remove();
    // Somebody who deletes with the keyboard goes on at the next task.
    if (hadFocus) next?.querySelector<HTMLElement>(".delete")?.focus();
  }

  private itemOf(element: HTMLElement): Item {
    for (const item of this.items.values()) if (item.element === element) return item;
    throw new Error("This element is no task.");
  }
}

/** Say something to people who do not see the page. */
export function announce(text: string): void {
  find(document, "#announcement", HTMLElement).textContent = text;
}

export function find<E extends Element>(
  within: ParentNode,
  selector: string,
  kind: new () => E,
): E {
  const found = within.querySelector(selector);
  if (found instanceof kind) return found;
  throw new Error(`index.html has no ${selector}.`);
}
