#!/bin/sh
# Runs the official socket.io-client's own test suite against our build, in a scratch folder.
#
#   official-suite.sh DIR [official]
#
# DIR is an unpacked copy of packages/socket.io-client of the socketio/socket.io repository (its test
# folder is what counts; nothing of it is kept here). With "official", the suite runs against the npm
# package socket.io-client instead, for comparison. The cases left out, and why: OFFICIAL.md.
set -eu
src=${1:?usage: official-suite.sh DIR [official]}
which=${2:-ours}
here=$(cd "$(dirname "$0")" && pwd)
dist=$here/../../core/internal/browser/dist
work=${TMPDIR:-/tmp}/gosio-official-suite
port=41210

mkdir -p "$work/build/cjs"
rm -rf "$work/test"
cp -R "$src/test" "$work/test"
rm -f "$work/test/browser-runner.ts"
find "$work/test" -name '*.ts' -exec sed -i "s/\\b3210\\b/$port/g; s/\\b3211\\b/41211/g" {} +

cat >"$work/package.json" <<EOF
{
  "name": "official-suite", "private": true, "version": "0.0.0", "main": "./index.cjs",
  "devDependencies": {
    "@sinonjs/fake-timers": "11.2.2", "base64-arraybuffer": "1.0.2", "engine.io-client": "6.6.4",
    "esbuild": "0.25.12", "expect.js": "0.3.1", "has-cors": "1.1.0", "mocha": "10.8.2", "socket.io": "4.8.4",
    "socket.io-client": "4.8.4", "text-blob-builder": "0.0.1", "tsx": "4.20.6", "ws": "8.18.3"
  }
}
EOF
cd "$work"
[ -d node_modules/tsx ] || npm install --silent --no-audit --no-fund >/dev/null 2>&1

if [ "$which" = official ]; then
  echo 'module.exports = require("socket.io-client");' >index.cjs
  echo 'module.exports = require("../../node_modules/socket.io-client/build/cjs/url.js");' >build/cjs/url.js
else
  node_modules/.bin/esbuild --log-level=error --bundle --format=cjs --platform=neutral --outfile=ours.cjs "$dist/socket.io.esm.min.js"
  node_modules/.bin/esbuild --log-level=error --bundle --format=cjs --outfile=address.cjs "$here/../../client/js/src/url.ts"
  cp "$here/official-alias.cjs" index.cjs
  cp "$here/official-url.cjs" build/cjs/url.js
fi
# Left out for both: see OFFICIAL.md.
status=0
timeout 120 node_modules/.bin/mocha --import=tsx --require test/support/hooks.ts --exit --reporter spec --timeout 5000 \
  test/index.ts >result.txt 2>&1 || status=$?
cat result.txt
exit $status
