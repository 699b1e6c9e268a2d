// Builds the three bundles into core/internal/browser/dist, or with --check fails when they are stale.
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "../../core/internal/browser/dist");
const { version } = JSON.parse(await readFile(join(here, "package.json"), "utf8"));

// A script tag gets the global `io`; CommonJS and AMD loaders get the same function.
const footer = `(function(){if(typeof module=="object"&&module.exports)module.exports=io;else if(typeof define=="function"&&define.amd)define(function(){return io})})();`;
const script = {
  entryPoints: ["src/global.ts"],
  format: "iife",
  globalName: "io",
  footer: { js: `io=io.default;${footer}` },
};
const small = {
  minify: true,
  // Names with an underscore are private. Kept: the wire's, and those that applications are known to look at.
  mangleProps: /^_[a-zA-Z]/,
  reserveProps: /^_(placeholder|close|readyState|queue|pingTimeoutTime|hasPingExpired)$/,
};
const bundles = {
  "socket.io.js": script,
  "socket.io.min.js": { ...script, ...small },
  "socket.io.esm.min.js": { entryPoints: ["src/index.ts"], format: "esm", ...small },
};

const files = new Map();
for (const [name, options] of Object.entries(bundles)) {
  const result = await build({
    absWorkingDir: here,
    bundle: true,
    target: "es2018",
    charset: "utf8",
    legalComments: "none",
    sourcemap: true,
    write: false,
    outfile: join(out, name),
    banner: { js: `/* gosio client ${version}, MIT license */` },
    ...options,
  });
  for (const file of result.outputFiles) files.set(file.path, file.contents);
}

let stale = 0;
for (const [path, contents] of files) {
  const name = path.slice(out.length + 1);
  if (process.argv.includes("--check")) {
    const current = await readFile(path).catch(() => undefined);
    if (!current || !current.equals(contents)) {
      stale++;
      console.error(`stale: core/internal/browser/dist/${name} (npm run build)`);
    }
  } else {
    await mkdir(out, { recursive: true });
    await writeFile(path, contents);
  }
  if (name.endsWith(".js")) {
    console.log(`${name.padEnd(22)} ${String(contents.length).padStart(6)} B  gzip ${gzipSync(contents, { level: 9 }).length} B`);
  }
}
process.exitCode = stale ? 1 : 0;
