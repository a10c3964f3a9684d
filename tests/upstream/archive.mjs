// Deterministic archives without dependencies: the same files give the same bytes on every machine and every day.

import { crc32, deflateRawSync, gzipSync } from "node:zlib";

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

/** A zip archive of `{ path: text | Buffer }` in the order given, compressed unless `store`, dated 1980-01-01. */
export function zip(files, { store = false } = {}) {
  const locals = [];
  const directory = [];
  let offset = 0;
  for (const [path, file] of Object.entries(files)) {
    const content = Buffer.from(file);
    const data = store ? content : deflateRawSync(content, { level: 9 });
    const name = Buffer.from(path);
    const fields = zipFields({ content, data, name, store });
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, name, data]);
    directory.push(zipDirectoryEntry(fields, name, offset));
    locals.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, entries, end]);
}

/** What a local header and the directory say alike of an entry. */
function zipFields({ content, data, name, store }) {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(0x0800, 2); // names are UTF-8
  fields.writeUInt16LE(store ? 0 : 8, 4);
  fields.writeUInt16LE(0x21, 8);
  fields.writeUInt32LE(crc32(content), 10);
  fields.writeUInt32LE(data.length, 14);
  fields.writeUInt32LE(content.length, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

function zipDirectoryEntry(fields, name, offset) {
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE((0o100644 << 16) >>> 0, 6);
  rest.writeUInt32LE(offset, 10);
  return Buffer.concat([Buffer.from("PK\x01\x02\x14\x03"), fields, rest, name]);
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
