// Option useNativeTimers: the functions as they were when the bundle was loaded, whatever replaced them since.
const nativeSet = setTimeout;
const nativeClear = clearTimeout;

interface TimerOptions {
  useNativeTimers?: boolean;
}

/** Longer than 24 days is 24 days: timers take a longer time for none. */
export function startTimer(opts: TimerOptions, fn: () => void, ms: number): any {
  return (opts.useNativeTimers ? nativeSet : setTimeout)(fn, Math.min(ms, 0x7fffffff));
}

export function stopTimer(opts: TimerOptions, timer: any): void {
  (opts.useNativeTimers ? nativeClear : clearTimeout)(timer);
}
