// Deterministic archives without dependencies: the same files give the same bytes on every machine and every day.

import { gzipSync } from "node:zlib";

const BLOCK = 512;
// npm stamps every entry with this moment (1985-10-26), so that packing twice gives equal archives.
const MODIFIED = 499_162_500;

/** A gzipped ustar archive of `{ path: text | Buffer | { content, mode } }`, as `npm pack` makes it. */
export function tarball(files, { level = 9 } = {}) {
  const blocks = Object.keys(files)
    .sort()
    .flatMap((path) => {
      const { content, mode } = entry(files[path]);
      return [header(path, content.length, mode), content, Buffer.alloc(padding(content.length))];
    });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]), { level });
}

/** Bytes that do not compress and are the same for the same seed: ballast for large archives. */
export function noise(length, seed = 1) {
  const bytes = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  for (let offset = 0; offset + 4 <= length; offset += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state | 0, offset);
  }
  return bytes;
}

function entry(file) {
  const described = typeof file === "object" && !Buffer.isBuffer(file);
  return { content: Buffer.from(described ? file.content : file), mode: (described && file.mode) || 0o644 };
}

function padding(length) {
  return (BLOCK - (length % BLOCK)) % BLOCK;
}

function header(path, size, mode) {
  const block = Buffer.alloc(BLOCK);
  const { name, prefix } = split(path);
  block.write(name, 0, 100);
  octal(block, mode, 100, 8);
  octal(block, 0, 108, 8);
  octal(block, 0, 116, 8);
  octal(block, size, 124, 12);
  octal(block, MODIFIED, 136, 12);
  block.write("        ", 148, 8);
  block.write("0", 156);
  block.write("ustar\u000000", 257, 8);
  block.write(prefix, 345, 155);
  octal(block, block.reduce((sum, byte) => sum + byte, 0), 148, 7);
  return block;
}

function octal(block, value, offset, width) {
  block.write(`${value.toString(8).padStart(width - 1, "0")}\0`, offset, width);
}

/** ustar keeps 100 bytes of name, and 155 more of leading folders in a field of their own. */
function split(path) {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: "" };
  const cut = path.indexOf("/", Buffer.byteLength(path) - 101);
  if (cut < 0 || cut > 155) throw new Error(`path too long for ustar: ${path}`);
  return { name: path.slice(cut + 1), prefix: path.slice(0, cut) };
}
