// What the page of the inspector is like with a server that has many sockets, in Chromium:
//
//	(cd bench && go run ./admin -hold 60s -churn 200) & # prints an address
//	node conformance/admin/many.mjs ADDRESS
//
// It looks through sockets, rooms and the overview for 20 seconds, twice a second, and prints
// how long the first list takes, how smoothly the page draws, and what it gets.
import { launch } from "./ui.mjs";

const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
await page.addInitScript(() => {
  globalThis.seen = { frames: 0, slow: 0, longest: 0, shift: 0, tasks: 0 };
  new PerformanceObserver((list) => list.getEntries().forEach((e) => (seen.shift += e.hadRecentInput ? 0 : e.value))).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => list.getEntries().forEach((e) => (seen.tasks = Math.max(seen.tasks, e.duration)))).observe({ type: "longtask", buffered: true });
  let last = 0;
  const frame = (at) => {
    if (last) {
      seen.frames++;
      seen.longest = Math.max(seen.longest, at - last);
      if (at - last > 50) seen.slow++;
    }
    last = at;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
});
const session = await page.context().newCDPSession(page);
let bytes = 0;
await session.send("Network.enable");
session.on("Network.webSocketFrameReceived", (e) => (bytes += e.response.payloadData.length));

await page.goto(process.argv[2] + "#/sockets");
await page.locator("#sockets-table tbody tr:nth-child(100)").waitFor();
const first = await page.evaluate(() => performance.now());
const total = await page.locator("#sockets-count").textContent();
await page.evaluate(() => Object.assign(seen, { frames: 0, slow: 0, longest: 0 }));
const from = bytes;
for (let i = 0; i < 40; i++) {
  const view = ["Sockets", "Sockets", "Sockets", "Rooms", "Overview"][i % 5];
  await page.getByRole("link", { name: view, exact: true }).click();
  if (view === "Sockets") await page.getByRole("button", { name: i % 2 ? "Older" : "Search" }).locator("visible=true").click();
  await page.waitForTimeout(500);
}
const seen = await page.evaluate(() => globalThis.seen);
console.log(`${total}: the first list is there ${first.toFixed(0)} ms after the page was asked for; then ${seen.frames} frames, the longest after ${seen.longest.toFixed(0)} ms, ${seen.slow} after more than 50 ms; the longest task ${seen.tasks.toFixed(0)} ms; layout shift ${seen.shift.toFixed(3)}; ${((bytes - from) / 20 / 1024).toFixed(0)} KB a second`);
await browser.close();
