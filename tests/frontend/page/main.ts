/** The page: signs people in, and keeps their list on the screen as it is at the service. */
import { find, List } from "./list";
import { auth, forgetToken, SignedOut } from "./session";
import { Tasks } from "./tasks";

const signIn = find(document, "#sign-in", HTMLFormElement);
const signOut = find(document, "#sign-out", HTMLButtonElement);
const section = find(document, "#tasks", HTMLElement);
const add = find(document, "#add", HTMLFormElement);
const message = find(document, "#message", HTMLElement);

let tasks: Tasks | undefined;

const list = new List({
  update: (task, change) => act((tasks) => tasks.update(task.id, change)),
  complete: (task, completed) => act((tasks) => tasks.complete(task.id, completed)),
  remove: (task) => act((tasks) => tasks.remove(task.id)),
});

let last: Promise<unknown> = Promise.resolve();
let waiting = 0;
let changes = 0;

/** Change something, then show the list as it now is. Changes go one after the other. */
function act(change?: (tasks: Tasks) => Promise<unknown>): Promise<boolean> {
  waiting += 1;
  changes += 1;
  section.ariaBusy = "true";
  const done = last.then(async () => {
    try {
      if (!tasks) return false;
      message.textContent = "";
      await change?.(tasks);
      return true;
    } catch (error) {
      fail(error);
      return false;
    } finally {
      waiting -= 1;
    }
  });
  last = done;
  done.then(show).catch(fail);
  return done;
}

/** Show the list, unless there is another change by then, after which it is shown anyway. */
async function show(): Promise<void> {
  const seen = changes;
  if (waiting > 0 || !tasks) return;
  const shown = await tasks.all();
  if (seen !== changes) return;
  list.show(shown);
  section.ariaBusy = "false";
}

function fail(error: unknown): void {
  if (error instanceof SignedOut) {
    ask("Your session has ended. Sign in again.");
  } else if (error instanceof TypeError) {
    // All that `fetch` tells of a broken connection or a forbidden origin.
    message.textContent = "The service cannot be reached from here.";
  } else {
    message.textContent = error instanceof Error ? error.message : String(error);
  }
}

function ask(why: string): void {
  tasks = undefined;
  changes += 1;
  forgetToken();
  list.show([]);
  signIn.hidden = false;
  section.hidden = signOut.hidden = true;
  message.textContent = why;
  find(signIn, "[name=email]", HTMLInputElement).focus();
}

/** Show the list of whoever is signed in, or ask. */
async function start(): Promise<void> {
  const { data } = await auth.getSession();
  if (!data) {
    ask("");
    return;
  }
  tasks = new Tasks(data.user.id);
  signIn.hidden = true;
  section.hidden = signOut.hidden = false;
  await act();
}

signIn.addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = new FormData(signIn);
  const email = String(given.get("email"));
  const password = String(given.get("password"));
  const isNew = (event.submitter as HTMLButtonElement | null)?.value === "sign-up";
  const { error } = isNew
    ? await auth.signUp.email({ email, password, name: email })
    : await auth.signIn.email({ email, password });
  if (error) {
    message.textContent = error.message ?? "The sign-in server does not answer.";
    return;
  }
  message.textContent = "";
  find(signIn, "[name=password]", HTMLInputElement).value = "";
  await start();
});

signOut.addEventListener("click", async () => {
  await auth.signOut();
  ask("");
});

add.addEventListener("submit", async (event) => {
  event.preventDefault();
  const title = String(new FormData(add).get("title"));
  // What was typed stays until it is saved.
  if (await act((tasks) => tasks.add(title))) add.reset();
});

// Whoever comes back to the page sees what has happened elsewhere.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void act();
});

start().catch(fail);
