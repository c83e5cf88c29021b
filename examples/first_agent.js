// A first agent: arena play openspiel:tic_tac_toe "exec:node examples/first_agent.js" random
const { run } = require("../agents/clients/arena_agent.js");

// Chooses the middle one of the legal actions; observation.text shows the table, observation.seed is for chance.
function act(observation) {
  const legal = observation.legal_actions;
  return legal[Math.floor(legal.length / 2)];
}

run(act, { name: "first agent", deterministic: true });
