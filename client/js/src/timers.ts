// Option useNativeTimers: the functions as they were when the bundle was loaded, whatever replaced them since.
const nativeSet = setTimeout;
const nativeClear = clearTimeout;

interface TimerOptions {
  useNativeTimers?: boolean;
}

export function startTimer(opts: TimerOptions, fn: () => void, ms: number): any {
  return (opts.useNativeTimers ? nativeSet : setTimeout)(fn, ms);
}

export function stopTimer(opts: TimerOptions, timer: any): void {
  (opts.useNativeTimers ? nativeClear : clearTimeout)(timer);
}
