/**
 * The `on…` attributes of one event target (HTML §8.1.8.1, "event handlers").
 *
 * Knows types and values, not the events. A handler takes its place among the listeners when it is first set, and keeps it
 * while it is replaced; null gives the place up. Read next: `websocket.ts`, `event-source.ts`.
 */

/** What an `on…` attribute holds: a function, an object (which is kept and does nothing), or null. */
type Value = object | null;

interface Handler {
  value: object;
  readonly listener: (event: Event) => void;
}

export class EventHandlers {
  readonly #target: EventTarget;
  readonly #handlers = new Map<string, Handler>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** The value of `on` + `type`. */
  get(type: string): Value {
    return this.#handlers.get(type)?.value ?? null;
  }

  /** Sets `on` + `type`. What is no object counts as null (WebIDL `[LegacyTreatNonObjectAsNull]`). */
  set(type: string, value: unknown): void {
    const handler = this.#handlers.get(type);
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
      // "deactivate an event handler": its place is given up.
      if (handler === undefined) return;
      this.#handlers.delete(type);
      this.#target.removeEventListener(type, handler.listener);
      return;
    }
    if (handler !== undefined) {
      handler.value = value as object; // the place stays
      return;
    }
    // "activate an event handler": appends a listener that looks the value up when it is called.
    const added: Handler = { value: value as object, listener: (event) => this.#call(added.value, event) };
    this.#handlers.set(type, added);
    this.#target.addEventListener(type, added.listener);
  }

  /** "the event handler processing algorithm": `this` is the target, and a handler that returns false cancels the event. */
  #call(value: object, event: Event): void {
    if (typeof value !== 'function') return;
    const result: unknown = Reflect.apply(value, this.#target, [event]);
    if (result === false) event.preventDefault();
  }
}
