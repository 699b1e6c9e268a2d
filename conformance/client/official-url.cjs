// The shape that the official suite's url.ts expects, from our address parser.
const { parseAddress } = require("../../address.cjs");

exports.url = (uri, path = "", page) => {
  const { secure, host, port, path: nsp } = parseAddress(uri, page);
  const protocol = secure ? "https" : "http";
  const id = `${protocol}://${host}:${port}${path}`;
  const shown = page && String(page.port) === port ? "" : ":" + port;
  return { id, host: host.replace(/[[\]]/g, ""), port, protocol, path: nsp, href: `${protocol}://${host}${shown}` };
};
