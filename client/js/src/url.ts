// Not the URL class: it percent-encodes paths, and a namespace has to stay as it was written.
const URI = /^(?:([a-z][\w+.-]*):\/\/)?(?:[^@/?#]*@)?(\[[^\]]*]|[^:/?#]*)(?::(\d+))?([^?#]*)(?:\?([^#]*))?/i;

export interface Address {
  secure: boolean;
  /** With brackets when it is an IPv6 address. */
  host: string;
  port: string;
  path: string;
  query: string;
}

/** Parses what io() and Manager take; what is missing comes from the page. */
export function parseAddress(uri?: string, page: any = typeof location === "undefined" ? undefined : location): Address {
  const base = page || { protocol: "http:", host: "localhost" };
  const scheme = base.protocol + "//";
  if (!uri) uri = scheme + base.host;
  else if (uri[0] === "/") uri = uri[1] === "/" ? base.protocol + uri : scheme + base.host + uri;
  else if (!/^(https?|wss?):\/\//i.test(uri)) uri = (page ? scheme : "https://") + uri;
  const [, protocol, host, port, path, query] = URI.exec(uri) as any;
  const secure = /^(http|ws)s$/i.test(protocol);
  return { secure, host, port: port || (secure ? "443" : "80"), path: path || "/", query: query || "" };
}

export const encodeQuery = (query: Record<string, any>): string => new URLSearchParams(query).toString();

export function decodeQuery(text: string): Record<string, string> {
  const query: Record<string, string> = {};
  for (const pair of text.split("&")) {
    const at = (pair + "=").indexOf("="); // the first: those that follow are the value's
    if (at) query[decode(pair.slice(0, at))] = decode(pair.slice(at + 1));
  }
  return query;
}

/** What is not encoded as it should be stays as it is, as with the official client. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (_) {
    return text;
  }
}
