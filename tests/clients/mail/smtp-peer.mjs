// A real mail server for the tests: takes every message and prints it as one line of JSON. Its certificate, name and password come from the
// environment; without a certificate it offers no TLS. PEER_PORT is where it listens, any free port by default.
import { readFileSync } from "node:fs";
import { SMTPServer } from "smtp-server";

const { PEER_CERT, PEER_KEY, PEER_USER, PEER_PASSWORD, PEER_TLS } = process.env;
const server = new SMTPServer({
  secure: PEER_TLS === "first",
  ...(PEER_CERT ? { cert: readFileSync(PEER_CERT), key: readFileSync(PEER_KEY) } : { hideSTARTTLS: true, disabledCommands: ["STARTTLS"] }),
  authOptional: !PEER_USER,
  disableReverseLookup: true,
  onAuth: (auth, session, done) =>
    auth.username === PEER_USER && auth.password === PEER_PASSWORD ? done(null, { user: auth.username }) : done(new Error("wrong")),
  onRcptTo: (address, session, done) =>
    address.address.startsWith("refused") ? done(Object.assign(new Error("no such mailbox"), { responseCode: 550 })) : done(),
  onData: (stream, session, done) => {
    const parts = [];
    stream.on("data", (part) => parts.push(part));
    stream.on("end", () => {
      console.log(JSON.stringify({
        to: session.envelope.rcptTo.map((r) => r.address),
        from: session.envelope.mailFrom.address,
        tls: session.secure === true,
        user: session.user ?? null,
        message: Buffer.concat(parts).toString("utf8"),
      }));
      done();
    });
  },
});
server.on("error", (error) => console.error(error.message));
server.listen(Number(process.env.PEER_PORT ?? 0), "127.0.0.1", () => console.log(JSON.stringify({ port: server.server.address().port })));
