// The addresses of the public sources, read from the one file in which they stand.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./toolchain.mjs";

/** The address of the first stock source of a protocol. */
export function stockSource(protocol) {
  const catalogue = readFileSync(join(root, "src", "protocol", "catalogue.rs"), "utf8");
  const address = new RegExp(`stock\\("${protocol}", "[^"]+", "([^"]+)"\\)`).exec(catalogue)?.[1];
  if (!address) throw new Error(`the catalogue has no source for ${protocol}`);
  return address;
}
