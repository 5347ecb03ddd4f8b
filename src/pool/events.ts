/**
 * Calls users' hooks, without ever failing by them.
 *
 * @module
 */

/** Calls a hook; what it throws, or rejects with, goes to the console. */
export function tell<E>(hook: (event: E) => unknown, event: E): void {
  try {
    const result = hook(event);
    if (result instanceof Promise) result.catch(hook_failed);
  } catch (error) {
    hook_failed(error);
  }
}

function hook_failed(error: unknown): void {
  console.warn("a hook of the pool failed:", error);
}
