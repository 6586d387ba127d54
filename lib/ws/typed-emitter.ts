/**
 * The type of an emitter as @types/ws has it: known events have their arguments, any other event may have any.
 *
 * Types only, over Node's `EventEmitter`: its own typed form refuses listeners that take less or more than the table says.
 * Read next: `emitter.ts`.
 */

import { EventEmitter } from 'node:events';

// biome-ignore lint/suspicious/noExplicitAny: what an event of the application's own has is its own
type Any = any;

/** `Events` has the arguments of each event's listeners. */
export interface TypedEmitter<Events extends object> extends EventEmitter {
  on<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  on(event: string | symbol, listener: (this: this, ...args: Any[]) => void): this;
  once<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  once(event: string | symbol, listener: (this: this, ...args: Any[]) => void): this;
  off<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  off(event: string | symbol, listener: (this: this, ...args: Any[]) => void): this;
  addListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  addListener(event: string | symbol, listener: (this: this, ...args: Any[]) => void): this;
  removeListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  removeListener(event: string | symbol, listener: (this: this, ...args: Any[]) => void): this;
}

type Listener<Self, Args> = (this: Self, ...args: Args extends Any[] ? Args : never) => void;

/** Node's `EventEmitter` itself. */
export const TypedEmitter: new <Events extends object>() => TypedEmitter<Events> = EventEmitter as never;
