// Starts the real binary for the Node tests, on free ports; everything is stopped by process id.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";

const binary = process.env.BELLWETHER ?? new URL("../../../build/release/bellwether", import.meta.url).pathname;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function start(folder, name, args) {
  const readyFile = join(folder, `${name}.json`);
  const child = spawn(binary, [...args, "--ready-file", readyFile], { cwd: folder, stdio: "ignore" });
  for (let i = 0; !existsSync(readyFile); i++) {
    if (child.exitCode !== null || i > 3000) throw new Error(`${name} did not start`);
    await sleep(10);
  }
  const ready = JSON.parse(readFileSync(readyFile, "utf8"));
  return { child, url: ready.listen[0] };
}

/// A gateway before a simulator whose faults are models: "fault-cut:2" and so on.
export async function startWorld(faults) {
  const folder = mkdtempSync(join(tmpdir(), "bellwether-node-"));
  const sim = await start(folder, "sim", ["sim", "--listen", "127.0.0.1:0", "--model", "m"]);
  const models = ["m", ...faults.map((fault) => `fault-${fault}`)];
  const config = join(folder, "b.toml");
  writeFileSync(config, `listen = "127.0.0.1:0"\ndata = "data"\n[admin]\nlisten = "127.0.0.1:0"\n[log]\naccess = "off"\n` +
    `[upstream.sim]\ndialect = "vllm"\nbase_url = "${sim.url}/v1"\ntimeout = { first_token = "1s", idle = "1s" }\n` +
    models.map((model) => `[model."${model}"]\nroute = ["sim"]\n`).join(""));
  const gateway = await start(folder, "gateway", ["serve", "--config", config]);
  const key = JSON.parse(execFileSync(binary, ["key", "create", "--name", "node", "--config", config, "--json"])).key;
  const client = (options = {}) => new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0, ...options });
  const stop = async () => {
    for (const { child } of [gateway, sim]) {
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      setTimeout(() => child.kill("SIGTERM"), 3000).unref();
      await ended;
    }
    rmSync(folder, { recursive: true });
  };
  return { client, sim, stop };
}
