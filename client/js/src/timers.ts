const nativeSetTimeout = setTimeout;

/** setTimeout as it is now, or as it was when the bundle was loaded (option useNativeTimers). */
export function startTimer(opts: { useNativeTimers?: boolean }, fn: () => void, ms: number): any {
  return (opts.useNativeTimers ? nativeSetTimeout : setTimeout)(fn, ms);
}
