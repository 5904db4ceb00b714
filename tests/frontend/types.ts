/** The types as a person would have written them; the compiler holds the generated ones against it. */
import type { ErrorDetail, ApiError, Task, TaskCreate, TaskUpdate, operations } from "./client/client";

/** `true` if the two types are the same, optional members and all. */
type Same<A, B> =
  (<T>() => T extends Plain<A> ? 1 : 2) extends <T>() => T extends Plain<B> ? 1 : 2 ? true : false;
type Plain<T> = { [K in keyof T]: T[K] };

/** Compiles for `true` only. */
type Holds<T extends true> = T;

export type Expectations = [
  Holds<
    Same<
      Task,
      {
        id: number;
        user_id: string;
        title: string;
        description: string | null;
        completed: boolean;
        position: number;
        created_at: string;
        updated_at: string;
      }
    >
  >,
  Holds<
    Same<
      TaskCreate,
      { title: string; description?: string | null; completed?: boolean; position?: number }
    >
  >,
  Holds<
    Same<
      TaskUpdate,
      { title?: string; description?: string | null; completed?: boolean; position?: number }
    >
  >,
  // A whole task may be sent back.
  Holds<Task extends TaskUpdate ? true : false>,
  Holds<
    Same<
      NonNullable<operations["list_tasks"]["parameters"]["query"]>,
      { completed?: boolean; limit?: number; offset?: number }
    >
  >,
  Holds<
    Same<
      Extract<ApiError, { code: "conflict" }>,
      { code: "conflict"; message: string; details: ErrorDetail[] }
    >
  >,
];

/** Each code leaves one refusal, and after all of them none is left. */
export function isWorthAnotherTry(refusal: ApiError): boolean {
  switch (refusal.code) {
    case "internal_error":
    case "unavailable":
    case "conflict":
      return true;
    case "unauthorized":
    case "forbidden":
    case "not_found":
    case "payload_too_large":
    case "validation_error":
      return false;
    default:
      return refusal satisfies never;
  }
}
