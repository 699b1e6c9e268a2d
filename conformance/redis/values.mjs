// What random operations are made of: the same for the same seed.
/** A small generator (mulberry32): the same numbers for the same seed. */
export function random(state) {
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  const one = (list) => list[below(list.length)];
  const some = (list, most) => Array.from({ length: below(most + 1) }, () => one(list));
  return { next, below, one, some };
}

export const bytes = (b) => ({ $bytes: b.toString("base64") });
const strings = ["", "hello", "žluťoučký kůň", "日本語", "👍🏽", '"\\\n\u0000\u2028', "x".repeat(300), "x".repeat(70_000), "constructor", "__proto__"];
const numbers = [0, 1, -1, 127, 128, -128, 65536, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -(2 ** 53 - 1), 1.5, 0.1, -1e-7, 1e21, 5e-324, 1.7976931348623157e308];
const words = [true, false, null];

/** value makes an argument, and what a client gets of it. */
function value(r, depth = 0) {
  switch (r.below(depth > 3 ? 4 : 8)) {
    case 0: return same(r.one(strings));
    case 1: return same(r.one(numbers));
    case 2: return same(r.one(words));
    case 3: {
      if (r.below(2) === 0) {
        const seconds = r.below(2 ** 31);
        return { sent: { $time: seconds }, got: new Date(seconds * 1000).toISOString().replace(".000Z", "Z") };
      }
      return same(r.next());
    }
    case 4: {
      const list = Array.from({ length: r.below(4) }, () => value(r, depth + 1));
      return { sent: list.map((v) => v.sent), got: list.map((v) => v.got) };
    }
    case 5: {
      const entries = Array.from({ length: r.below(4) }, (_, i) => [`${r.one(strings.slice(0, 6))}${i}`, value(r, depth + 1)]);
      return { sent: Object.fromEntries(entries.map(([k, v]) => [k, v.sent])), got: Object.fromEntries(entries.map(([k, v]) => [k, v.got])) };
    }
    default: return same(r.one(strings.slice(0, 6)));
  }
}
const same = (v) => ({ sent: v, got: v });

/** args are a few values, some of them bytes: at most 10, which is what clients take. */
export function args(r) {
  const list = Array.from({ length: r.below(4) }, () => value(r));
  if (r.below(4) === 0) {
    const b = Buffer.from(Array.from({ length: r.one([0, 1, 3, 300]) }, () => r.below(256)));
    list.push({ sent: bytes(b), got: b }, { sent: { deep: [bytes(b), "text"] }, got: { deep: [b, "text"] } });
  }
  return { sent: list.map((v) => v.sent), got: list.map((v) => v.got) };
}

export const names = ["a", "b", "c", "d#", "日本", "room with spaces", "*", "x".repeat(20)];
