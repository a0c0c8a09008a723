// Starts the real binary for the Node tests, on free ports; everything is stopped by process id.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";

const binary = process.env.BELLWETHER ?? new URL("../../../build/release/bellwether", import.meta.url).pathname;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export const dialects = ["vllm", "deepseek", "llama-server", "openai"];
/// What a caller gets for each fault of the simulator; the Python tests read the same table.
export const faults = JSON.parse(readFileSync(new URL("../faults.json", import.meta.url), "utf8"));
export const raises = { 400: OpenAI.BadRequestError, 401: OpenAI.AuthenticationError, 403: OpenAI.PermissionDeniedError, 404: OpenAI.NotFoundError,
  413: OpenAI.APIError, 429: OpenAI.RateLimitError, 502: OpenAI.InternalServerError, 503: OpenAI.InternalServerError, 504: OpenAI.InternalServerError };

const children = [];

/// SIGTERM, and once more for one that waits for connections to end.
async function stopAll() {
  for (const child of children.splice(0).reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = new Promise((done) => child.once("exit", done));
    child.kill("SIGTERM");
    setTimeout(() => child.kill("SIGTERM"), 3000).unref();
    await ended;
  }
}

async function start(folder, name, args) {
  const readyFile = join(folder, `${name}.json`);
  const child = spawn(binary, [...args, "--ready-file", readyFile], { cwd: folder, stdio: "ignore" });
  children.push(child);
  for (let i = 0; !existsSync(readyFile); i++) {
    if (child.exitCode !== null || i > 3000) {
      await stopAll();  // one that is left would keep the test runner waiting
      throw new Error(`${name} did not start`);
    }
    await sleep(10);
  }
  const ready = JSON.parse(readFileSync(readyFile, "utf8"));
  return { url: ready.listen[0] };
}

/// A gateway before a simulator of each flavour. Models: "m-vllm" …, and "vllm/cut:2" … for the faults.
export async function startWorld() {
  const folder = mkdtempSync(join(tmpdir(), "bellwether-node-"));
  const sims = {};
  const route = (model, upstream, name) => `[model."${model}"]\nroute = [{ upstream = "${upstream}", model = "${name}" }]\n`;
  let text = `listen = "127.0.0.1:0"\ndata = "data"\n[admin]\nlisten = "127.0.0.1:0"\n[log]\naccess = "off"\n[limits]\nrequest_bytes = "1MiB"\nconnections = 40\n`;
  for (const dialect of dialects) {
    sims[dialect] = await start(folder, dialect, ["sim", "--flavor", dialect, "--listen", "127.0.0.1:0", "--model", "m"]);
    text += `[upstream.${dialect}]\ndialect = "${dialect}"\nbase_url = "${sims[dialect].url}/v1"\ntimeout = { first_token = "1s", idle = "1s" }\n`;
    text += route(`m-${dialect}`, dialect, "m");
    for (const fault of Object.keys(faults)) text += route(`${dialect}/${fault}`, dialect, `fault-${fault}`);
  }
  text += `[upstream.dead]\nbase_url = "http://127.0.0.1:1/v1"\n` + route("dead", "dead", "m");
  const config = join(folder, "b.toml");
  writeFileSync(config, text);
  const gateway = await start(folder, "gateway", ["serve", "--config", config]);
  const makeKey = (name, ...more) =>
    JSON.parse(execFileSync(binary, ["key", "create", "--name", name, "--config", config, "--json", ...more], { encoding: "utf8" })).key;
  const revokeKey = (name) => execFileSync(binary, ["key", "revoke", name, "--config", config], { stdio: "ignore" });
  const key = makeKey("node");
  const client = (options = {}) => new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0, ...options });
  const stop = async () => {
    await stopAll();
    rmSync(folder, { recursive: true });
  };
  return { client, sims, url: gateway.url, makeKey, revokeKey, stop };
}

export const sixteen = JSON.parse(readFileSync(new URL("../sixteen.json", import.meta.url), "utf8"));

/// A gateway with two simulators, "home" and its fallback "back", as test_sixteen.py has them: models "0-plain", "0-stream" … by the table's row.
export async function startPair(tokens) {
  const folder = mkdtempSync(join(tmpdir(), "bellwether-node-"));
  const sims = {};
  let text = `listen = "127.0.0.1:0"\ndata = "data"\n[admin]\nlisten = "127.0.0.1:0"\n[log]\naccess = "off"\n`;
  for (const [name, flavor] of [["home", "deepseek"], ["back", "vllm"]])
    sims[name] = await start(folder, name, ["sim", "--flavor", flavor, "--listen", "127.0.0.1:0", "--model", "m", "--tokens", String(tokens), "--delay", "1ms"]);
  const upstream = (name, sim, dialect) =>
    `[upstream.${name}]\ndialect = "${dialect}"\nbase_url = "${sims[sim].url}/v1"\ntimeout = { first_token = "2s", idle = "2s" }\n`;
  for (const [row, { fault, back_fault }] of sixteen.entries()) {
    text += upstream(`home-${row}`, "home", "deepseek") + upstream(`back-${row}`, "back", "vllm");
    for (const mode of ["plain", "stream"]) {
      const [first, second] = [fault ? `fault-${fault}#${row}-${mode}` : "m", back_fault ? `fault-${back_fault}` : "m"];
      text += `[model."${row}-${mode}"]\nroute = [{ upstream = "home-${row}", model = "${first}" }, { upstream = "back-${row}", model = "${second}" }]\n`;
    }
  }
  text += upstream("whole", "back", "vllm") + `[model.whole]\nroute = [{ upstream = "whole", model = "m" }]\n`;
  const config = join(folder, "b.toml");
  writeFileSync(config, text);
  const gateway = await start(folder, "gateway", ["serve", "--config", config]);
  const key = JSON.parse(execFileSync(binary, ["key", "create", "--name", "node", "--config", config, "--json"], { encoding: "utf8" })).key;
  const client = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0, timeout: 30_000 });
  const asked = async (sim) => (await (await fetch(`${sims[sim].url}/sim/requests`)).json()).requests;
  const forget = (sim) => fetch(`${sims[sim].url}/sim/requests`, { method: "DELETE" });
  const stop = async () => {
    await stopAll();
    rmSync(folder, { recursive: true });
  };
  return { client, asked, forget, stop };
}
