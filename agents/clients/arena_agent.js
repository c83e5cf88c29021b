// Arena's reference client for Node: one file, no packages. Copy it beside your agent.
//
//   const { run } = require("./arena_agent.js");
//   run((observation) => observation.legal_actions[0]);
//
// `run` speaks over standard input and output (exec:node my_agent.js), `serve` over HTTP (http://localhost:8000).
// An observation has game, player, ply, seed, match, legal_actions (or low, high, whole), and those of text, tensor and
// information_state that the game has and you want. Answer with a number, or with an array where actions are vectors.
// `seed` and `match` are numbers of 63 bits, which JavaScript rounds to 53: still good as a seed and as a key.
"use strict";

const PROTOCOL_VERSION = 1;

// The function from a message to its answer; null where there is nothing to answer.
//   wants: parts of observations, undefined = all. matches: how many at once.
//   hello, start, end: called with those messages (the game's facts; match, player, move_s, match_s; match, player, returns).
function makeAnswer(act, about = {}) {
  const { hello, start, end, ...facts } = about;
  const called = { hello, start, end };
  return async (message) => {
    if (message.type === "act") {
      return { type: "action", request: message.request, action: await act(message.observation) };
    }
    if (called[message.type]) await called[message.type](message);
    return message.type === "hello" ? { type: "hello", protocol: PROTOCOL_VERSION, ...facts } : null;
  };
}

// Plays over standard input and output until Arena says quit. console.log goes to the log.
async function run(act, about) {
  const answer = makeAnswer(act, about);
  console.log = console.error; // standard output is for messages
  const lines = require("node:readline").createInterface({ input: process.stdin, crlfDelay: Infinity });
  for await (const line of lines) {
    const message = JSON.parse(line);
    if (message.type === "quit") break;
    const said = await answer(message);
    if (said !== null) process.stdout.write(JSON.stringify(said) + "\n");
  }
  lines.close();
}

// Plays over HTTP, one message a POST, until interrupted.
function serve(act, { host = "127.0.0.1", port = 8000, ...about } = {}) {
  const answer = makeAnswer(act, about);
  const server = require("node:http").createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const said = await answer(JSON.parse(Buffer.concat(chunks).toString("utf8")));
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(said));
  });
  server.listen(port, host, () => console.log(`listening on http://${host}:${server.address().port}`));
  return server;
}

module.exports = { makeAnswer, run, serve };
