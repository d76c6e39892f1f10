// The stock Socket.IO client and a stock mail server, told what to do by JSON lines on stdin; what it hears goes to stdout the same way.
// It keeps nothing and judges nothing: the test that drives it does.
"use strict";

const { createServer } = require("node:http");
const { join } = require("node:path");
const { createInterface } = require("node:readline");
const { pathToFileURL } = require("node:url");
const installed = (name) => require(require.resolve(name, { paths: [process.argv[2]] }));
const { io } = installed("socket.io-client");
const { SMTPServer } = installed("smtp-server");

const sockets = new Map();
let provided;
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const actions = {
  // Connects, or tells how it was refused.
  connect: ({ name, url, token, headers, transports, upgrade, reconnection }) =>
    new Promise((resolve) => {
      const socket = io(url, {
        auth: token === undefined ? {} : { token },
        extraHeaders: headers,
        transports,
        upgrade,
        reconnection: reconnection === true,
        reconnectionDelay: 100,
        reconnectionDelayMax: 300,
        forceNew: true,
        timeout: 20_000,
      });
      sockets.set(name, socket);
      socket.onAny((event, data) => say({ from: name, event, data }));
      socket.on("connect", () => {
        say({ from: name, event: "$connected", data: { transport: socket.io.engine.transport.name } });
        socket.io.engine.on("upgrade", (t) => say({ from: name, event: "$upgraded", data: { transport: t.name } }));
        resolve({ connected: true });
      });
      socket.on("connect_error", (e) => {
        say({ from: name, event: "$refused", data: { message: e.message } });
        resolve({ connected: false, message: e.message });
      });
      socket.on("disconnect", (reason) => say({ from: name, event: "$disconnected", data: { reason } }));
    }),
  ask: ({ name, event, data }) => sockets.get(name).timeout(10_000).emitWithAck(event, data),
  // Many sockets, each of which asks in the moment it is connected; tells how many were answered.
  rush: async ({ url, token, transports, sockets: count, event, data }) => {
    const one = () =>
      new Promise((resolve) => {
        const socket = io(url, { auth: { token }, transports, forceNew: true, reconnection: false });
        const done = (what) => {
          socket.disconnect();
          resolve(what);
        };
        socket.on("connect_error", (e) => done(`refused: ${e.message}`));
        socket.on("connect", () =>
          socket.timeout(10_000).emit(event, data, (e, answer) => done(e ? "no answer" : Object.keys(answer).join())),
        );
      });
    const told = await Promise.all(Array.from({ length: count }, one));
    return { answered: told.filter((t) => t.includes("subscribed")).length, told: [...new Set(told)] };
  },
  // A mail server that takes letters and tells of each; it refuses whoever is called nobody.
  mail: () =>
    new Promise((resolve, reject) => {
      const server = new SMTPServer({
        disabledCommands: ["AUTH", "STARTTLS"],
        disableReverseLookup: true,
        logger: false,
        onRcptTo: ({ address }, _session, done) =>
          address.startsWith("nobody@") ? done(Object.assign(new Error("no such person"), { responseCode: 550 })) : done(),
        onData(stream, session, done) {
          const chunks = [];
          stream.on("data", (chunk) => chunks.push(chunk));
          stream.on("end", () => {
            const to = session.envelope.rcptTo.map((r) => r.address);
            say({ from: "$mail", event: "letter", data: { to, text: Buffer.concat(chunks).toString("utf8") } });
            done();
          });
        },
      });
      server.on("error", reject);
      server.listen(0, "127.0.0.1", () => resolve({ port: server.server.address().port }));
    }),
  // A stock OpenID provider: begun without anybody, it is told of us when we are there.
  provider: async ({ redirect, issuer }) => {
    const { default: Provider } = await import(pathToFileURL(join(process.argv[2], "node_modules/oidc-provider/lib/index.js")));
    const server = provided ?? createServer();
    if (!provided) await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    provided = server;
    const url = issuer ?? `http://127.0.0.1:${server.address().port}`;
    const provider = new Provider(url, {
      clients: redirect === undefined ? [] : [{ client_id: "slotwise", client_secret: "a secret of the test", redirect_uris: [redirect] }],
      pkce: { methods: ["S256"], required: () => true },
      conformIdTokenClaims: false,
      claims: { openid: ["sub"], profile: ["name"] },
      cookies: { keys: ["a key of the test"] },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `Provided ${id}` }) }),
    });
    server.removeAllListeners("request");
    server.on("request", provider.callback());
    return { url };
  },
  // A browser at the provider: it goes where it is sent, signs in as somebody and consents; tells where it is sent in the end.
  atProvider: async ({ url, login }) => {
    const cookies = new Map();
    const home = new URL(url).origin;
    const go = async (to, body) => {
      const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
      const answer = await fetch(to, { method: body ? "POST" : "GET", body, headers, redirect: "manual" });
      for (const cookie of answer.headers.getSetCookie()) {
        const [name, value] = cookie.split(";")[0].split("=");
        cookies.set(name, value);
      }
      return answer;
    };
    let at = url;
    for (let step = 0; step < 20; step += 1) {
      let answer = await go(at);
      if (answer.status === 200) {
        const page = await answer.text();
        const prompt = page.includes('value="consent"') ? "consent" : "login";
        answer = await go(at, new URLSearchParams({ prompt, login, password: "any" }));
      }
      const next = answer.headers.get("location");
      if (!next) throw new Error(`${answer.status} at ${at}: ${await answer.text()}`);
      at = new URL(next, at).href;
      if (new URL(at).origin !== home) return { back: at };
    }
    throw new Error("the provider never sends back");
  },
  transport: ({ name }) => sockets.get(name).io.engine.transport.name,
  close: ({ name }) => {
    sockets.get(name).disconnect();
    return true;
  },
};

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const told = JSON.parse(line);
    try {
      say({ re: told.id, ok: (await actions[told.do](told)) ?? null });
    } catch (e) {
      say({ re: told.id, error: String(e?.message ?? e) });
    }
  })
  .on("close", () => process.exit(0));
