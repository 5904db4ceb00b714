/**
 * What can be done to somebody's tasks: the operations of the contract that this page uses.
 *
 * Each body has a type of its own: openapi-fetch would let an unknown member pass.
 */
import type { ApiError, Task, TaskCompletion, TaskCreate, TaskUpdate } from "../client/client";
import { api, SignedOut } from "./session";

export class Tasks {
  constructor(private readonly user_id: string) {}

  /** The whole list in its order, page by page. */
  async all(): Promise<Task[]> {
    const path = { user_id: this.user_id };
    const tasks: Task[] = [];
    for (let more = true; more; ) {
      const query = { offset: tasks.length };
      const page = answered(await api.GET("/api/{user_id}/tasks", { params: { path, query } }));
      tasks.push(...page.data);
      more = page.pagination.has_more;
    }
    return tasks;
  }

  async add(title: string): Promise<Task> {
    const path = { user_id: this.user_id };
    const body: TaskCreate = { title };
    return answered(await api.POST("/api/{user_id}/tasks", { params: { path }, body }));
  }

  /** Change what is given, and nothing else; a `position` moves the task. */
  async update(task_id: number, body: TaskUpdate): Promise<Task> {
    const path = { user_id: this.user_id, task_id };
    return answered(await api.PUT("/api/{user_id}/tasks/{task_id}", { params: { path }, body }));
  }

  /** Say which state is meant, so that sending it twice is safe. */
  async complete(task_id: number, completed: boolean): Promise<Task> {
    const path = { user_id: this.user_id, task_id };
    const body: TaskCompletion = { completed };
    return answered(
      await api.PATCH("/api/{user_id}/tasks/{task_id}/complete", { params: { path }, body }),
    );
  }

  async remove(task_id: number): Promise<void> {
    const path = { user_id: this.user_id, task_id };
    answered(await api.DELETE("/api/{user_id}/tasks/{task_id}", { params: { path } }));
  }
}

/** Give what the service answered, or throw what it refused. */
function answered<T>({ data, error }: { data?: T; error?: ApiError }): T {
  if (error) throw refused(error);
  return data as T;
}

/** Put a refusal into words; `code` tells which one it is. */
function refused(refusal: ApiError): Error {
  switch (refusal.code) {
    case "unauthorized":
      return new SignedOut();
    case "not_found":
      return new Error("This task is gone: somebody has deleted it.");
    case "validation_error":
      return new Error(refusal.details.map((detail) => detail.message).join(". "));
    default:
      return new Error(refusal.message);
  }
}
