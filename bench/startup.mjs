// Prints the milliseconds that V8 takes to evaluate the built Worker as an isolate does before its first request.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith("cloudflare:")) return { url: specifier, format: "module", shortCircuit: true };
    return next(specifier, context);
  },
  load(url, context, next) {
    const module = (source) => ({ format: "module", source, shortCircuit: true });
    if (url.startsWith("cloudflare:")) return module("export class WorkerEntrypoint {} export class DurableObject {} export const env = {};");
    if (!url.endsWith(".wasm")) return next(url, context);
    globalThis.bytesOfModule = readFileSync(fileURLToPath(url));
    return module("export default new WebAssembly.Module(globalThis.bytesOfModule);");
  },
});

globalThis.addEventListener ??= () => {}; // workers hear of lost instances by it
const began = performance.now();
await import(pathToFileURL(process.argv[2]));
console.log((performance.now() - began).toFixed(3));
