export type EventName = string | symbol;
export type Listener = ((...args: any[]) => void) & { _inner?: Listener };

/**
 * Calls a function of the application. What it throws is reported as uncaught, but does not
 * keep the other listeners, or the connection, from going on.
 */
export function call(fn: (...args: any[]) => void, self: any, args: any[]): void {
  try {
    fn.apply(self, args);
  } catch (err) {
    queueMicrotask(() => {
      throw err;
    });
  }
}

/** Emitter is the event surface shared by Socket, Manager and Engine. */
export class Emitter {
  // A Map, not an object: event names such as "constructor" come from the network.
  _events = new Map<EventName, Listener[]>();

  on(event: EventName, fn: Listener): this {
    const list = this._events.get(event);
    list ? list.push(fn) : this._events.set(event, [fn]);
    return this;
  }

  once(event: EventName, fn: Listener): this {
    const wrapper: Listener = (...args) => {
      this.off(event, wrapper);
      fn.apply(this, args);
    };
    wrapper._inner = fn;
    return this.on(event, wrapper);
  }

  off(event?: EventName, fn?: Listener): this {
    if (event === undefined) {
      this._events.clear();
    } else if (!fn) {
      this._events.delete(event);
    } else {
      const list = this.listeners(event);
      const at = list.findIndex((f) => f === fn || f._inner === fn);
      if (at >= 0) list.splice(at, 1);
      this._events.set(event, list);
      if (!list.length) this._events.delete(event);
    }
    return this;
  }

  emit(event: EventName, ...args: any[]): any {
    this._fire(event, args);
    return this;
  }

  /** Calls the listeners; never overridden, so it also works for reserved events. */
  _fire(event: EventName, args: any[]): void {
    for (const fn of this.listeners(event)) call(fn, this, args);
  }

  /** A copy of the listeners of one event. */
  listeners(event: EventName): Listener[] {
    return (this._events.get(event) || []).slice();
  }

  hasListeners(event: EventName): boolean {
    return this._events.has(event);
  }
}

// The long-winded names that the official client also answers to.
const proto = Emitter.prototype as any;
proto.addEventListener = proto.on;
proto.removeListener = proto.removeEventListener = proto.removeAllListeners = proto.off;
