// Applications on Express with express-session and connect-redis, each on a
// port of its own, with one Redis. Prints the ports as JSON when all listen.
import { createHash } from "node:crypto";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { createClient } from "redis";

const client = await createClient({ url: process.env.REDIS }).connect();

// What a Node application says to the Go servers: docs/sessions.md.
const hash = (id) => createHash("sha256").update(id).digest("hex").slice(0, 32);
const loggedOut = (id) => client.publish("gosio:session", JSON.stringify({ session: hash(id) }));
const renewed = (oldID, id) => client.publish("gosio:session", JSON.stringify({ session: hash(oldID), renewedAs: id }));

const later = (req, name, ...args) => new Promise((resolve, reject) => req.session[name](...args, (error) => (error ? reject(error) : resolve())));

function application(options) {
  const app = express();
  app.use(express.json());
  app.use(session({ store: new RedisStore({ client }), resave: false, saveUninitialized: false, cookie: { maxAge: 3_600_000 }, ...options }));
  app.post("/login", async (req, res) => {
    await later(req, "regenerate"); // a new id
    Object.assign(req.session, { views: 1, ...req.body });
    res.json({ id: req.sessionID });
  });
  app.get("/session", (req, res) => res.json({ id: req.sessionID, ...req.session, cookie: req.session.cookie.toJSON() }));
  app.post("/session", (req, res) => {
    Object.assign(req.session, req.body);
    res.json({});
  });
  app.post("/renew", async (req, res) => {
    const { sessionID: before, session: { cookie, ...values } } = req;
    await later(req, "regenerate");
    Object.assign(req.session, values);
    await later(req, "save");
    await renewed(before, req.sessionID);
    res.json({});
  });
  app.post("/logout", async (req, res) => {
    const { sessionID } = req;
    await later(req, "destroy");
    if (req.body.told) await loggedOut(sessionID);
    res.clearCookie("connect.sid").json({});
  });
  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => resolve(server.address().port));
  });
}

console.log(JSON.stringify({
  now: await application({ secret: ["new secret", "old secret"] }),
  before: await application({ secret: "old secret" }),
  elsewhere: await application({ secret: "another secret" }),
  short: await application({ secret: ["new secret"], rolling: true, cookie: { maxAge: 3000 } }),
  window: await application({ secret: ["new secret"], cookie: {} }),
}));
